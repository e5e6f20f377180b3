"""Pools from outside the standard library, with real workers: what is measured, and what is left when it goes wrong."""

from __future__ import annotations

import multiprocessing
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.protocol.commands import MeasureOnce
from poolscope.protocol.kinds import ENGINES, PoolUse, chunk_used
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import handshake, map_watch
from poolscope.runner.pools.handshake import PoolFailed
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.own_cluster import OwnClusters
from poolscope.runner.pools.packages import lacking_engine
from poolscope.runner.pools.worker_side import WorkerAnswer, WorkerMemory
from poolscope.runner.reports import report_on
from poolscope.runner.tracing import items_under_way
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

from tests.runner.pools.followed import Gated, ReadRun, followed
from tests.waiting import until_stopped

# Those of the libraries themselves, and of forks in a process that has threads.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

ITEMS = range(40)
EXPECTED = [n * n for n in ITEMS]


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    before = multiprocessing.active_children()
    yield
    assert [child for child in multiprocessing.active_children() if child not in before] == []


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A dask cluster of one worker that is there before, on loopback."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as there:
        yield there


def ends_its_worker(n: int) -> int:
    if n == 7:
        os._exit(3)
    return n


def ends_its_worker_once(mark: Path, n: int) -> int:
    try:
        mark.touch(exist_ok=False)  # the first of two workers that are here at once
    except FileExistsError:
        return n
    os._exit(3)


@pytest.mark.parametrize(
    ("kind", "factory"),
    [("loky", None), ("joblib", None), ("executor", ProcessPoolExecutor), ("executor", ThreadPoolExecutor)],
)
def test_an_engine_maps_in_as_many_workers_as_were_asked_for(
    context: RunContext, kind: str, factory: Callable[[int], Executor] | None
) -> None:
    power = 2
    # A function without a name goes to loky by value.
    function = (lambda n: n**power) if kind == "loky" else square
    measurement = measure(context, PoolUse(kind, 2, chunksize=4), Work(function, ITEMS, executor=factory), traced=True)
    assert measurement.results == EXPECTED
    assert len(set(measurement.workers)) == 2
    assert 0 < measurement.first_ready <= measurement.start
    assert measurement.cpu is None
    assert {task.worker for task in measurement.tasks} <= set(measurement.workers)
    assert all(task.started <= task.ended for task in measurement.tasks)
    if factory is not ThreadPoolExecutor:
        assert measurement.memory is not None
        assert len(measurement.memory.per_worker) == 2
        assert os.getpid() not in measurement.workers
    assert not [worker for worker in measurement.workers if worker != os.getpid() and psutil.pid_exists(worker)]
    if kind == "joblib":  # which tells what it took and gave back
        under_way = items_under_way(measurement)
        assert under_way is not None
        assert max(map(sum, zip(under_way.queued, under_way.running, under_way.back, strict=True))) <= len(ITEMS)
        assert (under_way.queued[-1], under_way.running[-1], under_way.back[-1]) == (0, 0, len(ITEMS))


@pytest.mark.parametrize(("kind", "factory"), [("loky", None), ("executor", ProcessPoolExecutor)])
def test_a_worker_that_dies_ends_the_pool_and_is_told(
    context: RunContext, kind: str, factory: Callable[[int], Executor] | None
) -> None:
    with pytest.raises(WorkerDied, match=f"{kind} lost a worker of 2 while its pool was mapping"):
        measure(context, PoolUse(kind, 2), Work(ends_its_worker, ITEMS, executor=factory))


