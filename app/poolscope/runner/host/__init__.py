"""The process that does all timed work of `which-pool` under one Python: orders in, answers out, a JSON line each.

__main__   how the orchestrator starts it, by folder, under any Python
loop       takes one order after the other; its tree ends when nobody can give orders any more
opening    what an order to open a workload makes of it: built-in work, or a user's function
users      loads `module:function@items+setup` from a user's folder, in clear sentences where it can't
preflight  what is known of the work before anything is timed
calls      the first calls: how long, what they print, whether a second one gives the same
pickles    what of it can't be sent to a worker and why, and what sending costs
likeness   whether two results are the same, within one process and across Pythons
passing    one pass of an arm, compared with the loop's results
lanes      the traced repetition's stamps as spans and a summary
"""
