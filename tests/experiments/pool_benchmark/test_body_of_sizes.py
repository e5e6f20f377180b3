"""The body in a runner of its own, with real pools: what it tells, how it stops, and what a killed worker does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from poolscope.experiments.pool_benchmark import export, size_charts, state, verdict
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork
from poolscope.protocol.payloads import (
    Calibration,
    GarbageCollections,
    NoiseReading,
    Payload,
    Plan,
    Seed,
    ShownResults,
    TraceSummary,
)
from poolscope.protocol.records import Failure, Progress, Record, Result, Sample, Span

from tests.children import Child, end_of, perform, runner
from tests.waiting import until, until_gone

P = TypeVar("P", bound=Payload)
QUICK = PoolSizesParams(sizes=[1, 3], repeats=3)
# Its pools wait for a second at a time: whatever is done to one as soon as it is there finds it at work.
SLOW = PoolSizesParams(sizes=[2], first=1, last=2, workload="square-sleep", work_ms=1000, repeats=1)


def asked(params: PoolSizesParams, **changes: Any) -> BenchmarkArguments:
    return PoolSizesParams.model_validate({**params.model_dump(), **changes}).arguments()


@cache
def quick() -> list[Record]:
    """The records of one quick run by the platform's own start method, which tests share."""
    return perform("pool-sizes", asked(QUICK))


def values(records: list[Record], payload: type[P]) -> dict[str, P]:
    """Payloads of one class by the configuration that they are about."""
    found = [record for record in records if isinstance(record, Result)]
    return {record.config: record.payload for record in found if isinstance(record.payload, payload)}


def workers(child: Child) -> list[psutil.Process]:
    """The pool's processes: descendants but for the resource tracker and the fork server itself."""
    found = []
    for process in psutil.Process(child.process.pid).children(recursive=True):
        try:
            words = " ".join(process.cmdline())
            parent = process.ppid()
        except psutil.Error:
            continue
        server = "forkserver" in words and parent == child.process.pid
        if words and "resource_tracker" not in words and not server:
            found.append(process)
    return found


@contextmanager
def striking(child: Child, victims: int, seen: set[psutil.Process]) -> Iterator[None]:
    """Kill so many workers of every pool of two that comes up, until the block is left; `seen` gathers them all."""
    over = threading.Event()

    def strike() -> None:
        while not over.wait(0.1):
            with suppress(psutil.Error):
                seen.update(psutil.Process(child.process.pid).children(recursive=True))
                there = workers(child)
                for victim in there[:victims] if len(there) >= 2 else ():
                    victim.send_signal(signal.SIGKILL)

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("start_method", [None, "forkserver", "spawn"])
def test_a_run_tells_every_phase_of_every_repetition_and_ends(start_method: str | None) -> None:
    sizes, repeats = ([1], 1) if start_method else ([1, 3], 3)
    if start_method:
        records = perform("pool-sizes", asked(QUICK, start_method=start_method, sizes=sizes, repeats=repeats))
    else:
        records = quick()
    assert end_of(records).outcome == "finished"
    samples = [record for record in records if isinstance(record, Sample)]
    told = {(sample.config, sample.repetition, sample.name) for sample in samples}
    phases = ["start", "first_ready", "map", "stop"]
    if start_method in ("forkserver", "spawn"):
        phases.append("imported")
    rounds = range(repeats + 1)
    pools = {(f"{size} workers", n, phase) for size in sizes for n in rounds for phase in phases}
    assert told == pools | {("serial", n, "map") for n in rounds}
    assert len(samples) == len(told)
    assert all(sample.seconds > 0 for sample in samples)


def test_a_run_says_what_it_found_out() -> None:
    records = quick()
    shown, keys = ShownResults(10, tuple(n * n for n in range(1, 11))), ("serial", "1 workers", "3 workers")
    assert values(records, ShownResults) == dict.fromkeys(keys, shown)
    (plan,) = values(records, Plan).values()
    assert {config.key: config.chunk_used for config in plan.configurations} == dict(zip(keys, (1, 3, 1), strict=True))
    assert set(values(records, GarbageCollections)) == set(keys)
    assert set(values(records, TraceSummary)) == set(keys[1:])
    assert values(records, Seed)[""].seed >= 0
    noise = values(records, NoiseReading)[""]
    assert noise.wall_s > 0
    assert len(noise.fixed_loop_s) == 3  # one a counted round
    assert all(seconds > 0 for seconds in noise.fixed_loop_s)
    assert noise.own_cpu_s is None or noise.own_cpu_s >= 0
    spans = [record for record in records if isinstance(record, Span)]
    assert {span.lane for span in spans} == set(keys[1:])
    assert len(spans) == 20


