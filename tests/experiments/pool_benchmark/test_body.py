"""The body with real hosts: what it tells, what a user's function may do to it, and that nothing is left."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork, InterpreterPath
from poolscope.protocol.payloads import (
    BytesCarried,
    Calibration,
    ClusterStarted,
    ConfigurationSkipped,
    EffectiveCpus,
    GarbageCollections,
    InterpreterFacts,
    InterpreterLeftOut,
    LoopTimes,
    MachineFacts,
    MapProgress,
    MemoryReading,
    NoiseReading,
    Payload,
    Plan,
    ResultsDiffer,
    Seed,
    ShippedOnce,
    TraceSummary,
    TrialReport,
)
from poolscope.protocol.records import Actor, End, Failure, Progress, Record, Result, Sample, Span

from tests.children import Child, end_of, perform, runner
from tests.waiting import until_gone

THIS = InterpreterPath("here", sys.executable)
P = TypeVar("P", bound=Payload)
OTHERS = Path.home() / ".cache" / "poolscope-pythons"
OTHER = {
    "3.14": OTHERS / "python3.14" / "usr" / "bin" / "python3.14",
    "3.13t": OTHERS / "python3.13t" / "bin" / "python3.13t",
}

TASKS = """
import os, threading, time
from concurrent.futures import Future, ThreadPoolExecutor

main = os.getpid()
samples = range(6)
many = range(1000)

def square(n): return n * n
def raises(n):
    if n == 2: raise ValueError("no two")
    return n
def raises_late(n):
    if n == 5: raise ValueError("no five")
    return n
def never_elsewhere(n):
    if threading.current_thread() is not threading.main_thread(): threading.Event().wait()
    return n
def dies_elsewhere(n):
    if threading.current_thread() is not threading.main_thread(): os._exit(3)
    return n
talks = lambda n: print("called with", n)
def waits(n): time.sleep(0.05)

class Stalls(ThreadPoolExecutor):
    def submit(self, call, /, *given, **named):
        chunk = getattr(call, "__name__", "") == "run_chunk"  # the workers answer, and do no work
        return Future() if chunk else super().submit(call, *given, **named)
def stalling(workers): return Stalls(workers)
class NeverEnds(ThreadPoolExecutor):
    def __exit__(self, *_): threading.Event().wait()
