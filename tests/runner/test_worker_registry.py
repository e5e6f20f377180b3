"""Killing a worker by its number: that very process or nobody, now or when one of that number comes."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import Any

import pytest
from poolscope.protocol.records import Actor, Fault, Record, Span
from poolscope.runner import worker_registry
from poolscope.runner.worker_registry import WorkerRegistry, by_age, send_sigkill

from tests.waiting import until

Start = Callable[..., list[BaseProcess]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes that sleep, or do something else; they are ended afterwards."""
    begun: list[BaseProcess] = []

    def make(count: int, does: Callable[..., None] = time.sleep, *args: Any) -> list[BaseProcess]:
        context = multiprocessing.get_context("fork")
        made: list[BaseProcess] = [context.Process(target=does, args=args or (600,)) for _ in range(count)]
        for process in made:
            process.start()
        begun.extend(made)
        return made

    yield make
    for process in begun:
        process.kill()
        process.join()


def faults(records: list[Record]) -> list[tuple[int, int, int | None]]:
    return [(fault.worker, fault.of, fault.pid) for fault in records if isinstance(fault, Fault)]


def test_the_worker_of_that_number_is_killed_and_its_lane_shows_it(start: Start) -> None:
    records: list[Record] = []
    workers = start(3)
    registry = WorkerRegistry(records.append)
    with registry.at_work(workers, "w{}".format, "lane"):
        registry.kill(2, 1)
        workers[1].join(10)
    assert [worker.exitcode for worker in workers] == [None, -signal.SIGKILL, None]
    assert faults(records) == [(2, 3, workers[1].pid)]
    actors = [(r.actor, r.event, r.pid) for r in records if isinstance(r, Actor)]
    assert actors == [("w2", "started", workers[1].pid), ("w2", "ended", workers[1].pid)]
    assert [(r.actor, r.state, r.lane, r.t1) for r in records if isinstance(r, Span)] == [
        ("w2", "killed", "lane", None)
    ]
    assert [(one.number, one.of) for one in registry.killed.values()] == [(2, 3)]


def test_whose_doing_it_is_is_known_before_anybody_can_notice_the_death(
    monkeypatch: pytest.MonkeyPatch, start: Start
) -> None:
    registry, known = WorkerRegistry(lambda _: None), []

    def kill(worker: BaseProcess) -> bool:
        known.append(worker.pid in registry.killed)
        return len(known) > 1

    monkeypatch.setattr(worker_registry, "send_sigkill", kill)
    workers = start(1)
    with registry.at_work(workers, "w{}".format):
        registry.kill(1, 1)
        assert not registry.killed  # it had ended already, by itself
        registry.kill(1, 2)
        registry.close()
    assert known == [True, True]
    assert set(registry.killed) == {workers[0].pid}


def test_a_second_request_in_vain_does_not_take_the_first_one_s_deed(start: Start) -> None:
    registry, (worker,) = WorkerRegistry(lambda _: None), start(1)
    with registry.at_work([worker], "w{}".format):
        registry.kill(1, 1)
        worker.join(10)
        first = dict(registry.killed)
        registry.kill(1, 2)
        registry.close()
    assert first
    assert registry.killed == first


def test_a_request_waits_for_a_worker_of_its_number(start: Start) -> None:
    records: list[Record] = []
    registry = WorkerRegistry(records.append)
    registry.kill(2, 7)
    assert records == []
    workers = start(2)
    with registry.at_work(workers[:1], "w{}".format):
        assert records == []
    with registry.at_work(workers, "w{}".format):
        assert faults(records) == [(2, 2, workers[1].pid)]


def test_a_request_in_vain_says_so_after_its_patience_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    records: list[Record] = []
    registry = WorkerRegistry(records.append)
    monkeypatch.setattr(worker_registry, "PATIENCE_S", 0.01)
    registry.kill(4, 1)
    until(lambda: records, "an answer")
    monkeypatch.setattr(worker_registry, "PATIENCE_S", 600)
    registry.kill(5, 2)
    registry.close()
    registry.close()
    assert faults(records) == [(4, 0, None), (5, 0, None)]
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.cancel()


def test_one_that_has_ended_is_not_struck_even_while_its_number_is_taken(start: Start) -> None:
    (ended,) = start(1, int, 0)
    until(lambda: multiprocessing.connection.wait([ended.sentinel], 0), "its end")  # it is a zombie now
    assert not send_sigkill(ended)
    ended.join()
    assert not send_sigkill(ended)


def test_whoever_has_the_process_id_of_one_that_ended_is_safe(start: Start) -> None:
    (ended,), (other,) = start(1, int, 0), start(1)
    ended.join()
    ended._popen.pid = other.pid  # type: ignore[attr-defined]
    assert ended.pid == other.pid
    assert not send_sigkill(ended)
    assert other.is_alive()


def test_workers_are_numbered_in_the_order_in_which_they_were_made(start: Start) -> None:
    workers = start(3)
    assert by_age(set(multiprocessing.active_children()) & set(workers)) == workers


def test_a_request_goes_to_the_process_that_has_the_workers_and_comes_back_if_it_does_nothing() -> None:
    records: list[Record] = []
    registry = WorkerRegistry(records.append)
    forwarded: list[tuple[int, int]] = []
    registry.kill(1, 1)
    with registry.elsewhere(lambda number, request: forwarded.append((number, request))):
        registry.kill(3, 2)
        registry.receive(Fault(5, "kill", 1, 2, 4711, 1))
        registry._lose_patience(2)  # not yet: the other process may have killed it just now
    assert forwarded == [(1, 1), (3, 2)]
    assert faults(records) == [(1, 2, 4711), (3, 0, None)]
    registry.close()
    assert len(records) == 2
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            timer.cancel()
