"""The pages, the actions, the live stream and the JSON API, all from what runs and experiments tell.

app_state  what every route shares: templates, the scheduler, what other programs use
pages      GET /, /runs, /runs/{id}, /api
actions    POST: run, stop, change, kill a worker, run again, delete
stream     GET /live, the page's one event stream; a frame is rendered once for all viewers
fragments  the parts that pages are made of and the stream replaces, and the one way to render them
context    what the templates are given of runs, panels and the machine: declared dataclasses, never a live object
table      columns and rows for the one table macro
run_lists  what runs now and what came last, and the history
timeline   spans as one SVG path a state
views      what an experiment's templates show: one `View` an experiment
guide      the guide's pages, with what this machine has measured
forms      a parameter model as form fields
api        the JSON API, records as a stream
models     the API's answers, as the OpenAPI document has them
exports    a run as trace, CSV and script
problems   every error as a page or as problem+json
requests   an id for every request, a line of it in the log, the count of refusals; origin and host checks, size limits;
           the security headers of every answer
access     who is let in, and whose run is whose, by cookies and proxies; what a route asks of its request
connections  bounds on what a client may send before a request is one, and on how many connections there are
costly     answers that take long to make: one at a time, away from the event loop
open_streams  how many streams are open, of all clients and of each
replay     a run as it was at any moment
assets     static files with the right to be kept
metrics    /healthz, /readyz, /metrics
"""
