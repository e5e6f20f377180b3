"""Every kind of pool by the same rules, with real workers: what is measured, and what is left when it goes wrong."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from poolscope.protocol.kinds import IN_PROCESSES, KINDS
from poolscope.runner.context import RunContext, Stopped, WorkerDied
from poolscope.runner.pools import handshake
from poolscope.runner.pools.handshake import PoolFailed, SetUpFailed
from poolscope.runner.pools.kinds import Measurement, PoolUse, lacking, measure
from poolscope.runner.pools.processes import check_all_live, error_in_unpickling
from poolscope.workloads import data, shared
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work, set_up

# The runner filters it too: pools fork from a process with threads, as they would from many a user's script.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

HERE = [kind for kind in KINDS if lacking(kind) is None]
PROCESSES = ("process", "pool")
ITEMS = range(12)
EXPECTED = [n * n for n in ITEMS]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = threading.enumerate()
    yield
    assert multiprocessing.active_children() == []
    assert [thread for thread in threading.enumerate() if thread not in before and thread.name != "recorder"] == []


def measured(
    context: RunContext, kind: str, work: Work, *, size: int = 2, start_method: str = "", traced: bool = False
) -> Measurement:
    return measure(context, PoolUse(kind, size, start_method), work, traced=traced)


async def square_later(n: int) -> int:
    await asyncio.sleep(0)
    return n * n


def squares(**more: Any) -> Work:
    return Work(square, ITEMS, square_later, **more)


@pytest.mark.parametrize(
    ("kind", "start_method"),
    [(kind, "") for kind in HERE if kind != "process"]
    + [("process", method) for method in multiprocessing.get_all_start_methods()],
)
def test_every_kind_returns_what_the_plain_loop_returns_in_phases_of_its_own(
    context: RunContext, kind: str, start_method: str
) -> None:
    measurement = measured(context, kind, squares(), start_method=start_method)
    assert measurement.results == EXPECTED
    assert len(set(measurement.workers)) == len(measurement.workers) == (1 if kind == "serial" else 2)
    assert measurement.map > 0
    if kind == "serial":
        assert (measurement.first_ready, measurement.start, measurement.stop) == (0, 0, 0)
    else:
        assert 0 < measurement.first_ready <= measurement.start
        assert measurement.stop > 0
    assert (measurement.cpu is None) == (kind in IN_PROCESSES)
    assert (measurement.tasks, measurement.memory) == ((), None)


@pytest.mark.parametrize("kind", HERE)
def test_a_traced_repetition_tells_of_each_task_and_of_the_memory(context: RunContext, kind: str) -> None:
    measurement = measured(context, kind, squares(), traced=True)
    assert measurement.results == EXPECTED
    assert len(measurement.tasks) == len(ITEMS)
    assert {task.worker for task in measurement.tasks} <= set(measurement.workers)
    for task in measurement.tasks:
        assert measurement.asked <= task.started <= task.ended <= measurement.asked + measurement.map
    assert all((task.cpu is None) == (kind == "asyncio") for task in measurement.tasks)
    assert measurement.tasks_cpu > 0
    assert measurement.memory is not None
    assert len(measurement.memory.per_worker) == len(measurement.workers)
    assert measurement.memory.total >= measurement.memory.parent > 0
    assert (measurement.memory.total > measurement.memory.parent) == (kind in PROCESSES)


set_ups: list[int] = []


def connect() -> None:
    set_ups.append(threading.get_native_id())


def connected(_: int) -> int:
    return len(set_ups)


async def connected_later(_: int) -> int:
    return len(set_ups)


@pytest.mark.parametrize(("kind", "times"), [("serial", 1), ("asyncio", 1), ("thread", 2), ("process", 1), ("pool", 1)])
def test_the_set_up_is_called_once_in_each_worker_before_its_first_task(
    context: RunContext, kind: str, times: int
) -> None:
    set_ups.clear()
    measurement = measured(context, kind, Work(connected, ITEMS, connected_later, connect))
    assert set(measurement.results) == {times}  # threads share the list
    if kind == "thread":
        assert set(set_ups) == set(measurement.workers)


def refuse_to_connect() -> None:
    raise ConnectionError("nobody listens")


@pytest.mark.parametrize("kind", HERE)
def test_a_set_up_that_raises_is_told_by_what_it_raised(context: RunContext, kind: str) -> None:
    with pytest.raises(SetUpFailed, match=r"The set-up function raised ConnectionError: nobody listens\."):
        measured(context, kind, squares(setup=refuse_to_connect))


def refuse_seven(n: int) -> int:
    if n == 7:
        raise ValueError("7 is refused")
    return n


async def refuse_seven_later(n: int) -> int:
    return refuse_seven(n)


@pytest.mark.parametrize("kind", HERE)
def test_what_the_function_raises_comes_through_and_ends_the_pool(context: RunContext, kind: str) -> None:
    with pytest.raises(ValueError, match="7 is refused"):
        measured(context, kind, Work(refuse_seven, ITEMS, refuse_seven_later))


def kill_at_seven(n: int) -> int:
    if n == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


def leave_at_seven(n: int) -> int:
    if n == 7:
        os._exit(0)
    return n


@pytest.mark.parametrize("kind", PROCESSES)
@pytest.mark.parametrize(
    ("function", "words"), [(kill_at_seven, "was killed by SIGKILL"), (leave_at_seven, "ended with exit code 0")]
)
def test_a_worker_that_dies_is_named_and_the_next_pool_works(
    context: RunContext, kind: str, function: Any, words: str
) -> None:
    with pytest.raises(WorkerDied, match=rf"Worker \d of 2 \(process \d+\) {words}.* while its pool was mapping"):
        measured(context, kind, Work(function, ITEMS))
    assert measured(context, kind, squares()).results == EXPECTED


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("kind", PROCESSES)
def test_a_worker_that_dies_in_its_set_up_is_not_waited_for(context: RunContext, kind: str) -> None:
    # Who it was can be told if it died late enough to be watched.
    with pytest.raises(WorkerDied, match=r"of 2 \(process .* while its pool was starting|ended (while|as soon)"):
        measured(context, kind, squares(setup=die))


def test_workers_that_are_gone_before_anybody_looked_are_counted() -> None:
    check_all_live([object(), object()], 2)
    with pytest.raises(WorkerDied, match="1 of 2 workers ended as soon as they were started"):
        check_all_live([object()], 2)


class Unreadable:
    def __reduce__(self) -> Any:
        return refuse_seven, (7,)


def unreadable(_: int) -> Unreadable:
    return Unreadable()


def test_a_result_that_can_not_be_unpickled_is_no_death(context: RunContext) -> None:
    with pytest.raises(PoolFailed, match=r"can't be unpickled: ValueError: 7 is refused\."):
        # One item: an executor that breaks while more are handed over says no more than that it broke.
        measured(context, "process", Work(unreadable, ITEMS[:1]))


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (None, None),
        ("\n'''\nTraceback (most recent call last):\n  …\nEOFError\n'''", None),
        ("\n'''\nTraceback (most recent call last):\n  …\nConnectionResetError: [Errno 104] reset\n'''", None),
        ("\n'''\nProcess 12 terminated abruptly with exit code -9'''", None),
        ("\n'''\nTraceback (most recent call last):\n  …\nmine.Odd: no seven\n'''", "mine.Odd: no seven"),
        (
            "\n'''\nTraceback (most recent call last):\n  …\nTypeError: no 'b'\n'''",
            "TypeError: no 'b'",
        ),
    ],
    ids=["unknown", "end of file", "reset", "a death under 3.15", "unpickling", "a name in quotes"],
)
def test_a_death_is_told_from_what_unpickling_raised(cause: str | None, reason: str | None) -> None:
    broken = BrokenProcessPool("A process in the process pool was terminated abruptly.")
    broken.__cause__ = Exception(cause) if cause else None
    assert error_in_unpickling(broken) == reason


class StoppingWhenAsked(list[int]):
    """Items that have the run stopped when somebody begins to go through them."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(ITEMS)
        self.stopping = threading.Thread(target=context.stop)

    def __iter__(self) -> Iterator[int]:
        self.stopping.start()
        return super().__iter__()


