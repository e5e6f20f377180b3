"""The built-in work; catalog has its table.

computing  primes, zlib and uneven items; square, sums, hashes and files by poolscope.workloads.functions
waiting    sleep and a real HTTP server's answers, as functions and as coroutines
server     that server, a program of its own
bulky      large arguments and results, much memory
sharing    one number that all workers add to
"""
