"""One folder an experiment, each with the same four files; `registry` lists them.

params   what may be asked: one pydantic model; the form, the API and the command line come from it
         and so does the demand, what it will take of the machine; narrowing gives a demo narrower bounds
body     what happens, in the runner: standard library, poolscope.protocol.records and poolscope.runner only
state    what it means: fold(state, record) -> state, findings and verdict; pure
registration
         its name, title and question, and which of these functions do what
"""
