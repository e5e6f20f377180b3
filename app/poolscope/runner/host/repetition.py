"""One pass of an arm: its times, whether its results are the loop's, and for a traced one its lanes and memory."""

from __future__ import annotations

import dataclasses
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.host.equality import digest, same
from poolscope.runner.host.errors import Refused
from poolscope.runner.host.pickling import plain, raising, short
from poolscope.runner.host.setup import Opened
from poolscope.runner.pools.handshake import PoolFailed, SetUpFailed
from poolscope.runner.pools.kinds import Measurement, PoolUse, measure
from poolscope.runner.recorder import Recorder
from poolscope.runner.tracing import trace_summary, worker_lanes
from poolscope.workloads.work import Work


class Noting:
    """The function of an uncounted loop, which knows how far it came."""

    def __init__(self, work: Work) -> None:
        self._function = work.function
        self.number = -1

    def __call__(self, item: Any) -> Any:
        self.number += 1
        return self._function(item)


def one_pass(recorder: Recorder, opened: Opened, order: dict[str, Any]) -> dict[str, Any]:
    """Pass the arm that the order describes. Raises Refused with the reason where that can't be done."""
    kind, traced = order["kind"], order["traced"]
    work, noting = opened.work, None
    if kind == "serial" and opened.expected is None:
        noting = Noting(work)
        work = dataclasses.replace(work, function=noting, coroutine=noting if opened.is_async else work.coroutine)
    # A context of its own: one that was interrupted stays so.
    context = RunContext(recorder, Path(tempfile.gettempdir()))
    try:
        use = PoolUse(kind, order["size"], order["start_method"], order["chunksize"])
        measurement = measure(context, use, work, traced=traced)
    except (WorkerDied, PoolFailed) as error:
        raise Refused(str(error), spoiled=True) from None
    except SetUpFailed as error:
        raise Refused(str(error)) from None
    except (Exception, SystemExit) as error:
        traceback.print_exception(error)  # for whoever wants more than the sentence; the run captures it
        what = f"raised {plain(error)}"
        if noting is not None and noting.number >= 0:
            what = raising(error, f"on item {noting.number} ({short(work.items[noting.number])})")
        raise Refused(f"{opened.function} {what}.") from None
    answer = times(measurement)
    if opened.expected is None:
        opened.expected = measurement.results
        found = digest(measurement.results)
        answer["digest"] = found.text if found is not None and found.plain else None
    answer |= compared(measurement.results, opened.expected)
    if traced:
        answer["lanes"] = lanes(measurement, work.items, order["budget"])
        answer["traced"] = dataclasses.asdict(trace_summary(measurement))
        answer["memory"] = held(measurement)
    return answer


def lanes(measurement: Measurement, items: Sequence[Any], budget: int) -> dict[str, Any]:
    found = worker_lanes(measurement, [short(item, 30) for item in items], budget)
    return {
        "asked": measurement.asked,
        "got": measurement.asked + measurement.map,
        "workers": [[lane.worker, [[span.started, span.ended, span.item] for span in lane.spans]] for lane in found],
    }


def times(measurement: Measurement) -> dict[str, Any]:
    return {
        "start": measurement.start,
        "first_ready": measurement.first_ready,
        "map": measurement.map,
        "stop": measurement.stop,
        "cpu": measurement.cpu,
        "collections": measurement.collections,
    }


def compared(results: list[Any], expected: list[Any]) -> dict[str, Any]:
    """`same` is None where it can't be told; `detail` says what differs."""
    if results is expected:
        return {"same": True, "detail": ""}
    alike = same(results, expected)
    return {"same": alike, "detail": difference(results, expected) if alike is False else ""}


def difference(results: list[Any], expected: list[Any]) -> str:
    if len(results) != len(expected):
        return f"{len(results)} results instead of {len(expected)}."
    for number, (one, other) in enumerate(zip(results, expected, strict=True)):
        if same(one, other) is False:
            return f"The result of item {number} is {short(one)}, and {short(other)} in the plain loop."
    return "Its results are not those of the plain loop."


def held(measurement: Measurement) -> dict[str, Any] | None:
    memory = measurement.memory
    if memory is None:
        return None
    return {
        "what": memory.what,
        "per_worker": list(memory.per_worker),
        "total": memory.total,
        "parent": memory.parent,
    }
