"""Pure functions on samples: intervals, winners, budgets, scaling, break-even, noise, and which CPUs we may use.

Nothing here does I/O, except `cpus` and `cgroups`, which read what the kernel says about this process.
"""
