"""A run's life in the server, from the wish to the last record.

Read them in this order:

    status      what a run may be, and the one table of allowed changes
    run         one run: its status, its records and the state that they fold to
    tape        a run's records in order, for those who read along
    signal      wakes all who wait for something newer than what they have
    bench       admission: which run starts now, which waits, which is refused
    pace        how fast one client may start runs
    shelf       the runs at hand: in memory, or folded again from the journal
    turn        the machine's one place for measuring
    driver      drives one run to its end: reads, keeps, reaps, names how it ended
    spares      a runner that waits with its imports done
    pythons     the Pythons of this machine that can run a run's work beside this one
    supervisor  one child process: start, order, read, stop, reap
    tree        kills what is left of a child's session, children before parents
    sweep       at start: ends and clears away what a crash left behind
    journal     runs and records in SQLite, one writer thread
"""
