"""The built-in work; `catalog` has its table.

compute      Python and C that computes, with the GIL and without it, evenly and not
io           waiting, a real HTTP server's answers as functions and as coroutines, files
http_server  that server, a program of its own
data         large arguments and results, much memory
shared       one number that all workers add to
work         what a work is once it is set up, and how that is done
source       a workload's code as part of a standalone script
"""