def test_progress_counts_every_repetition_and_knows_the_time_left_from_the_plan_on() -> None:
    steps = [record for record in quick() if isinstance(record, Progress)]
    total = 4 + 2 * 5  # the loop in four rounds, two pools in those and in their traced repetition
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (steps[0].done, steps[-1].done) == (0, total)
    assert {step.total for step in steps} == {total}
    assert all(step.seconds_left is not None for step in steps)
    assert steps[-1].seconds_left == 0


def test_work_is_calibrated_once_and_runs_in_the_other_order() -> None:
    params = asked(QUICK, workload="sha256", method="imap_unordered", repeats=1, work_ms=0.5, sizes=[2])
    records = perform("pool-sizes", params)
    assert end_of(records).outcome == "finished"
    assert len(values(records, Calibration)) == 1


def test_very_long_results_are_told_by_their_ends() -> None:
    params = asked(QUICK, workload="factorial", first=5, last=1200, repeats=1, sizes=[2])
    shown = values(perform("pool-sizes", params), ShownResults)["2 workers"]
    assert shown.count == 1196
    assert len(shown.first) == 1000
    assert shown.first[0] == 120
    assert shown.first[995] == "40238726…00000000 (2,568 digits)"  # 1000!


def test_the_state_of_a_real_run_has_a_verdict_and_rows_and_charts() -> None:
    now = state.initial(QUICK)
    for record in quick():
        now = state.fold(now, record)
    assert verdict.verdict(now, 2) is not None
    assert len(export.pool_sizes_rows(now)[1]) == 9
    assert [row["pool"] for row in size_charts.chart(now, 2)["summary"]] == [1, 3]
    assert now.done == now.total
    assert len(now.lanes.actors) == 4


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_stop_in_the_middle_of_a_map_keeps_what_was_measured(start_method: str) -> None:
    # So many rounds that the stop comes before their end, however busy the machine is.
    params = asked(SLOW, start_method=start_method, sizes=[2, 3], work_ms=300, repeats=100)
    with runner("pool-sizes", params) as child:
        child.until(lambda record: isinstance(record, Sample) and record.repetition == 1)
        until(lambda: workers(child), "a worker")
        before = psutil.Process(child.process.pid).children(recursive=True)
        child.stop()
        records = child.to_the_end()
        assert end_of(records).outcome == "stopped"
        assert any(isinstance(record, Sample) and record.repetition == 1 for record in records)
        until_gone(before)


@pytest.mark.parametrize(("start_method", "victims"), [("fork", 1), ("spawn", 2)])
def test_a_worker_killed_with_9_fails_the_run_with_a_plain_reason(start_method: str, victims: int) -> None:
    with runner("pool-sizes", asked(SLOW, start_method=start_method, repeats=100)) as child:
        child.until(lambda record: isinstance(record, Progress) and record.done == 1)
        before: set[psutil.Process] = set()
        # A worker that was killed before it had begun is replaced, and its pool goes on: the next blow then hits work.
        with striking(child, victims, before):
            records = child.to_the_end()
        until_gone(before)
    end = end_of(records)
    assert end.outcome == "failed"
    assert "was killed by SIGKILL" in end.reason or "put another in its place" in end.reason
    assert "hat was measured before is kept" in end.reason
    assert "serial" in values(records, ShownResults)
    failure = next(record for record in records if isinstance(record, Failure))
    assert failure.type == "WorkerDied"


def test_the_scratch_files_are_gone_after_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    records = perform("pool-sizes", asked(QUICK, workload="read-files", repeats=1))
    assert end_of(records).outcome == "finished"
    assert not values(records, Calibration), "nothing of it is a time to be chosen"
    assert list(tmp_path.iterdir()) == []


def test_a_workload_that_does_not_exist_fails_the_run() -> None:
    records = perform("pool-sizes", replace(asked(QUICK), work=BenchmarkWork("no-such", items=10)))
    assert end_of(records).outcome == "failed"
    assert any(isinstance(record, Failure) for record in records)
