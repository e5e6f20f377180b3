"""A process that does all timed work under one Python: orders in, answers out, a JSON line each.

A user's function that crashes, hangs or leaves can hurt no more than its host.

    orchestrator: client ── OpenWork, TryWork, MeasureOnce … ──▶ host: server ─▶ setup ─▶ user_code
                         ◀── StepAnnounced …, then one answer ──              ├─▶ trial ─▶ pickling
                                                                              └─▶ repetition ─▶ runner.pools, equality

    client      starts a host under any Python, gives it orders, ends all of its tree in time
    __main__    how the client starts it: by folder
    server      takes one order after the other; its tree ends when nobody can give orders any more
    setup       what this Python is and has; opens a work, built in or a user's own
    user_code   loads `place:function@items+setup` from a user's folder, in clear sentences where it can't
    user_modules  imports what that names, by module or by file, from where the user's own Python would look
    trial       the calls before anything is timed: can it be sent, how long, what it prints, is a second one equal
    fresh_items whether calls change their items, and the copies that every pass gets then
    remembering whether a call of the same item is faster the second time
    laziness    whether a result is there, or yet to be made
    pickling    what can't be sent to a worker and why, and what sending costs
    repetition  one timed repetition, compared with the loop's results
    equality    whether two results are the same, within one process and across Pythons
    errors      what goes wrong, on either side
"""
