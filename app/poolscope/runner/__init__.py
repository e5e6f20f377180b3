"""The child process of a run: it does the real work and records it, with the standard library alone.

__main__   how the server starts it, by folder, under any Python with -I -S
child      waits for a run on the control channel, does it, says how it ended
stage      what an experiment's body is given: a recorder, controls, stop
recorder   batches records and writes them, never in the way of the code that it watches
locks      a lock that knows its owner, its waiters and how long they took
inside     what runs in a worker, with few imports
watch      notices a worker that ends in the middle of its work
traces     the traced repetition's tasks as records
noise      what else used the machine meanwhile
pace       time left, from the run's own pace
pools      one multiprocessing.Pool from start-up to shutdown, watched for workers that die
kinds      every kind of pool, and the plain loop, from start-up to shutdown by the same rules
workloads  the functions that pools run
work       what is mapped: a function with its items; the table of the built-in ones
built_in   the functions of that table beside those of workloads
memory     how much memory processes hold
spin       how many CPUs spinning processes really get
group      ends what is left of the runner's own process group
channels   keeps the pipes to the server from what the runner starts
host       the process that does timed work under any Python, given orders; hosts is who gives them
"""
