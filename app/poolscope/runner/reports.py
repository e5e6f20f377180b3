"""Turns a measurement into the report of it, which can cross a process border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.payloads import MeasurementReport, MemoryReading, ResultDifference, ShownResults
from poolscope.runner.host.pickling import short
from poolscope.runner.pools.measurement import Measurement
from poolscope.runner.tracing import items_under_way, trace_summary, worker_lanes

EXACT = 2**53  # beyond, JSON's readers would round an integer
SHOWN_DIGITS = 60


def report_on(
    measurement: Measurement,
    order: MeasureOnce,
    words: Sequence[str] | None,
    *,
    same: bool | None,
    detail: str = "",
    difference: ResultDifference | None = None,
    digest: str | None = None,
) -> MeasurementReport:
    """The report that the order asks for. `words` name the items in lanes, None where results come in no order.

    `same`, `detail`, `difference` and `digest` say how the results compare with those of the plain loop.
    """
    report = MeasurementReport(
        start=measurement.start,
        first_ready=measurement.first_ready,
        map=measurement.map,
        stop=measurement.stop,
        asked=measurement.asked,
        cpu=measurement.cpu.process if measurement.cpu else None,
        ready=measurement.cpu.ready if measurement.cpu else None,
        imported=measurement.imported,
        main_thread_cpu=measurement.cpu.thread if measurement.cpu else None,
        children_cpu=measurement.cpu.children if measurement.cpu else None,
        collections=measurement.collections,
        same=same,
        detail=detail,
        difference=difference,
        digest=digest,
        results=shown_results(measurement.results, order.results) if order.results else None,
        passes_to_fill=measurement.passes_to_fill,
        hosts=measurement.hosts,
        hosts_cpus=measurement.hosts_cpus,
        cluster_start=measurement.cluster_start,
        sent=measurement.carried.sent if measurement.carried else None,
        received=measurement.carried.received if measurement.carried else None,
        fixed_loop=measurement.fixed_loop,
        lost_workers=len(measurement.lost),
        retried=len({key for lost in measurement.lost for key in lost.tasks}),
    )
    if not order.traced:
        return report
    return replace(
        report,
        # Where workers are on other hosts, their ends can't be told from here.
        traced=None if measurement.elsewhere else trace_summary(measurement, order.use),
        memory=memory_reading(measurement),
        under_way=items_under_way(measurement),
        shipped=measurement.shipped,
        lanes=worker_lanes(measurement, words, order.spans),
    )


def memory_reading(measurement: Measurement) -> MemoryReading | None:
    memory = measurement.memory
    return None if memory is None else MemoryReading(memory.what, memory.per_worker, memory.total, memory.parent)


def shown_results(results: Sequence[Any], most: int) -> ShownResults:
    """The first results as JSON can hold them and a page can show them, and how many there are."""
    return ShownResults(len(results), tuple(shown_value(value) for value in results[:most]))


def shown_value(value: Any) -> int | float | str | bool | None:
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
