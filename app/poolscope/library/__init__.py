"""`poolscope.measure` for notebooks, scripts and tests: the command line's engine, called from Python.

measuring       measure(): what may be given, and what is raised
handing_over    a function and its items on their way to the process that measures, by name or by pickle
lone_run        one run from start to end in a scheduler of its own, as the command line has it too
background      that run in a thread, so that a running event loop does not matter, and Ctrl-C does
progress        what is shown meanwhile, in a terminal or a notebook
result          what comes back: verdict, winner, rows, findings
answer          a run as people read it, the answer first, and as text; html_answer has it as HTML
"""
