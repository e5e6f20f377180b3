"""Opens a work: one that is built in, with its calibration, or a user's function with its items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from poolscope.runner.host import namesakes, user_code
from poolscope.runner.host.errors import Refused
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.work import Work, set_up

# What is ours after it stepped aside; nothing else holds on to it, and modules that are let go lose their contents.
KEPT: dict[str, ModuleType] = {}


@dataclass
class Opened:
    """A work, and what comparing needs. `function` is what to call it; `expected` the loop's results, once known."""

    work: Work
    function: str
    found: dict[str, Any] = field(default_factory=dict)
    expected: list[Any] | None = None

    @property
    def is_async(self) -> bool:
        return self.work.function is self.work.coroutine


def open_work(order: dict[str, Any], tell: Callable[[str], None]) -> Opened:
    """Make what the order asks for ready to be mapped. Raises Refused."""
    name, scratch = order["name"], Path(order["scratch"])
    if ":" in name:
        return open_users(name, order["folder"], order["items"], scratch, tell)
    tell(f"setting up {name}")
    if name not in WORKLOADS:
        raise Refused(f"There is no built-in work {name}.")
    work = set_up(name, order["work_ms"], order["items"] or None, scratch, order["rounds"])
    found = {
        "count": len(work.items),
        "cut": False,
        "rounds": work.rounds,
        "asked_ms": order["work_ms"] or WORKLOADS[name].work_ms,
        "one_call_s": work.one_call_s,
    }
    return Opened(work, name, found)


def open_users(name: str, folder: str | None, count: int, scratch: Path, tell: Callable[[str], None]) -> Opened:
    KEPT.update(namesakes.step_aside(scratch))
    try:
        loaded = user_code.load(name, folder, count, tell)
    except user_code.Unusable as unusable:
        raise Refused(str(unusable)) from None
    coroutine = loaded.function if loaded.is_async else None
    work = Work(loaded.function, loaded.items, coroutine, loaded.setup)
    found = {"count": len(loaded.items), "cut": loaded.cut, "rounds": None}
    return Opened(work, name.partition("@")[0], found)
