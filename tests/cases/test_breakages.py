"""What breaks workers is found out by another repetition: on which item, what was raised, where they wait."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import (
    ConfigurationFailed,
    HowToMeasure,
    InterpreterLost,
    InterpreterSession,
)
from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.payloads import Breakage
from poolscope.runner.context import RunContext

from tests.cases.measuring import HERE
from tests.runner.conftest import context

__all__ = ["context"]

Broken = Callable[..., Breakage]
BOTH = ("process", "pool")


@pytest.fixture
def enter(context: RunContext, tmp_path: Path) -> Iterator[Callable[..., InterpreterSession]]:
    """Opens and tries a work of this folder, as a run does, and has its plain loop done."""
    sessions = []

    def entered(work: str, limit_s: float = 30.0, folder: Path = HERE) -> InterpreterSession:
        python = InterpreterPath("9.9", sys.executable)
        sessions.append(InterpreterSession(context, python, BenchmarkWork(work, str(folder)), tmp_path, limit_s))
        sessions[-1].enter()
        sessions[-1].measure(planned("9.9", "serial", items=1), HowToMeasure())
        return sessions[-1]

    yield entered
    for session in sessions:
        session.end()


@pytest.fixture
def broken(enter: Callable[..., InterpreterSession]) -> Broken:
    """What breaks two workers of a kind; of several kinds in one session, as in a run."""

    sessions: dict[str, InterpreterSession] = {}

    def found(work: str, kind: str, start_method: str = "fork", limit_s: float = 30.0, folder: Path = HERE) -> Breakage:
        session = sessions[work] = sessions.get(work) or enter(work, limit_s, folder)
        method = "" if kind in ("thread", "asyncio") else start_method
        with pytest.raises(ConfigurationFailed) as failed:
            session.measure(planned("9.9", kind, 2, method, items=4), HowToMeasure())
        assert failed.value.breakage is not None
        return failed.value.breakage

    return found


def test_an_exception_that_stays_away_is_told_with_the_setting_that_is_missing(broken: Broken) -> None:
    for kind in BOTH:
        found = broken("exception_stays_away:check@items", kind, "spawn")
        assert (found.code, found.again, found.globals) == ("exception-unreadable", True, ("LIMITS",)), kind
        assert found.items in [(0,), (1,)]
        assert found.error.startswith("Unconfigured: ")
        assert found.unreadable.startswith("TypeError: ")


def test_a_file_that_hides_what_workers_need_is_named(broken: Broken, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text("items = [1, 2]\ndef work(n): return n\n")
    (folder / "queue.py").touch()
    found = broken("mine:work@items", "process", "spawn", folder=folder)
    assert (found.code, found.hiding) == ("worker-died", (str(folder / "queue.py"),))


def test_an_exception_that_can_not_be_sent_is_told_with_the_part_that_can_not(broken: Broken) -> None:
    found = broken("broken_messages:locked@items", "process")
    assert (found.code, found.items, found.error) == ("raised", (4,), "HoldsLock: in use")
    assert "attribute lock" in found.unsendable


@pytest.mark.parametrize(
    ("function", "kind", "code", "item", "error"),
    [
        ("keywords", "pool", "exception-unreadable", 4, "KeywordsOnly"),
        ("chained", "process", "exception-unreadable", 2, "TwoArguments"),
        ("result", "pool", "result-unreadable", 3, ""),
    ],
)
def test_a_message_that_can_not_be_read_does_not_let_the_map_wait(
    broken: Broken, function: str, kind: str, code: str, item: int, error: str
) -> None:
    found = broken(f"broken_messages:{function}@items", kind)
    assert (found.code, found.items, found.error.partition(":")[0]) == (code, (item,), error)
    assert found.unreadable.startswith("TypeError: ")
    assert found.globals == ()


def test_the_item_whose_result_can_not_be_pickled_is_named(broken: Broken) -> None:
    for kind in BOTH:
        found = broken("broken_messages:unnamed@items", kind)
        assert (found.code, found.items, found.unreadable) == ("result-unsendable", (3,), ""), kind
        assert found.error.startswith("The result of item 3 is a lambda")


def test_a_global_set_at_run_time_is_missing_in_a_spawned_worker(broken: Broken) -> None:
    found = broken("broken_messages:needs_length@set_at_run_time", "process", "forkserver")
    assert (found.code, found.globals) == ("raised", ("LENGTH",))
    assert found.error.startswith("TypeError: ")


@pytest.mark.parametrize(
    ("function", "kind", "code", "item", "exit_code"),
    [
        ("crashes", "pool", "worker-died", 5, -11),
        ("leaves", "pool", "raised", 4, 1),
        ("interrupts", "process", "raised", 4, None),
        ("exits_in_thread", "thread", "host-died", 8, 2),
    ],
)
def test_the_item_that_ended_its_worker_is_named(
    broken: Broken, function: str, kind: str, code: str, item: int, exit_code: int
) -> None:
    found = broken(f"dying_workers:{function}@items", kind)
    assert (found.code, found.exit_code) == (code, exit_code)
    assert item in found.items  # the other thread of two may have been at work too
    assert kind == "thread" or (found.items, found.item) == ((item,), str(item))


def test_a_worker_that_the_kernel_killed_for_want_of_memory_is_told_from_others(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kills in (1, 0):
        counted = itertools.count(5, kills)
        monkeypatch.setattr(memory, "kills", lambda counter, counted=counted: next(counted))
        found = broken("dying_workers:is_killed@items", "process")
        assert (found.code, found.items, found.item) == ("worker-died", (9,), "9")
        assert (found.exit_code, found.out_of_memory) == (-9, bool(kills))


def test_the_item_is_named_in_every_kind_of_worker(broken: Broken) -> None:
    for kind, start_method in (("process", "fork"), ("pool", "fork"), ("pool", "spawn")):
        found = broken("dying_workers:exits@items", kind, start_method)
        assert (found.code, found.exit_code, found.items, found.item) == ("worker-died", 3, (7,), "7"), kind


def test_the_item_that_ended_the_loop_is_named(enter: Callable[..., InterpreterSession]) -> None:
    with pytest.raises(ConfigurationFailed) as failed:
        enter("dying_workers:exits_everywhere@items")
    found = failed.value.breakage
    assert found is not None
    assert (found.code, found.items, found.exit_code) == ("host-died", (8,), 6)


def test_a_pool_has_daemons_and_an_executor_has_none(enter: Callable[..., InterpreterSession]) -> None:
    session = enter("nested:in_pool@few")
    with pytest.raises(ConfigurationFailed) as failed:
        session.measure(planned("9.9", "pool", 2, "fork", items=4), HowToMeasure())
    assert failed.value.breakage is not None
    assert failed.value.breakage.code == "daemonic"
    assert session.measure(planned("9.9", "process", 2, "fork", items=2), HowToMeasure()).same is True


HANG_S = 3.0


@pytest.mark.parametrize(
    ("work", "kind", "thread"),
    [
        ("lock_at_fork:record@items", "process", "flusher"),
        ("pool_of_module:hands_on@items", "process", "helper_0"),
        ("asks_a_thread:ask@items", "pool", "server"),
    ],
)
def test_workers_that_hang_after_a_fork_name_the_threads_they_lack(
    broken: Broken, work: str, kind: str, thread: str
) -> None:
    found = broken(work, kind, limit_s=HANG_S)
    assert (found.code, found.threads, found.limit_s) == ("hung-at-fork", (thread,), HANG_S)
    assert {(place.function, place.workers) for place in found.places} == {(work.partition(":")[2].split("@")[0], 2)}


@pytest.mark.parametrize(
    ("function", "kind", "code", "places"),
    [
        ("waits_in_worker", "process", "hung", [("waits_in_worker", 1)]),
        ("locks_twice_in_thread", "thread", "hung", [("locks_twice_in_thread", 1)]),
        ("leaves_a_thread", "process", "hung-at-exit", []),
    ],
)
def test_what_hangs_for_another_reason_is_not_laid_on_the_fork(
    broken: Broken, function: str, kind: str, code: str, places: list[tuple[str, int]]
) -> None:
    found = broken(f"hanging_workers:{function}@items", kind, limit_s=HANG_S)
    assert (found.code, found.looked) == (code, True)
    assert [(place.function, place.workers) for place in found.places] == places


def test_a_coroutine_that_raises_beside_another_is_told_with_its_item(broken: Broken) -> None:
    found = broken("together:raises_beside_another@items", "asyncio")
    assert (found.code, found.items, found.looked, found.again) == ("raised", (2,), True, True)
    assert found.error == "RuntimeError: there is another one"


def test_a_coroutine_that_waits_for_ever_is_told_with_its_item_and_line(broken: Broken) -> None:
    found = broken("together:waits_beside_another@items", "asyncio", limit_s=HANG_S)
    assert (found.code, found.items, found.looked) == ("hung", (2,), True)
    assert [(place.function, place.workers) for place in found.places] == [("asks", 1)]


def test_a_lock_that_the_module_holds_itself_is_found_before_anything_is_measured(
    enter: Callable[..., InterpreterSession],
) -> None:
    with pytest.raises(InterpreterLost, match=r"item 0 \(0\).*takes_lock \(hanging_workers\.py, line \d+\)"):
        enter("hanging_workers:takes_lock@with_lock_held", limit_s=HANG_S)
