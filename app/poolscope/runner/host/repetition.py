"""One repetition: its times, whether its results are the loop's, and for a traced one its lanes and memory."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import Breakage, MeasurementReport
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.host.difference import explained
from poolscope.runner.host.equality import digest, same, same_in_any_order
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.global_state import global_digests_of, random_states
from poolscope.runner.host.pickling import error_in_words, raised_where, short
from poolscope.runner.host.setup import OpenedWork
from poolscope.runner.pools.handshake import PoolFailed, SetUpFailed
from poolscope.runner.pools.kinds import measure
from poolscope.runner.reports import report_on

SHOWN_ITEM = 30  # characters


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
    if order.use.kind == SERIAL and opened.expected is None:
        counting = CountingFunction(work.function)
        work = dataclasses.replace(work, function=counting, coroutine=counting if opened.is_async else work.coroutine)
    first = opened.expected is None
    before = states(work.function) if first else ({}, {})
    try:
        measurement = measure(context, order.use, work, traced=order.traced, passes=order.passes, fill_s=order.fill_s)
    except WorkerDied as died:
        breakage = None if died.on_request else Breakage("worker-died", exit_code=died.exit_code)
        raise OrderRefused(str(died), spoiled=True, breakage=breakage) from None
    except PoolFailed as failed:
        raise OrderRefused(str(failed), spoiled=True, breakage=failed.breakage) from None
    except SetUpFailed as error:
        raise OrderRefused(str(error)) from None
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)  # for whoever wants more than the sentence; the run captures it
        what = f"raised {error_in_words(error)}"
        if counting is not None and counting.number >= 0:
            what = raised_where(error, f"on item {counting.number} ({short(work.items[counting.number])})")
        raise OrderRefused(
            f"{opened.function} {what}.", breakage=Breakage("raised", error=error_in_words(error))
        ) from None
    first_digest = None
    if opened.expected is None:
        opened.expected = measurement.results
        found = digest(measurement.results)
        first_digest = found.text if found is not None and found.plain else None
    if first:
        opened.drawn, opened.changed = (
            changes(old, new) for old, new in zip(before, states(work.function), strict=True)
        )
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
    words = [short(item, SHOWN_ITEM) for item in work.items] if in_order else None
    return report_on(measurement, order, words, same=equal, detail=detail, difference=difference, digest=first_digest)


def states(function: Callable[..., Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of the random generators and of the globals that calls may change."""
    if isinstance(function, CountingFunction):
        function = function.function
    return random_states(function), global_digests_of(function)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in after if before.get(name) != after[name]))


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
