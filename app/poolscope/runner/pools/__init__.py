"""One way to time one map, whatever the kind of pool; start reading at `kinds`.

Imports nothing here: under spawn every worker imports this package before it can answer.
"""