def sleep_for(seconds: float, _: int) -> None:
    time.sleep(seconds)


async def wait_for_ever(_: int) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("kind", ["serial", "process", "pool", "asyncio"])
def test_a_wish_to_stop_ends_a_map_that_would_take_for_ever(context: RunContext, kind: str) -> None:
    items = StoppingWhenAsked(context)
    with pytest.raises(Stopped):
        measured(context, kind, Work(partial(sleep_for, 3600), items, wait_for_ever))
    items.stopping.join()


def test_workers_that_do_not_all_arrive_in_time_are_reported(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handshake, "START_LIMIT_S", 0.05)
    here = threading.Event()
    try:
        with pytest.raises(PoolFailed, match="Not all of the 2 workers answered"):
            measured(context, "thread", squares(setup=partial(here.wait, 0.3)))
    finally:
        here.set()


@pytest.mark.parametrize(("kind", "most"), [("serial", 1), ("asyncio", 3)])
def test_no_more_coroutines_are_under_way_than_were_asked_for(context: RunContext, kind: str, most: int) -> None:
    under_way, seen = 0, []

    async def look(n: int) -> int:
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return n

    assert measured(context, kind, Work(look, ITEMS, look), size=3).results == list(ITEMS)
    assert max(seen) == most
    assert {task.worker for task in measured(context, kind, Work(look, ITEMS, look), size=3, traced=True).tasks} == set(
        range(most)
    )


