"""One repetition: its times, whether its results are the loop's, and for a traced one its lanes and memory."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import MeasurementReport, MemoryReading, ShownResults
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.host.equality import digest, same, same_in_any_order
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.pickling import error_in_words, raised_where, short
from poolscope.runner.host.setup import OpenedWork
from poolscope.runner.pools.handshake import PoolFailed, SetUpFailed
from poolscope.runner.pools.kinds import Measurement, measure
from poolscope.runner.tracing import trace_summary, worker_lanes

EXACT = 2**53  # beyond, JSON's readers would round an integer
SHOWN_DIGITS = 60
SHOWN_ITEM = 30  # characters


class CountingFunction:
    """The function of an uncounted loop, which knows how far it came."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self.number = -1

    def __call__(self, item: Any) -> Any:
        self.number += 1
        return self._function(item)


def measure_once(context: RunContext, opened: OpenedWork, order: MeasureOnce) -> MeasurementReport:
    """Do the repetition that the order describes. Raises OrderRefused with the reason where that can't be done."""
    work, counting, in_order = opened.work, None, order.use.method != "imap_unordered"
    if order.use.kind == SERIAL and opened.expected is None:
        counting = CountingFunction(work.function)
        work = dataclasses.replace(work, function=counting, coroutine=counting if opened.is_async else work.coroutine)
    try:
        measurement = measure(context, order.use, work, traced=order.traced)
    except (WorkerDied, PoolFailed) as error:
        raise OrderRefused(str(error), spoiled=True) from None
    except SetUpFailed as error:
        raise OrderRefused(str(error)) from None
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)  # for whoever wants more than the sentence; the run captures it
        what = f"raised {error_in_words(error)}"
        if counting is not None and counting.number >= 0:
            what = raised_where(error, f"on item {counting.number} ({short(work.items[counting.number])})")
        raise OrderRefused(f"{opened.function} {what}.") from None
    first_digest = None
    if opened.expected is None:
        opened.expected = measurement.results
        found = digest(measurement.results)
        first_digest = found.text if found is not None and found.plain else None
    equal, detail = comparison(measurement.results, opened.expected, in_order)
    report = MeasurementReport(
        start=measurement.start,
        first_ready=measurement.first_ready,
        map=measurement.map,
        stop=measurement.stop,
        asked=measurement.asked,
        cpu=measurement.cpu,
        collections=measurement.collections,
        same=equal,
        detail=detail,
        digest=first_digest,
        results=shown_results(measurement.results, order.results) if order.results else None,
    )
    if not order.traced:
        return report
    words = [short(item, SHOWN_ITEM) for item in work.items] if in_order else None
    return dataclasses.replace(
        report,
        traced=trace_summary(measurement),
        memory=memory_reading(measurement),
        lanes=worker_lanes(measurement, words, order.spans),
    )


def comparison(results: list[Any], expected: list[Any], in_order: bool) -> tuple[bool | None, str]:
    """Whether the results are the same, None where it can't be told; and what differs where they are not."""
    if results is expected:
        return True, ""
    equal = same(results, expected)
    if equal is False and not in_order:
        equal = same_in_any_order(results, expected)
    return equal, difference(results, expected, in_order) if equal is False else ""


def difference(results: list[Any], expected: list[Any], in_order: bool) -> str:
    if len(results) != len(expected):
        return f"{len(results)} results instead of {len(expected)}."
    for number, (one, other) in enumerate(zip(results, expected, strict=True)):
        if in_order and same(one, other) is False:
            return f"The result of item {number} is {short(one)}, and {short(other)} in the plain loop."
    return "Its results are not those of the plain loop."


def memory_reading(measurement: Measurement) -> MemoryReading | None:
    memory = measurement.memory
    return None if memory is None else MemoryReading(memory.what, memory.per_worker, memory.total, memory.parent)


def shown_results(results: Sequence[Any], most: int) -> ShownResults:
    """The first results as JSON can hold them and a page can show them, and how many there are."""
    return ShownResults(len(results), tuple(shown(value) for value in results[:most]))


def shown(value: Any) -> int | float | str | bool | None:
    """A number that JSON's readers would round becomes a text; a very long one its ends and the count of its digits."""
    if value is None or isinstance(value, str | bool | float):
        return value
    if not isinstance(value, int):
        return short(value)
    if abs(value) < EXACT:
        return value
    sign, value = "-" * (value < 0), abs(value)
    bits = value.bit_length()
    if bits < SHOWN_DIGITS * 3:
        return f"{sign}{value}"
    digits, low = int((bits - 1) * 0.30102999566398120) + 1, 10**8
    digits += value >= 10**digits  # the estimate from the bits is right or one too low
    return f"{sign}{value // 10 ** (digits - 8)}…{value % low:08d} ({digits:,} digits)"
