"""The functions that which-pool maps beside those of app.runner.workloads; app.runner.work has their table.

computing  primes, zlib and uneven items; square, sums, hashes and files by app.runner.workloads
waiting    sleep and a real HTTP server's answers, as functions and as coroutines
server     that server, a program of its own
bulky      large arguments and results, much memory
sharing    one number that all workers add to
"""
