"""The face: pages, actions, the live stream and the JSON API, all from what runs and experiments say.

site       what every route shares: templates, bench, machine facts
words      numbers and times as text; the only place that words them
lanes      spans as one SVG path a state
contexts   what each template is given: declared dataclasses, never a live object
panels     a run and one panel of the bench in words
pieces     the pieces that a page is made of and the stream replaces
history    the list of runs
faces      what an experiment's templates show, one module an experiment
forms      a parameter model as form fields
pages      GET / , /runs, /runs/{id}, /api
actions    POST: run, stop, change, delete
live       GET /live, the page's one event stream; frames rendered once for all viewers
api        the JSON API, records as a stream, trace, CSV, script
problems   every error as a page or as problem+json
guards     origin and host checks, size limits
headers    the security headers that stand on every answer
metrics    /healthz, /readyz, /metrics
"""
