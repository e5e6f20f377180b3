"""What may be asked of the tools that share data."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import field_validator

from poolscope.experiments.demand import RUNNER, WORKER, Demand
from poolscope.experiments.parameters import Params, RunLength, parameter, quoted, start_method_of_this_platform
from poolscope.experiments.sharing.catalog import ALL, TOOLS, chosen

MOST_OPERATIONS = 20_000
MOST_WORKERS = 16
MOST_REPEATS = 50
# Of one tool on a machine with two CPUs: being shown at work, and a round of 2,000 operations.
SHOWN_S, ROUND_S = 0.25, 0.1
ALLOWED = f"'{ALL}' or names out of {', '.join(TOOLS)}"
# What a page or a program calls a tool is understood too: 'threading.Lock'.
KNOWN = {ALL: ALL} | {tool.title.lower(): name for name, tool in TOOLS.items()}
KNOWN |= {tool.short.lower(): name for name, tool in TOOLS.items()} | {name: name for name in TOOLS}


class SharingParams(Params):
    amounts: ClassVar[tuple[str, ...]] = ("workers",)

    tools: list[str] = parameter(
        [ALL],
        "tools",
        choices={name: tool.title for name, tool in TOOLS.items()},
        none="all",
        help="Which tools share the data; none ticked means all of them.",
    )
    operations: int = parameter(
        2000,
        "operations",
        ge=10,
        le=MOST_OPERATIONS,
        limit="most_items",
        help="Operations per repetition; cheap ones are repeated up to 50 times, so that there is something to time.",
    )
    workers: int = parameter(
        4, "workers", ge=1, le=MOST_WORKERS, limit="most_workers", help="Threads or processes that share the data."
    )
    start_method: str | None = parameter(
        None, "start method", width=11, help="How processes start; default is the platform's."
    )
    repeats: int = parameter(
        7,
        "repetitions",
        ge=1,
        le=MOST_REPEATS,
        limit="most_repeats",
        advanced=True,
        help="Repetitions, after one warm-up.",
    )

    @field_validator("tools", mode="before")
    @classmethod
    def tools_from_words(cls, given: Any) -> Any:
        parts = given if isinstance(given, list | tuple) else [given]
        names = [name for part in parts for name in names_in(part)]
        if not names:
            raise ValueError(f"`tools` must be {ALLOWED}; there is none.")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"`tools` must be distinct; {', '.join(twice)} stands there more than once.")
        return [ALL] if ALL in names or len(names) == len(TOOLS) else names

    _start_method = field_validator("start_method", mode="before")(start_method_of_this_platform)

    @property
    def run_length(self) -> RunLength:
        rounds = 1 + self.repeats
        return RunLength(len(self.chosen) * (SHOWN_S + rounds * ROUND_S * self.operations / 2000))

    @property
    def worker_processes(self) -> int:
        return max(2, self.workers) if any(TOOLS[name].between == "processes" for name in self.chosen) else 0

    @property
    def demand(self) -> Demand:
        """One tool at a time; its queues have a thread in each process, and a manager is a process more."""
        workers = max(2, self.workers)
        return Demand(workers, 2 * workers + 12, 2 * RUNNER + workers * WORKER)

    @property
    def chosen(self) -> tuple[str, ...]:
        return chosen(self.tools)


def names_in(part: Any) -> list[str]:
    """The tools that a text names, by commas or spaces. Raises ValueError with what is allowed."""
    if not isinstance(part, str):
        raise ValueError(f"`tools` must be {ALLOWED}; {quoted(part)} is not.")
    if part.strip().lower() in KNOWN:
        return [KNOWN[part.strip().lower()]]
    words = [word for word in re.split(r"[,;\s]+", part.strip()) if word]
    for word in words:
        if word.lower() not in KNOWN:
            raise ValueError(f"`tools` must be {ALLOWED}; {quoted(word)} is not.")
    return [KNOWN[word.lower()] for word in words]
