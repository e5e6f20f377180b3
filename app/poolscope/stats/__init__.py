"""Pure functions on samples: intervals, comparison, scaling, break-even, time budget, disturbance, quantiles.

Nothing here does I/O; numpy and SciPy are imported where they are used, so that importing a module stays cheap.
"""
