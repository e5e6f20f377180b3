"""What is known of the work before anything is timed: can it be sent, does it raise or print, how long is a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from poolscope.runner.host.description import gil
from poolscope.runner.host.errors import Refused
from poolscope.runner.host.first_calls import Calls, captured, first_calls
from poolscope.runner.host.pickling import Parcel, first_unsendable, parcel, plain, unsendable
from poolscope.runner.host.setup import Opened


def preflight(opened: Opened, said: Path, tell: Callable[[str], None]) -> dict[str, Any]:
    """Look at function and items, make the first calls, look at their results. What is printed goes into `said`."""
    work = opened.work
    with captured(said):
        if work.setup is not None:
            tell("the set-up")
            try:
                work.setup()
            except (Exception, SystemExit) as error:
                raise Refused(f"The set-up of {opened.function} raised {plain(error)}.") from None
        tell("pickling the function and its items")
        unpicklable = {
            "function": unsendable(work.function, "the function") or unsendable(work.setup, "the set-up"),
            "item": first_unsendable(work.items, "item"),
        }
        calls = first_calls(opened, tell)
        work.tidy()
        tell("pickling its results")
        unpicklable["result"] = first_unsendable(calls.results, "the result of item")
        sent = parcels(opened, calls) if not any(unpicklable.values()) else None
    return {
        "count": len(work.items),
        "cut": opened.found["cut"],
        "function": opened.function,
        "coroutine": work.coroutine is not None,
        "is_async": opened.is_async,
        "call_s": calls.call_s,
        "cpu_s": calls.cpu_s,
        "unpicklable": {part: why for part, why in unpicklable.items() if why},
        **costs(sent),
        "repeats_equal": calls.repeats_equal,
        "global_state": calls.changed,
        "printed": said.stat().st_size,
        "raised": calls.raised,
        "gil": gil(),
    }


def parcels(opened: Opened, calls: Calls) -> list[tuple[Parcel, Parcel]]:
    """Each item that was called, and its result, as they are sent."""
    return [(parcel(item), parcel(result)) for item, result in zip(opened.work.items, calls.results, strict=False)]


def costs(sent: list[tuple[Parcel, Parcel]] | None) -> dict[str, Any]:
    """Means of bytes and seconds an item; None where it can't be sent or nothing was."""
    if not sent:
        return {"item_bytes": None, "result_bytes": None, "pickle_s": None}
    return {
        "item_bytes": sum(item.size for item, _ in sent) // len(sent),
        "result_bytes": sum(result.size for _, result in sent) // len(sent),
        "pickle_s": sum(item.seconds + result.seconds for item, result in sent) / len(sent),
    }