"""


@pytest.fixture
def folder(tmp_path: Path) -> str:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tasks.py").write_text(TASKS)
    return str(tmp_path)


def asked(
    workload: str, folder: str = "", *, work_ms: float | None = None, items: int = 6, **changes: Any
) -> BenchmarkArguments:
    defaults: dict[str, Any] = {"kinds": ("thread", "process"), "sizes": (2,), "repeats": 2, "limit_s": 30.0}
    work = BenchmarkWork(workload, folder, work_ms, items)
    return BenchmarkArguments(work, **{"pythons": (THIS,), **defaults, **changes})


def mine(function: str) -> str:
    return f"mine.tasks:{function}@samples"


def values(records: list[Record], payload: type[P]) -> dict[str, P]:
    """Payloads of one class by the configuration or the Python that they are about."""
    found = [record for record in records if isinstance(record, Result)]
    return {record.config: record.payload for record in found if isinstance(record.payload, payload)}


def only(records: list[Record], payload: type[P]) -> P:
    return values(records, payload)[""]


def mapped(records: list[Record]) -> set[tuple[str, int]]:
    return {(each.config, each.repetition) for each in records if isinstance(each, Sample) and each.name == "map"}


def short_of(records: list[Record]) -> dict[str, str]:
    """Why arms were skipped, by kind."""
    kinds = {config.key: config.kind for config in only(records, Plan).configurations}
    return {kinds[key]: skipped.why for key, skipped in values(records, ConfigurationSkipped).items()}


def tree(child: Child) -> set[psutil.Process]:
    return {*psutil.Process(child.process.pid).children(recursive=True)}


def in_map(record: Record) -> bool:
    return isinstance(record, Progress) and record.note.startswith("repetition 1")


def test_a_run_tells_every_phase_of_every_arm_and_what_it_found_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    records = perform("which-pool", asked("sum-of-squares", work_ms=1.0, kinds=("pool", "thread", "process")))
    assert list(tmp_path.iterdir()) == []
    steps = [record for record in records if isinstance(record, Progress)]
    assert all(step.seconds_left is not None for step in steps), "known from the first record on"
    assert (steps[0].seconds_left or 0) > 0
    assert (steps[-1].done, steps[-1].seconds_left) == (steps[-1].total, 0)
    assert end_of(records) == End(records[-1].t, "finished")
    plan = only(records, Plan).configurations
    assert [config.kind for config in plan] == ["serial", "thread", "process", "pool"]
    configs = [config.key for config in plan]
    samples = [record for record in records if isinstance(record, Sample)]
    phases = ("start", "first_ready", "map", "stop")
    pools = {(config, n, phase) for config in configs[1:] for n in range(3) for phase in phases}
    assert {(s.config, s.repetition, s.name) for s in samples} == pools | {(configs[0], n, "map") for n in range(3)}
    assert len(samples) == len(pools) + 3
    assert values(records, InterpreterFacts)["here"].version == ".".join(map(str, sys.version_info[:3]))
    assert values(records, TrialReport)["here"].repeats_equal is True
    assert only(records, Calibration).asked_ms == 1.0
    machine = only(records, MachineFacts)
    assert sum(map(len, machine.siblings or [range(machine.usable_cpus)])) == machine.usable_cpus >= 1
    assert all(got > 0 for got in only(records, EffectiveCpus).effective.values())
    assert only(records, Seed).seed >= 0
    assert only(records, NoiseReading).loop_wall_s == values(records, LoopTimes)[configs[0]].wall_s > 0
    for payload in (GarbageCollections, TraceSummary, MemoryReading):
        assert set(values(records, payload)) == set(configs), payload
    assert not values(records, ConfigurationSkipped)
    assert not values(records, ResultsDiffer)
    assert values(records, TraceSummary)[configs[2]].workers_used == 2
    spans = [record for record in records if isinstance(record, Span)]
    assert len(spans) == 6 * len(configs)
    assert {span.lane for span in spans} == set(configs)
    assert {span.actor for span in spans} <= {record.actor for record in records if isinstance(record, Actor)}


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ("raises", "mine.tasks:raises raised ValueError on item 2 (2): no two."),
        ("raises_late", "mine.tasks:raises_late raised ValueError on item 5 (5): no five."),
        ("nothing", "mine.tasks ({folder}/mine/tasks.py) has no nothing."),
    ],
)
def test_what_can_not_be_measured_ends_in_a_sentence(function: str, sentence: str, folder: str) -> None:
    records = perform("which-pool", asked(mine(function), folder))
    end = end_of(records)
    assert end.outcome == "failed"
    assert end.reason.startswith(sentence.format(folder=folder))
    assert [record.message for record in records if isinstance(record, Failure)] == [end.reason]


def test_a_loop_that_would_exceed_the_limit_is_not_begun(folder: str) -> None:
    records = perform("which-pool", asked("mine.tasks:waits@many", folder, items=0))
    assert end_of(records).reason.startswith("The plain loop over 1000 items would take about")
    assert not mapped(records)


def test_a_kind_that_ended_its_process_is_not_tried_in_other_sizes_and_the_others_go_on(folder: str) -> None:
    records = perform(
        "which-pool", asked(mine("dies_elsewhere"), folder, sizes=(1, 2), repeats=1, start_methods=("fork",))
    )
    assert (end_of(records).outcome, end_of(records).reason) == ("finished", "")
    skipped = values(records, ConfigurationSkipped)
    assert skipped.keys() == {"here thread 1", "here thread 2"}
    first = skipped["here thread 1"].why
    assert first.startswith("The process of Python here ended with exit code 3 during a pass of 1 thread")
    assert skipped["here thread 2"].why == f"It was not tried after 1 thread. {first}"
    others = ("here serial", "here process fork 1 c0", "here process fork 2 c0")
    assert mapped(records) == {(config, n) for config in others for n in range(2)}


def test_prints_are_passed_on_and_pythons_and_kinds_that_can_not_take_part_say_why(
    folder: str, capfd: pytest.CaptureFixture[str]
) -> None:
    pythons = (THIS, InterpreterPath("gone", "/no/such/python"), InterpreterPath("none", "/bin/true"))
    records = perform("which-pool", asked(mine("talks"), folder, repeats=1, start_methods=("fork",), pythons=pythons))
    assert (end_of(records).outcome, end_of(records).reason) == ("finished", "")
    skipped = short_of(records)
    assert skipped.keys() == {"process"}
    assert skipped["process"].startswith("The function is a lambda, which has no name")
    assert mapped(records) == {(config, n) for config in ("here serial", "here thread 2") for n in range(2)}
    left_out = values(records, InterpreterLeftOut)
    assert left_out["gone"].why.startswith("Python gone can't be started:")
    assert left_out["none"].why == ("The process of Python none ended with exit code 0 during the start.")
    assert {config.python for config in only(records, Plan).configurations} == {"here"}
    tried, rest = divmod(values(records, TrialReport)["here"].printed, len("called with 0\n"))
    assert rest == 0
    assert 10 <= tried <= 15  # each of five items twice, and once more where the second call was much faster
    calls = capfd.readouterr().out.splitlines()
    assert calls[:10] == [f"called with {n}" for n in (*range(5), *range(5))]
    assert len(calls) == tried + 2 * 3 * 6, "the loop's and the threads', in three rounds each"


def test_built_in_work_can_use_what_is_installed() -> None:
    work = BenchmarkWork("square", items=6, packages=True)
    records = perform("which-pool", replace(asked("square", kinds=("loky", "dask"), sizes=(1,), repeats=1), work=work))
    assert values(records, InterpreterFacts)["here"].kinds["loky"] is None
    for kind in ("loky", "dask"):
        assert [record.repetition for record in records if isinstance(record, Sample) and kind in record.config]
    assert not values(records, ConfigurationSkipped)
    # One cluster for all repetitions, whose start is told once and is none of theirs.
    (key, started), *others = values(records, ClusterStarted).items()
    assert (key, others) == ("here dask 1 c0", [])
    starts = [record.seconds for record in records if isinstance(record, Sample) and record.name == "start"]
    assert started.seconds > 0
    assert len(starts) == 4
    assert values(records, BytesCarried)[key].sent > 0
    assert values(records, ShippedOnce)[key].kept_s


def with_executor(factory: str, arguments: BenchmarkArguments) -> BenchmarkArguments:
    """The same with the kind executor alone, by a factory of the module's."""
    work = replace(arguments.work, executor=f"mine.tasks:{factory}")
    return replace(arguments, work=work, kinds=("executor",), repeats=1)