def test_without_a_coroutine_there_is_no_asyncio(context: RunContext) -> None:
    with pytest.raises(ValueError, match="no coroutine"):
        measured(context, "asyncio", Work(square, ITEMS))


@pytest.mark.parametrize("kind", ["thread", "process"])
def test_memory_that_a_worker_keeps_is_seen_and_let_go(
    context: RunContext, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So much comes from the system each time, and not from what this process has freed before.
    hunger = 48 * 1024 * 1024
    monkeypatch.setattr(data, "HUNGER", hunger)
    work = set_up("memory-hungry", None, 4, context.scratch)
    start_method = "fork" if kind == "process" else ""
    measurement = measured(context, kind, work, start_method=start_method, traced=True)
    assert measurement.memory is not None
    assert sum(measurement.memory.per_worker) > hunger  # one of the workers may have got no task
    assert data._kept == {}


@pytest.mark.parametrize("kind", ["serial", "thread", "process", "pool"])
def test_no_addition_to_the_shared_number_is_lost(context: RunContext, kind: str) -> None:
    work = set_up("shared-object", None, 6, context.scratch, rounds=40)
    assert measured(context, kind, work).results == [1, 2, 3, 4, 5, 6]
    number = work.function.args[0]  # type: ignore[attr-defined]
    assert isinstance(number, shared.SharedNumber)
    assert number.total() == 6 * 40


def test_a_kind_that_this_python_has_not_got_says_since_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolscope.runner.pools.kinds.futures", SimpleNamespace())
    monkeypatch.setattr("platform.python_version", lambda: "3.13.2")
    assert lacking("interpreter") == "InterpreterPoolExecutor came with Python 3.14, and this is 3.13.2."
    assert [kind for kind in KINDS if lacking(kind)] == ["interpreter"]


def test_an_unknown_kind_is_refused(context: RunContext) -> None:
    with pytest.raises(ValueError, match="no kind 'greenlet'; there are serial, thread"):
        measured(context, "greenlet", squares())
