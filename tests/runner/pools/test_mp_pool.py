"""multiprocessing.Pool with real processes: its methods and chunks, and what a death or a wish to stop does."""

from __future__ import annotations

import errno
import gc
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from multiprocessing.util import Finalize
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from poolscope.protocol.kinds import chunk_used
from poolscope.runner.context import RunContext, Stopped, WorkerDied
from poolscope.runner.pools import handshake, mp_pool
from poolscope.runner.pools.handshake import PoolFailed
from poolscope.runner.pools.kinds import Measurement, PoolUse, measure
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

from tests.waiting import until

# The runner filters it too: pools fork from a process with threads, as they would from many a user's script.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

START_METHODS = multiprocessing.get_all_start_methods()


@pytest.fixture
def semaphores(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What is in /dev/shm of the semaphores made by this test, which other programs on the machine have too."""
    ours = f"/poolscope-{uuid.uuid4().hex[:8]}"
    monkeypatch.setitem(multiprocessing.process.current_process()._config, "semprefix", ours)  # type: ignore[attr-defined]
    return lambda: [path.name for path in Path("/dev/shm").glob(f"sem.{ours[1:]}*")]


def mapped(
    context: RunContext, function: Callable[[int], Any], items: Any = range(4), size: int = 2, **use: Any
) -> Measurement:
    return measure(context, PoolUse("pool", size, **use), Work(function, items))


def die(how: int, n: int) -> int:
    os.kill(os.getpid(), how)
    return n


def die_on_the_way_out(how: int, n: int) -> int:
    Finalize(None, os.kill, args=(os.getpid(), how), exitpriority=10)
    return n


def leave(code: int, n: int) -> int:
    os._exit(code)


@pytest.mark.parametrize("method", mp_pool.METHODS)
def test_every_method_returns_what_the_plain_loop_returns_whatever_the_chunks(context: RunContext, method: str) -> None:
    for chunksize in (0,) if method == "apply_async" else (0, 3):
        found = mapped(context, square, range(1, 11), 3, method=method, chunksize=chunksize).results
        assert (sorted(found) if method == "imap_unordered" else found) == [n * n for n in range(1, 11)]


def test_an_unknown_method_is_refused(context: RunContext) -> None:
    with pytest.raises(ValueError, match="no method 'starmap'; there are map, imap"):
        mapped(context, square, method="starmap")


@pytest.mark.parametrize("start_method", START_METHODS)
def test_all_workers_have_answered_before_the_map_and_nothing_is_left_behind(
    context: RunContext, start_method: str, semaphores: Callable[[], list[str]]
) -> None:
    measurement = mapped(context, square, range(20), 3, start_method=start_method)
    assert len(set(measurement.workers)) == 3
    assert 0 < measurement.first_ready <= measurement.start
    assert min(measurement.map, measurement.stop) > 0
    assert multiprocessing.active_children() == []
    gc.collect()  # as before every repetition
    assert semaphores() == []


def test_the_pool_hands_out_chunks_of_the_size_that_is_said(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = multiprocessing.pool.Pool._get_tasks  # type: ignore[attr-defined]

    def spy(function: Any, items: Any, size: int) -> Any:
        sizes.append(size)
        return real(function, items, size)

    monkeypatch.setattr(multiprocessing.pool.Pool, "_get_tasks", staticmethod(spy))
    for items in (1, 33, 1000):
        mapped(context, square, range(items))
        assert sizes[-1] == chunk_used("pool", 0, items, 2)


@pytest.mark.parametrize(
    ("function", "words", "start_method"),
    [
        (partial(die, signal.SIGKILL), "was killed by SIGKILL", "forkserver"),  # where it can be read once alone
        (partial(die, signal.SIGTERM), "was killed by SIGTERM", "fork"),
        (partial(leave, 3), "ended with exit code 3", "spawn"),
        (partial(leave, 0), "ended with exit code 0", "fork"),
    ],
    ids=["SIGKILL", "SIGTERM", "exit 3", "exit 0"],
)
def test_a_worker_that_dies_in_its_task_ends_the_pool_with_a_reason(
    context: RunContext, function: Any, words: str, start_method: str
) -> None:
    with pytest.raises(WorkerDied, match=rf"Worker \d of 2 \(process \d+\) {words}.* while its pool was mapping"):
        mapped(context, function, start_method=start_method)
    assert multiprocessing.active_children() == []


def test_a_worker_killed_while_its_pool_shuts_down_is_not_passed_over(context: RunContext) -> None:
    with pytest.raises(WorkerDied, match=r"was killed by SIGKILL .* while its pool was shutting down"):
        mapped(context, partial(die_on_the_way_out, signal.SIGKILL), range(8), start_method="forkserver")
    assert multiprocessing.active_children() == []


def test_a_replacement_that_starts_late_ends_with_its_pool() -> None:
    late = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
    pool = SimpleNamespace(terminate=lambda: None, _worker_handler=threading.Timer(0.3, late.start))
    pool._worker_handler.start()
    mp_pool.end_pool(pool)
    assert late.exitcode == -signal.SIGKILL


def test_a_worker_replaced_before_it_could_be_watched_is_noticed(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = multiprocessing.active_children
    killed: list[Any] = []

    def late() -> list[Any]:
        if look() and not killed:
            killed.append(look()[-1])
            killed[0].kill()
            until(lambda: killed[0] not in look() and len(look()) == 2, "the other worker")
        return look()

    monkeypatch.setattr(multiprocessing, "active_children", late)
    with pytest.raises(WorkerDied, match="while its pool was starting"):
        mapped(context, square)
    assert look() == []


def test_a_worker_that_ended_before_it_could_read_its_order_is_named(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stillborn(*_: object) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(multiprocessing.get_context("spawn"), "Pool", stillborn)
    with pytest.raises(WorkerDied, match="while its pool was starting, before it could read"):
        mapped(context, square, start_method="spawn")


def test_a_stop_asked_for_before_starts_no_work(context: RunContext) -> None:
    context.stop()
    for kind in ("serial", "pool"):
        with pytest.raises(Stopped):
            measure(context, PoolUse(kind, 2), Work(partial(leave, 1), range(4)))
    assert multiprocessing.active_children() == []


def test_workers_that_do_not_all_answer_in_time_are_reported(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "START_LIMIT_S", 0.05)
    mp_context = multiprocessing.get_context("fork")
    barrier = mp_context.Barrier(3)  # one more than there will be workers
    monkeypatch.setattr(type(mp_context), "Barrier", lambda self, parties: barrier)
    with pytest.raises(PoolFailed, match="Not all of the 2 workers answered"):
        mapped(context, square, start_method="fork")
    assert multiprocessing.active_children() == []
