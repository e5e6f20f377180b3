"""What the server gives a body to do: the parameters of one run as a frozen dataclass, one class an experiment."""

from __future__ import annotations

from dataclasses import dataclass

# The pool benchmark


@dataclass(frozen=True, slots=True)
class BenchmarkWork:
    """A work by name: built in, or one's own as module:function@items+setup, imported from `folder`.

    `work_ms` is the length of a call, None for its own; `items` how many, 0 for as many as it has. Where `first` is
    given, the items are the numbers from it on.
    """

    name: str
    folder: str = ""
    work_ms: float | None = None
    items: int = 0
    first: int | None = None


@dataclass(frozen=True, slots=True)
class ChosenPython:
    """An interpreter that takes part, by its label, which records name it by."""

    label: str
    executable: str


@dataclass(frozen=True, slots=True)
class BenchmarkArguments:
    """Of `which-pool` and `pool-sizes`. Without `pythons` the run's own process measures; each other one has a host.

    No `kinds` are all that a Python has and the work can use; no `start_methods` are the Python's own. A chunk size of
    0 is the kind's own choice. `method` is that of a multiprocessing.Pool. `limit_s` bounds a call and a repetition.
    """

    work: BenchmarkWork
    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    repeats: int
    chunksizes: tuple[int, ...] = (0,)
    start_methods: tuple[str, ...] = ()
    method: str = "map"
    pythons: tuple[ChosenPython, ...] = ()
    limit_s: float = 60.0
