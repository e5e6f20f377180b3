"""The settings that a run compares: which there are for a Python, and why one can't do this work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from poolscope.protocol.kinds import IN_PROCESSES, KINDS, SERIAL, chunk_used

# What their workers get goes through pickle.
SENT_TO = ("process", "pool")
NAMES = {SERIAL: "the plain loop", "pool": "multiprocessing.Pool({})", "asyncio": "asyncio with {} at once"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """One setting under one Python; `start_method` is '' where it has none, `chunksize` 0 the kind's own choice."""

    python: str
    kind: str
    size: int = 1
    start_method: str = ""
    chunksize: int = 0

    @property
    def key(self) -> str:
        if self.kind == SERIAL:
            return f"{self.python} {SERIAL}"
        words = [self.python, self.kind, self.start_method, str(self.size)]
        if self.kind in IN_PROCESSES:
            words.append(f"c{self.chunksize}")
        return " ".join(filter(None, words))

    @property
    def words(self) -> str:
        """'the plain loop', '2 interpreters': as sentences on one Python name it."""
        if self.kind in NAMES:
            return NAMES[self.kind].format(self.size)
        plural = "" if self.size == 1 else "es" if self.kind == "process" else "s"
        return f"{self.size} {self.kind}{plural}"

    def planned(self, items: int) -> dict[str, Any]:
        """Its row in the plan; `spare_workers` are those for whom there will never be anything to do."""
        used = chunk_used(self.kind, self.chunksize, items, self.size)
        return {
            "arm": self.key,
            "python": self.python,
            "kind": self.kind,
            "start_method": self.start_method,
            "size": self.size,
            "chunksize": self.chunksize,
            "chunk_used": used,
            "spare_workers": max(0, self.size - -(-items // used)),
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; no `kinds` are all that fit, no `start_methods` the Python's own."""

    kinds: Sequence[str]
    sizes: Sequence[int]
    chunksizes: Sequence[int]
    start_methods: Sequence[str]

    def configs(self, python: str, about: Mapping[str, Any], preflight: Mapping[str, Any]) -> list[Configuration]:
        """The plain loop first, then kind by kind. `about` is what the host said of itself."""
        found = [Configuration(python, SERIAL)]
        for kind in self.kinds_of(about, preflight):
            methods = (self.start_methods or [about["start_method"]]) if kind in IN_PROCESSES else [""]
            chunks = self.chunksizes if kind in IN_PROCESSES else [0]
            for method, chunk, size in product(methods, chunks, self.sizes):
                found.append(Configuration(python, kind, size, method, chunk))
        return found

    def kinds_of(self, about: Mapping[str, Any], preflight: Mapping[str, Any]) -> list[str]:
        """In the order in which they are named everywhere; one that was asked for by name is there even if it can't."""
        if self.kinds:
            return [kind for kind in KINDS if kind in self.kinds and kind != SERIAL]
        there = [kind for kind in KINDS if about["kinds"].get(kind) is None and kind != SERIAL]
        return [kind for kind in there if kind != "asyncio" or preflight["coroutine"]]


def unfit(config: Configuration, about: Mapping[str, Any], preflight: Mapping[str, Any]) -> str | None:
    """Why an arm can't do this work, in a sentence; None where nothing speaks against it."""
    kind, function = config.kind, preflight["function"]
    if why := about["kinds"].get(kind):
        return str(why)
    if config.start_method and config.start_method not in about["start_methods"]:
        return f"This Python has no start method {config.start_method}."
    if kind == "asyncio" and not preflight["coroutine"]:
        return f"{function} has no form as an async def: in asyncio's one thread it would be the plain loop again."
    if preflight["is_async"] and kind not in (SERIAL, "asyncio"):
        return f"{function} is an async def: called by a pool's worker it makes a coroutine that nobody awaits."
    unpicklable = dict(preflight["unpicklable"])
    if kind == "interpreter":
        unpicklable.pop("function", None)  # some that have no name go there by their code: it is tried
    if kind in (*SENT_TO, "interpreter") and unpicklable:
        return " ".join(unpicklable.values())
    return None
