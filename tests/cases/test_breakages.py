"""What breaks workers is found out by another repetition: on which item, what was raised, where they wait."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import (
    ConfigurationFailed,
    HowToMeasure,
    InterpreterLost,
    InterpreterSession,
    with_killer,
)
from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import ExplainBreakage, OpenWork
from poolscope.protocol.kinds import STARTED_BY_METHOD, PoolUse
from poolscope.protocol.payloads import Breakage
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess
from poolscope.runner.pools.handshake import PoolFailed
from poolscope.runner.pools.kinds import measure
from poolscope.workloads.work import Work

from tests.cases import broken_messages
from tests.cases.measuring import HERE, LIMIT_S, StartHost, shared_host, start_host
from tests.runner.conftest import context

__all__ = ["context", "shared_host", "start_host"]

Explained = Callable[..., Breakage]
PATIENCE_S = 10.0  # for what does not hang, so that a busy machine is not taken for a hang
HANG_S = 3.0
IDLE_S = 2.0  # for what hangs, so that a worker that waits for a CPU is not taken for one


@pytest.fixture
def enter(context: RunContext, tmp_path: Path) -> Iterator[Callable[..., InterpreterSession]]:
    """Opens and tries a work of this folder, as a run does, and has its plain loop done."""
    sessions = []

    def entered(work: str, limit_s: float = LIMIT_S) -> InterpreterSession:
        python = InterpreterPath("9.9", sys.executable)
        sessions.append(InterpreterSession(context, python, BenchmarkWork(work, str(HERE)), tmp_path, limit_s))
        sessions[-1].enter()
        sessions[-1].measure(planned("9.9", "serial", items=1), HowToMeasure())
        return sessions[-1]

    yield entered
    for session in sessions:
        session.end()


def broken(session: InterpreterSession, kind: str, start_method: str = "fork") -> Breakage:
    """What breaks two workers of a kind, as a run finds out."""
    with pytest.raises(ConfigurationFailed) as failed:
        session.measure(planned("9.9", kind, 2, start_method, items=4), HowToMeasure())
    assert failed.value.breakage is not None
    return failed.value.breakage


@pytest.fixture
def explained(tmp_path: Path) -> Explained:
    """What a host says of two workers of a kind that its work breaks, which is the search of a run alone."""
    calls = (str(tmp_path / f"calls-{number}") for number in itertools.count())

    def found(
        host: HostProcess, kind: str, start_method: str = "fork", patience_s: float = PATIENCE_S, warm: bool = False
    ) -> Breakage:
        use = PoolUse(kind, 2, start_method if kind in STARTED_BY_METHOD else "")
        breakage = host.explain(ExplainBreakage(use, next(calls), patience_s, warm), LIMIT_S)
        assert breakage is not None
        assert (breakage.looked, breakage.again) == (True, True)
        return breakage

    return found


def test_an_exception_that_stays_away_is_told_with_the_setting_that_is_missing(
    shared_host: StartHost, explained: Explained
) -> None:
    found = explained(shared_host("exception_stays_away:check@items", pure=True), "pool", "spawn")
    assert (found.code, found.globals) == ("exception-unreadable", ("LIMITS",))
    assert found.items in [(0,), (1,)]
    assert found.error.startswith("Unconfigured: ")
    assert found.unreadable.startswith("TypeError: ")


def test_a_file_that_hides_what_workers_need_is_named(
    context: RunContext, explained: Explained, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "mine.py").write_text("items = [1, 2]\ndef work(n): return n\n")
    (folder / "queue.py").touch()
    host = HostProcess.start(context, "9.9", sys.executable, str(folder), own_site=True)
    try:
        host.open_work(OpenWork(BenchmarkWork("mine:work@items", str(folder)), str(tmp_path)), LIMIT_S)
        found = explained(host, "process", "spawn")
    finally:
        host.end()
    assert (found.code, found.hiding) == ("worker-died", (str(folder / "queue.py"),))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_messages_that_can_not_be_read_or_sent_are_told_with_their_item(
    context: RunContext, shared_host: StartHost, explained: Explained
) -> None:
    for function, kind, code, item, error in (
        ("keywords", "pool", "exception-unreadable", 4, "KeywordsOnly"),
        ("chained", "process", "exception-unreadable", 2, "TwoArguments"),
        ("result", "pool", "result-unreadable", 3, ""),
    ):
        # The map does not wait for them.
        with pytest.raises(PoolFailed, match="unpickled"):
            measure(context, PoolUse(kind, 2, "fork"), Work(getattr(broken_messages, function), broken_messages.items))
        found = explained(shared_host(f"broken_messages:{function}@items", pure=True), kind)
        assert (found.code, found.items, found.error.partition(":")[0]) == (code, (item,), error)
        assert found.unreadable.startswith("TypeError: "), function
        assert found.globals == (), function
    locked = explained(shared_host("broken_messages:locked@items", pure=True), "process")
    assert (locked.code, locked.items, locked.error) == ("raised", (4,), "HoldsLock: in use")
    assert "attribute lock" in locked.unsendable
    for kind in ("process", "pool"):
        found = explained(shared_host("broken_messages:unnamed@items", pure=True), kind)
        assert (found.code, found.items, found.unreadable) == ("result-unsendable", (3,), ""), kind
        assert found.error.startswith("The result of item 3 is a lambda")


def test_a_global_set_at_run_time_is_missing_in_a_worker_of_a_fork_server(
    shared_host: StartHost, explained: Explained
) -> None:
    found = explained(shared_host("broken_messages:needs_length@set_at_run_time", pure=True), "process", "forkserver")
    assert (found.code, found.globals) == ("raised", ("LENGTH",))
    assert found.error.startswith("TypeError: ")


def test_the_item_that_ended_its_worker_is_named(shared_host: StartHost, explained: Explained) -> None:
    for function, kind, start_method, code, item, exit_code in (
        ("crashes", "pool", "fork", "worker-died", 5, -11),
        ("exits", "pool", "spawn", "worker-died", 7, 3),
        ("interrupts", "process", "fork", "raised", 4, None),
    ):
        found = explained(shared_host(f"dying_workers:{function}@items", pure=True), kind, start_method)
        assert (found.code, found.exit_code) == (code, exit_code), function
        assert (found.items, found.item) == ((item,), str(item)), function


def test_a_worker_that_leaves_is_told_with_its_exit_code(enter: Callable[..., InterpreterSession]) -> None:
    found = broken(enter("dying_workers:leaves@items"), "pool")
    assert (found.code, found.exit_code, found.items, found.item) == ("raised", 1, (4,), "4")


def test_a_thread_that_ended_the_process_is_told_with_its_item(enter: Callable[..., InterpreterSession]) -> None:
    found = broken(enter("dying_workers:exits_in_thread@items"), "thread", "")
    assert (found.code, found.exit_code) == ("host-died", 2)
    assert 8 in found.items  # the other thread of two may have been at work too


def test_a_worker_that_the_kernel_killed_for_want_of_memory_is_told_from_others(
    enter: Callable[..., InterpreterSession], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = itertools.count(5)
    monkeypatch.setattr(memory, "kills", lambda counter: next(counted))
    found = broken(enter("dying_workers:is_killed@items"), "process")
    assert (found.code, found.items, found.item) == ("worker-died", (9,), "9")
    assert (found.exit_code, found.out_of_memory) == (-9, True)
    monkeypatch.setattr(memory, "kills", lambda counter: 5)
    assert with_killer(replace(found, out_of_memory=False), memory.MemoryKills()) == replace(found, out_of_memory=False)


def test_the_item_that_ended_the_loop_is_named(enter: Callable[..., InterpreterSession]) -> None:
    with pytest.raises(ConfigurationFailed) as failed:
        enter("dying_workers:exits_everywhere@items")
    found = failed.value.breakage
    assert found is not None
    assert (found.code, found.items, found.exit_code) == ("host-died", (8,), 6)


def test_a_pool_has_daemons(shared_host: StartHost, explained: Explained) -> None:
    assert explained(shared_host("nested:in_pool@few", pure=True), "pool").code == "daemonic"


def test_coroutines_that_go_wrong_beside_another_are_told_with_their_item(
    shared_host: StartHost, explained: Explained
) -> None:
    raised = explained(shared_host("together:raises_beside_another@items", pure=True), "asyncio")
    assert (raised.code, raised.items) == ("raised", (2,))
    assert raised.error == "RuntimeError: there is another one"
    hung = explained(shared_host("together:waits_beside_another@items", pure=True), "asyncio", "", IDLE_S)
    assert (hung.code, hung.items) == ("hung", (2,))
    assert [(place.function, place.workers) for place in hung.places] == [("asks", 1)]


def test_workers_that_hang_after_a_fork_name_the_threads_they_lack(enter: Callable[..., InterpreterSession]) -> None:
    found = broken(enter("asks_a_thread:ask@items", HANG_S), "pool")
    assert (found.code, found.threads, found.limit_s) == ("hung-at-fork", ("server",), HANG_S)
    assert {(place.function, place.workers) for place in found.places} == {("ask", 2)}


@pytest.mark.parametrize(
    ("work", "thread"), [("lock_at_fork:record@items", "flusher"), ("pool_of_module:hands_on@items", "helper_0")]
)
def test_whatever_a_thread_was_to_do_for_a_forked_worker_it_is_named(
    start_host: StartHost, explained: Explained, work: str, thread: str
) -> None:
    found = explained(start_host(work), "process", "fork", IDLE_S, warm=True)
    assert (found.code, found.threads) == ("hung-at-fork", (thread,))
    assert {(place.function, place.workers) for place in found.places} == {(work.partition(":")[2].split("@")[0], 2)}


def test_what_hangs_for_another_reason_is_not_laid_on_the_fork(
    start_host: StartHost, explained: Explained, tmp_path: Path
) -> None:
    host = start_host("hanging_workers:waits_in_worker@items")
    for function, kind, code, places in (
        ("waits_in_worker", "process", "hung", [("waits_in_worker", 1)]),
        ("leaves_a_thread", "process", "hung-at-exit", []),
        ("locks_twice_in_thread", "thread", "hung", [("locks_twice_in_thread", 1)]),  # last: it stays locked
    ):
        host.open_work(OpenWork(BenchmarkWork(f"hanging_workers:{function}@items", str(HERE)), str(tmp_path)), LIMIT_S)
        found = explained(host, kind, "fork", IDLE_S, warm=True)
        assert found.code == code, function
        assert [(place.function, place.workers) for place in found.places] == places, function


def test_a_lock_that_the_module_holds_itself_is_found_before_anything_is_measured(
    enter: Callable[..., InterpreterSession],
) -> None:
    with pytest.raises(InterpreterLost, match=r"item 0 \(0\).*takes_lock \(hanging_workers\.py, line \d+\)"):
        enter("hanging_workers:takes_lock@with_lock_held", HANG_S)
