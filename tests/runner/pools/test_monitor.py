"""A worker of either kind of process pool can be killed by its number."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest
from poolscope.protocol.records import Actor, Fault, Record, Span
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools.kinds import PoolUse, measure
from poolscope.runner.worker_registry import WorkerRegistry
from poolscope.workloads.work import Work


def sleep_for(seconds: float, _: int) -> None:
    time.sleep(seconds)


class KillingWhenAsked(list[int]):
    """Items that have worker 2 killed on request when somebody begins to go through them."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(range(12))
        self.kill = partial(context.worker_registry.kill, 2, request=7)

    def __iter__(self) -> Iterator[int]:
        self.kill()
        return super().__iter__()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("kind", ["process", "pool"])
def test_a_worker_can_be_killed_by_its_number_and_is_shown_in_its_lane(
    context: RunContext, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records: list[Record] = []
    monkeypatch.setattr(context.recorder, "emit", records.append)
    context.worker_registry = WorkerRegistry(records.append)
    with pytest.raises(WorkerDied, match=r"^Worker 2 of 2 \(process \d+\) was killed on request while"):
        measure(context, PoolUse(kind, 2), Work(partial(sleep_for, 3600), KillingWhenAsked(context)))
    (fault,) = [record for record in records if isinstance(record, Fault)]
    assert (fault.worker, fault.of, fault.request) == (2, 2, 7)
    started = {
        record.actor: record.pid for record in records if isinstance(record, Actor) and record.event == "started"
    }
    assert started.keys() == {"2 workers · w1", "2 workers · w2"}
    assert started["2 workers · w2"] == fault.pid
    spans = [(record.actor, record.state) for record in records if isinstance(record, Span)]
    assert spans == [("2 workers · w2", "killed"), ("2 workers · w1", "running"), ("2 workers · w2", "running")]
    assert {record.lane for record in records if isinstance(record, Span)} == {"2"}
