"""Poolscope: the map and the words. Start reading here.

One idea: a run is a stream of records. A child process produces them, a journal keeps them, a fold turns them into a
state, a template turns the state into HTML, and one stream carries the HTML to every browser.

    browser ── POST ──▶ web ──▶ runs.scheduler ──▶ runs.runner_process ──▶ runner (standard library, own interpreter)
       ▲                                                 ▲                  threads · pools · failures
       │                                                 │ commands: stop, change, kill
       │                                                 ▼ records, one JSON object a line
       └── one SSE stream ◀── web.stream ◀── fold ◀── runs.journal (SQLite) ◀── pipe
            (HTML, morphed)     ≤ 10/s       pure       append-only

Rooms, in the order in which to read them. Imports go downwards only, from the last to the first (import-linter):

    errors       the errors that reach a user, as a drawn tree
    protocol     everything that crosses a process border: frozen dataclasses and their JSON
    machine      what this host is and does: CPUs, cgroups, memory, processes, noise, other interpreters
    workloads    the built-in work, described once
    text         how a number, a list, a plural reads
    stats        pure functions on samples: intervals, comparison, scaling, break-even, time budget
    runner       the child process: recorder, pools, hosts for other interpreters; standard library only
    experiments  one folder an experiment: parameters, body (what happens), state (what it means), messages
    runs         a run's life in the server: scheduler, runner process, journal, recovery
    library      measure() for notebooks, scripts and tests, and a run's answer as text and HTML
    web          pages, actions, the live stream, the JSON API, views, guide
    main         create_app: builds the parts and joins them; settings are read by main and cli alone
    cli          serve, run, measure, list, doctor, schema

Words, one a concept:

    configuration      one kind × size × chunk size × start method × Python under test
    repetition         one timed execution of a configuration; a round is one of every configuration
    sample             one number; a Measurement holds all times of one map
    plain loop         the baseline: the same function over the same items, in one thread, without a pool
    worker             a thread, process or interpreter of a pool
    warm-up            the first round, which does not count
    trial              the calls before anything is timed; equality: are results the same everywhere?
    session            another interpreter at work for a run, by a host process of its own
    Scheduler          admits, queues and starts runs; MeasurementLock: only one run measures at a time
    RunnerProcess      the child as the server holds it; RunMonitor follows it; a prewarmed one is kept ready
    RunContext         what a body is given; WorkerRegistry: the workers of the moment, by number
    RecordLog          a run's records in order; RunStore: the runs at hand; ChangeNotifier: something changed
    demand, budget     what a run will take of the machine, by its parameters; what all live runs may take
    shortage, breach   what a run waits for; why one was ended that did not end itself, often by the RunWatch
    recovery           what a server does at its start about a crash before
    finding, verdict   a check with its numbers, which holds, does not, or can't be told; the answer, with its interval
    view, fragment     a screen of an experiment; a part of a page that the stream replaces
    Installation       what one installation offers: its user's own work, other Pythons
    visitor            whose runs are whose, by a cookie or an address; limit: one row of `limits`, and a setting

A new experiment is one folder, a view with its templates, and one line in `experiments.registry` and `web.views` each.
`pool-sizes` and `which-pool` are two registrations of one folder, `pool_benchmark`.

From Python there is one function, `poolscope.measure`, with what it returns and raises.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poolscope.errors import BadParameters, MeasurementFailed, PoolscopeError
    from poolscope.library.background import MeasureProgress
    from poolscope.library.measuring import MeasurementInterrupted, measure
    from poolscope.library.result import MeasureResult

__version__ = "0.1.0"
__all__ = [
    "BadParameters",
    "MeasureProgress",
    "MeasureResult",
    "MeasurementFailed",
    "MeasurementInterrupted",
    "PoolscopeError",
    "__version__",
    "measure",
]

# Looked up when they are asked for: the child process imports this package too, and has the standard library alone.
_PLACES = {
    "BadParameters": "errors",
    "MeasureProgress": "library.background",
    "MeasureResult": "library.result",
    "MeasurementFailed": "errors",
    "MeasurementInterrupted": "library.measuring",
    "PoolscopeError": "errors",
    "measure": "library.measuring",
}


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