def test_how_far_a_map_is_comes_while_it_goes_on(folder: str) -> None:
    """It never ends, so that what is told of it is told meanwhile."""
    with runner("which-pool", with_executor("ThreadPoolExecutor", asked(mine("never_elsewhere"), folder))) as child:
        told = child.until(lambda record: isinstance(record, Result) and isinstance(record.payload, MapProgress))
        before = tree(child)
    until_gone(before)
    assert isinstance(told, Result)
    assert isinstance(told.payload, MapProgress)
    assert told.config == "here executor 2 c0"
    assert (told.payload.items, told.payload.given, told.payload.done) == (6, 6, 0)
    (now,) = [record for record in child.seen if isinstance(record, Progress)][-1:]
    assert now.config == told.config


@pytest.mark.parametrize("factory", ["stalling", "NeverEnds"])
def test_an_executor_that_hangs_is_ended_at_the_limit_and_said_to(factory: str, folder: str) -> None:
    with runner("which-pool", with_executor(factory, asked(mine("square"), folder, limit_s=2.0))) as child:
        records = child.to_the_end()
    (why,) = values(records, ConfigurationSkipped).values()
    assert why.why.startswith("A pass of executor with 2 workers took longer than the limit of 2 s, so it was ended.")
    assert end_of(records).outcome == "finished"


def test_other_pythons_are_arms_of_their_own(folder: str) -> None:
    others = {label: path for label, path in OTHER.items() if path.exists()}
    if not others:
        pytest.skip(f"there is no Python in {OTHERS}")
    pythons = tuple(InterpreterPath(label, str(path)) for label, path in others.items())
    records = perform("which-pool", asked(mine("square"), folder, kinds=(), repeats=1, pythons=pythons))
    assert end_of(records).outcome == "finished"
    plan = only(records, Plan).configurations
    for label in others:
        facts = values(records, InterpreterFacts)[label]
        assert facts.version.startswith(label.rstrip("t"))
        assert facts.gil is not label.endswith("t")
        kinds = {config.kind for config in plan if config.python == label}
        assert kinds == {"serial", "thread", "process", "pool"} | ({"interpreter"} if label == "3.14" else set())
    assert not values(records, ConfigurationSkipped)
    assert not values(records, ResultsDiffer)
    assert len(mapped(records)) == 2 * len(plan)


def test_a_host_that_is_killed_costs_one_arm(folder: str) -> None:
    with runner("which-pool", asked(mine("waits"), folder)) as child:
        child.until(in_map)
        before = tree(child)
        host = next(process for process in psutil.Process(child.process.pid).children())
        host.send_signal(signal.SIGKILL)
        records = child.to_the_end()
        until_gone(before)
    assert end_of(records).outcome == "finished"
    (skipped,) = values(records, ConfigurationSkipped).values()
    assert "was killed by SIGKILL" in skipped.why
    assert len(mapped(records)) > 3 + 3, "the arms that are left were passed in all rounds"


@pytest.mark.parametrize("strike", ["stop", "kill"])
def test_nothing_is_left_of_a_run_that_is_stopped_or_whose_runner_dies(strike: str, folder: str) -> None:
    with runner("which-pool", asked(mine("waits"), folder, items=6, start_methods=("forkserver",))) as child:
        child.until(in_map)
        before = tree(child)
        if strike == "stop":
            child.stop()
            records = child.to_the_end()
            assert end_of(records).outcome == "stopped"
            assert mapped(records)
        else:
            with suppress(psutil.NoSuchProcess):
                child.process.kill()
        until_gone(before)