def test_pools_of_a_run_share_a_cluster_that_stands_still_between_them(
    context: RunContext, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates = tmp_path_factory.mktemp("gates")
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
    gated, run = Gated(gates), ReadRun(tmp_path)
    clusters = OwnClusters(str(tmp_path))
    work = Work(square, ITEMS, own_clusters=clusters)
    try:
        first = measure(context, PoolUse("dask", 2), work)
        pids = clusters.dask(2).pids()
        until_stopped(pids)
        with monkeypatch.context() as often, followed(run, gated):
            often.setattr(map_watch, "EVERY_S", 0.01)
            told = measure(run.context, PoolUse("dask", 2, chunksize=1), replace(work, function=gated, items=range(6)))
        traced = measure(context, PoolUse("dask", 2), work, traced=True)
        once = partial(ends_its_worker_once, tmp_path / "ended")
        survived = measure(context, PoolUse("dask", 2), replace(work, function=once))
        with pytest.raises(WorkerDied, match=r"gave up the task .* \(items 5 to 9\): .* died, 2 in all") as died:
            measure(context, PoolUse("dask", 2), replace(work, function=ends_its_worker))
    finally:
        clusters.end()
        run.close()
    assert told.results == list(range(6))
    assert all(each.sent is not None for each in run.told)
    assert first.results == traced.results == EXPECTED
    assert set(first.workers) == set(traced.workers) < set(pids)
    assert first.cluster_start == traced.cluster_start > 0
    assert traced.hosts == (platform.node(),)
    assert traced.memory is not None
    assert len(traced.memory.per_worker) == 2
    assert first.carried is not None
    assert min(first.carried.sent, first.carried.received) > 0
    assert traced.shipped is not None
    assert len(traced.shipped.sent_s) == len(traced.shipped.kept_s) > 0
    assert survived.results == list(ITEMS)
    assert len(survived.lost) == 1
    assert survived.lost[0].tasks
    assert first.lost == traced.lost == ()
    assert died.value.items == (5, 6, 7, 8, 9)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert list(tmp_path.iterdir()) == [tmp_path / "ended"]


def test_a_cluster_that_is_there_is_used_and_left(context: RunContext, cluster: Any) -> None:
    address = cluster.scheduler_address
    there = {worker.pid for worker in psutil.Process().children(recursive=True)}
    measurement = measure(context, PoolUse("dask", 1), Work(square, ITEMS, cluster=address), traced=True)
    assert measurement.results == EXPECTED
    assert set(measurement.workers) <= there
    assert measurement.memory is not None
    assert len(measurement.memory.per_worker) == 1
    assert min(measurement.memory.per_worker) > 0
    assert all(psutil.pid_exists(worker) for worker in measurement.workers)
    with pytest.raises(PoolFailed, match=r"has 1 workers?, fewer than 2"):
        measure(context, PoolUse("dask", 2), Work(square, ITEMS, cluster=address))
    assert all(psutil.pid_exists(worker) for worker in measurement.workers)


class ElsewhereExecutor(ThreadPoolExecutor):
    """Its workers say that they are on another host, of three CPUs."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        return super().submit(elsewhere, call, *given, **named)


def elsewhere(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    result = call(*given, **named)
    return result._replace(host="elsewhere", cpus=3) if isinstance(result, WorkerAnswer) else result


def test_workers_on_another_host_are_told_with_its_cpus(context: RunContext) -> None:
    measurement = measure(context, PoolUse("executor", 2), Work(square, ITEMS, executor=ElsewhereExecutor))
    assert (measurement.hosts, measurement.hosts_cpus) == (("elsewhere",), 3)
    at_home = measure(context, PoolUse("executor", 2), Work(square, ITEMS, executor=ThreadPoolExecutor))
    assert (at_home.hosts, at_home.hosts_cpus) == ((platform.node(),), 0)


class TwoHostsExecutor(ThreadPoolExecutor):
    """Its workers have the same process id and say that they are on two hosts, whose clocks are hours ahead."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        return super().submit(on_one_of_two, call, *given, **named)


def on_one_of_two(call: Callable[..., Any], *given: Any, **named: Any) -> Any:
    number = int(threading.current_thread().name.rpartition("_")[2])
    result, host, ahead = call(*given, **named), f"host-{number}", (number + 1) * 3_600_000_000_000
    if isinstance(result, WorkerAnswer):
        sign = result.sign._replace(worker=42, arrived=result.sign.arrived + ahead)
        return result._replace(host=host, sign=sign)
    if isinstance(result, WorkerMemory):
        return result._replace(host=host, worker=42, held=1000 * (number + 1))
    return [(value, 42, t0 + ahead, t1 + ahead, cpu, children, host) for value, _, t0, t1, cpu, children, *_ in result]


def test_workers_of_two_hosts_are_told_apart_and_their_clocks_not_compared(context: RunContext) -> None:
    both = threading.Barrier(2)

    def meet(n: int) -> int:
        both.wait(20)
        return n

    use = PoolUse("executor", 2, chunksize=1)
    measurement = measure(context, use, Work(meet, range(4), executor=TwoHostsExecutor), traced=True)
    report = report_on(measurement, MeasureOnce(use, True, 100, 0, "key"), list("abcd"), same=True)
    assert report.hosts == ("host-0", "host-1")
    assert 0 < report.first_ready <= report.start
    assert [(lane.host, lane.worker, len(lane.spans)) for lane in report.lanes] == [
        ("host-0", 42, 2),
        ("host-1", 42, 2),
    ]
    assert [lane.spans[0].started for lane in report.lanes] == [report.asked] * 2
    assert report.traced is None
    assert report.memory is not None
    assert sorted(report.memory.per_worker) == [1000, 2000]
    assert report.under_way is not None
    assert report.under_way.running == ()
    assert report.under_way.queued[-1] == 0
    assert report.under_way.back[-1] == 4


def test_what_is_queued_running_and_back_is_counted_from_chunks_of_our_own(context: RunContext) -> None:
    """One of two workers holds its item until the other has done all others, which are nine in the end."""
    others = threading.Semaphore(0)

    def hold(n: int) -> int:
        if n == 0:
            assert all(others.acquire(timeout=20) for _ in range(9))
        else:
            others.release()
        return n

    use = PoolUse("executor", 2, chunksize=1)
    measurement = measure(context, use, Work(hold, range(10), executor=ThreadPoolExecutor), traced=True)
    under_way = items_under_way(measurement)
    assert under_way is not None
    assert max(map(sum, zip(under_way.queued, under_way.running, under_way.back, strict=True))) == 10
    assert max(under_way.running) <= 2
    assert (under_way.queued[-1], under_way.running[-1], under_way.back[-1]) == (0, 0, 10)
    assert items_under_way(replace(measurement, back=measurement.back[1:])) is None


def test_an_older_joblib_maps_traced_as_well_and_tells_no_counts(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    joblib = pytest.importorskip("joblib")
    parallel: Any = joblib.Parallel

    class Older(parallel):  # type: ignore[misc]
        """As before version 1.4."""

        def __init__(self, n_jobs: int, *, batch_size: Any = "auto", timeout: float | None = None) -> None:
            super().__init__(n_jobs, batch_size=batch_size, timeout=timeout)

    monkeypatch.setattr(joblib, "Parallel", Older)
    measurement = measure(context, PoolUse("joblib", 2), Work(square, ITEMS), traced=True)
    assert measurement.results == EXPECTED
    assert items_under_way(measurement) is None


class AsksAProgram(ThreadPoolExecutor):
    """Starts a program, which without its site packages imports only what it is told where to find."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        asked = [sys.executable, "-S", "-c", "import poolscope.runner.pools.worker_side"]
        self.status = subprocess.run(asked, cwd="/", check=False, capture_output=True).returncode


def test_programs_that_an_executor_starts_import_what_we_do(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[AsksAProgram] = []
    monkeypatch.setenv("PYTHONPATH", "/nowhere")

    def make(workers: int) -> Executor:
        made.append(AsksAProgram(workers))
        return made[0]

    measure(context, PoolUse("executor", 1), Work(square, ITEMS, executor=make))
    assert made[0].status == 0
    assert os.environ["PYTHONPATH"] == "/nowhere"


class Silent(ThreadPoolExecutor):
    """Takes tasks and never does one."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        return Future()


class OneForAll(ProcessPoolExecutor):
    """Has one worker, however many it was asked for."""

    def __init__(self, workers: int) -> None:
        super().__init__(1)


def raises(workers: int) -> Executor:
    raise RuntimeError("no cluster today")


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (OneForAll, "asked for 2 workers, and 1 answered"),
        (Silent, "asked for 2 workers, and 0 answered"),
        (raises, "RuntimeError: no cluster today"),
        (int, "int, which is no context manager. It must return a context-managed"),
        (lambda workers: None, "gave None, which is no context manager"),
        (memoryview, "raised TypeError"),
    ],
)
def test_an_executor_that_is_not_what_it_says_is_refused(
    context: RunContext, factory: Callable[[int], Any], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "START_LIMIT_S", 0.5)
    with pytest.raises(PoolFailed, match=reason):
        measure(context, PoolUse("executor", 2), Work(square, ITEMS, executor=factory))


def test_what_is_not_installed_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(lacking_engine(kind) is None for kind in ENGINES if kind != "ray")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for kind in ("loky", "joblib", "dask", "ray"):
        assert "pip install" in (lacking_engine(kind) or "")
    assert lacking_engine("executor") is None


def test_nothing_of_engines_is_imported_where_none_is_used() -> None:
    """By a host as it says what it has, or by the module that breaks a pool of the standard library."""
    program = (
        "import sys\n"
        "from poolscope.experiments.failures import pooled\n"
        "from poolscope.runner.host.setup import interpreter_facts\n"
        "assert set(interpreter_facts().kinds) > {'loky', 'dask'}\n"
        "rooms = ('engines', 'map_watch', 'own_cluster', 'ray_pool')\n"
        "print(*({'loky', 'joblib', 'dask', 'distributed', 'ray'} & {*sys.modules}))\n"
        "print(*(name for name in sys.modules if name.rpartition('.')[2] in rooms))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("kind", ENGINES)
def test_chunks_are_a_quarter_of_a_workers_share_unless_asked_otherwise(kind: str) -> None:
    assert chunk_used(kind, 0, 40, 2) == 5
    assert chunk_used(kind, 7, 40, 2) == 7
