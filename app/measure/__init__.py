"""Pure functions on samples: intervals, break-even, noise and which CPUs this process may use.

Nothing here does I/O, except `cpus` and `cgroups`, which read what the kernel says about this process.
"""
