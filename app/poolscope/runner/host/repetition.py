"""One repetition: its times, whether its results are the loop's, and for a traced one its lanes and memory."""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import Breakage, ItemChange, MeasurementReport
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.host.difference import explained
from poolscope.runner.host.equality import digest, same, same_in_any_order
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.fresh_items import changed_part, first_changed
from poolscope.runner.host.kept_state import kept_digests, random_states
from poolscope.runner.host.pickling import error_in_words, raised_where, short
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.setup import OpenedWork
from poolscope.runner.pools.handshake import PoolFailed, SetUpFailed
from poolscope.runner.pools.kinds import measure
from poolscope.runner.reports import report_on

SHOWN_ITEM = 30  # characters
MOST_FRESH_BYTES = 16 * 1024 * 1024  # pickled, for all maps that are timed together


class CountingFunction:
    """The function of an uncounted loop, which knows how far it came."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.number = -1

    def __call__(self, *given: Any, **named: Any) -> Any:
        self.number += 1
        return self.function(*given, **named)


def measure_once(context: RunContext, opened: OpenedWork, order: MeasureOnce) -> MeasurementReport:
    """Do the repetition that the order describes. Raises OrderRefused with the reason where that can't be done."""
    work, counting, in_order = opened.work, None, order.use.method != "imap_unordered"
    passes = min(order.passes, most_passes(opened))
    if order.use.kind == SERIAL and opened.expected is None:
        counting = CountingFunction(work.function)
        work = dataclasses.replace(work, function=counting, coroutine=counting if opened.is_async else work.coroutine)
    first = opened.expected is None
    before = states(work.function) if first else ({}, {})
    try:
        measurement = measure(context, order.use, work, traced=order.traced, passes=passes, fill_s=order.fill_s)
    except WorkerDied as died:
        held = short(work.items[died.items[0]]) if died.items else ""
        breakage = Breakage("worker-died", exit_code=died.exit_code, items=died.items, item=held)
        raise OrderRefused(str(died), spoiled=True, breakage=None if died.on_request else breakage) from None
    except PoolFailed as failed:
        raise OrderRefused(str(failed), spoiled=True, breakage=failed.breakage) from None
    except SetUpFailed as error:
        raise OrderRefused(str(error)) from None
    except RAISED_BY_WORK as error:
        traceback.print_exception(error)  # for whoever wants more than the sentence; the run captures it
        what = f"raised {error_in_words(error)}"
        if counting is not None and counting.number >= 0:
            what = raised_where(error, f"on item {counting.number} ({short(work.items[counting.number])})")
        raise OrderRefused(
            f"{opened.function} {what}.", breakage=Breakage("raised", error=error_in_words(error))
        ) from None
    first_digest, change = None, None
    if opened.expected is None:
        change = look_for_changes(opened, measurement.results) if order.use.kind == SERIAL else None
        opened.expected = measurement.results
        found = digest(measurement.results)
        first_digest = found.text if found is not None and found.plain else None
    if first:
        generators, data = (changes(old, new) for old, new in zip(before, states(work.function), strict=True))
        opened.drawn = tuple(sorted({*opened.drawn, *generators}))
        opened.changed = tuple(sorted({*opened.changed, *data}))
    equal, detail = comparison(measurement.results, opened.expected, in_order)
    difference = None
    if equal is not True and in_order:
        difference = explained(
            measurement.results,
            opened.expected,
            kind=order.use.kind,
            workers=measurement.workers,
            drawn=opened.drawn,
            changed=opened.changed,
        )
        if difference.code == "rounding":
            equal, detail = True, ""
        elif equal is None and difference.code == "unknown":
            difference = None
    words = [short(item, SHOWN_ITEM) for item in opened.work.items] if in_order else None
    report = report_on(measurement, order, words, same=equal, detail=detail, difference=difference, digest=first_digest)
    if change:  # how many passes fill a sample was found out with items that it had changed
        return dataclasses.replace(report, changed=change, passes_to_fill=1)
    return dataclasses.replace(report, passes_to_fill=min(report.passes_to_fill, most_passes(opened)))


def states(function: Callable[..., Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of the random generators and of the globals that calls may change."""
    if isinstance(function, CountingFunction):
        function = function.function
    return random_states(function), kept_digests(function)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in after if before.get(name) != after[name]))


def most_passes(opened: OpenedWork) -> int:
    """How many maps may be timed together, where each has items of its own, which are all made beforehand."""
    original = opened.original
    return max(1, MOST_FRESH_BYTES // max(1, original.size)) if opened.work.fresh and original else sys.maxsize


def look_for_changes(opened: OpenedWork, results: list[Any]) -> ItemChange | None:
    """What the first pass of the loop changed, where the first calls did not show that already.

    From now on every pass gets its items fresh then.
    """
    original, items = opened.original, opened.work.items
    if original is None or opened.work.fresh:
        return None
    changed = None
    if original.changed():
        changed = first_changed(original.copy(), items)
    if changed is None:
        opened.original = None  # no copy is needed any more
        return None
    opened.give_fresh_items(original)
    returned = any(result is not None for result in results)
    part = changed_part(original.copy()[changed], items[changed])
    return ItemChange(changed, type(items[changed]).__qualname__, copied=True, returned=returned, part=part)


def comparison(results: list[Any], expected: list[Any], in_order: bool) -> tuple[bool | None, str]:
    """Whether the results are the same, None where it can't be told; and what differs where they are not."""
    if results is expected:
        return True, ""
    equal = same(results, expected)
    if equal is False and not in_order:
        equal = same_in_any_order(results, expected)
    return equal, first_difference(results, expected, in_order) if equal is False else ""


def first_difference(results: list[Any], expected: list[Any], in_order: bool) -> str:
    if len(results) != len(expected):
        return f"{len(results)} results instead of {len(expected)}."
    for number, (one, other) in enumerate(zip(results, expected, strict=True)):
        if in_order and same(one, other) is False:
            return f"The result of item {number} is {short(one)}, and {short(other)} in the plain loop."
    return "Its results are not those of the plain loop."
