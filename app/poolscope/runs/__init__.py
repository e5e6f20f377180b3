"""A run's life in the server, from the request to the last record.

Read them in this order:

    run               one run: its status and the table of allowed changes, its records and the state that they fold to,
                      whose it is, and the notifier that wakes those who look on
    scheduler         which run starts now, which waits, which is refused; by it web and cli act on runs;
                      counts what they did, for /metrics
    budget            what all live runs may take of the machine, whether one more fits, and what is refused
    fair_queue        the runs that wait, visitors by turns
    measurement_lock  only one program at a time may measure
    store             the runs at hand: in memory, or folded again from the journal; there pages find them
    monitor           follows a run to its end: reads, journals, reaps, names how it ended; looks once a second at what
                      live runs hold, and ends the one that must
    redaction         what strangers need not see of what runs tell
    runner_process    one child process: start, command, read, stop, reap; and the one that is kept ready
    process_tree      kills what is left of a child's session, children before parents; knows a process again
    commands          what a live run can be told beside to stop
    recovery          after a crash: ends and removes what the server left; what was left waiting it leaves
    journal           runs and records in SQLite, one writer thread
    earlier_journals  sets a journal aside that an earlier version wrote, or that is damaged
"""
