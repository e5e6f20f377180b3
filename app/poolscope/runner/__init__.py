"""The child process of a run: it does the real work and records it, with the standard library alone.

__main__         how the server starts it, by folder, under any Python with -I -S
main             waits for a run on the control channel, does it, says how it ended
context          what an experiment's body is given: a recorder, controls, stop
recorder         batches records and writes them, never in the way of the code that it watches
progress         time left, from the run's own pace
locks            a lock that knows its owner, its waiters and how long they took
worker_registry  the workers of the moment by number, so that one of them can be killed on request
tracing          a traced repetition as lanes and a summary
channels         keeps the pipes to the server from what the runner starts
pools            one way to time one map, whatever the kind of pool
host             a process that does timed work under any Python, given orders, and the client that gives them
"""
