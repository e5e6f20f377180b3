"""The observed lock behaves as the lock inside it, and its numbers are exact under real contention."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
from poolscope.runner.locks import RING, ObservedLock

from tests.waiting import BOUND_S, until

INNER = pytest.mark.parametrize("inner", [threading.Lock, threading.RLock])


def enter(lock: ObservedLock) -> None:
    with lock:
        pass


def in_threads(count: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work, name=f"thread {number}") for number in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@INNER
def test_it_excludes_and_counts_every_acquisition_of_many_threads(inner: Callable[[], Any]) -> None:
    lock = ObservedLock(inner())
    total = 0

    def work() -> None:
        nonlocal total
        for _ in range(2_000):
            with lock:
                before = total
                total = before + 1

    in_threads(8, work)
    assert total == 16_000
    assert lock.acquisitions == 16_000
    assert 0 <= lock.contended <= 16_000
    assert lock.owner == ""
    assert not lock.waiting
    assert len(lock.timings) == RING


@INNER
def test_each_acquisition_that_had_to_wait_is_contended_and_no_other(inner: Callable[[], Any]) -> None:
    lock = ObservedLock(inner())
    lock.acquire()
    waited = [lock.waited]

    def enter_and_look() -> None:
        with lock:
            waited.append(lock.waited)

    waiters = [threading.Thread(target=enter_and_look) for _ in range(5)]
    for waiter in waiters:
        waiter.start()
    until(lambda: len(lock.waiting) == 5)
    lock.release()
    for waiter in waiters:
        waiter.join()
    with lock:
        waited.append(lock.waited)
    assert (lock.acquisitions, lock.contended) == (7, 5)
    assert waited == [False, *[True] * 5, False]


def test_it_knows_its_owner_and_who_waits_in_order_of_arrival() -> None:
    lock = ObservedLock(threading.Lock())
    lock.acquire()
    assert lock.owner == threading.current_thread().name
    let_go = threading.Event()
    seen: list[str] = []

    def hold() -> None:
        with lock:
            seen.append(lock.owner)
            let_go.wait(BOUND_S)

    waiters = []
    for number in range(1, 4):
        waiter = threading.Thread(target=hold, name=f"consumer {number}")
        waiter.start()
        waiters.append(waiter)
        until(lambda number=number: len(lock.waiting) == number)  # type: ignore[misc]
    assert list(lock.waiting) == ["consumer 1", "consumer 2", "consumer 3"]
    lock.release()
    until(lambda: lock.owner)
    assert len(lock.waiting) == 2
    assert lock.owner not in lock.waiting
    let_go.set()
    for waiter in waiters:
        waiter.join()
    assert sorted(seen) == ["consumer 1", "consumer 2", "consumer 3"]
    assert lock.owner == ""


def test_wait_and_hold_are_timed_for_each_acquisition() -> None:
    lock = ObservedLock(threading.Lock())
    with lock:
        pass
    lock.acquire()
    waiter = threading.Thread(target=enter, args=(lock,))
    waiter.start()
    until(lambda: lock.waiting)
    lock.release()
    waiter.join()
    timings = lock.drain()
    assert len(timings) == 3
    assert all(wait >= 0 and hold >= 0 for wait, hold in timings)
    (_, held), (waited, _) = timings[1:]
    assert 0 < waited <= held + waited
    assert lock.drain() == []


def test_the_ring_keeps_the_newest_timings_and_the_counts_stay_exact() -> None:
    lock = ObservedLock(threading.Lock())
    for _ in range(RING + 100):
        with lock:
            pass
    assert lock.acquisitions == RING + 100
    assert len(lock.drain()) == RING


def test_when_more_come_than_the_ring_holds_every_nth_is_timed_until_it_is_quiet_again() -> None:
    lock = ObservedLock(threading.Lock())
    for _ in range(2):
        for _ in range(8 * RING):
            enter(lock)
        timings = lock.drain()
    assert RING - 2 <= len(timings) <= RING
    assert lock.acquisitions == 16 * RING
    enter(lock)
    assert len(lock.drain()) <= 1
    for _ in range(3):
        enter(lock)
        assert len(lock.drain()) == 1


def test_entering_again_counts_once_and_gives_way_only_at_the_last_release() -> None:
    lock = ObservedLock(threading.RLock())
    with lock:
        with lock, lock:
            assert lock.owner == threading.current_thread().name
        assert lock.owner == threading.current_thread().name
        got: list[bool] = []
        other = threading.Thread(target=lambda: got.append(lock.acquire(blocking=False)))
        other.start()
        other.join()
        assert got == [False]
    assert (lock.acquisitions, lock.contended, len(lock.timings)) == (1, 0, 1)
    assert lock.owner == ""


@INNER
def test_a_try_and_a_time_out_that_fail_leave_no_trace(inner: Callable[[], Any]) -> None:
    lock = ObservedLock(inner())
    lock.acquire()
    got: list[bool] = []

    def ask() -> None:
        got.append(lock.acquire(blocking=False))
        got.append(lock.acquire(timeout=0.001))

    in_threads(1, ask)
    assert got == [False, False]
    assert not lock.waiting
    assert (lock.acquisitions, lock.contended) == (1, 0)
    assert lock.owner == threading.current_thread().name
    lock.release()
    assert lock.acquire(timeout=1)
    lock.release()


@INNER
def test_releasing_what_nobody_holds_is_refused_and_spoils_nothing(inner: Callable[[], Any]) -> None:
    lock = ObservedLock(inner())
    with pytest.raises(RuntimeError):
        lock.release()
    with lock:
        assert lock.owner == threading.current_thread().name
    assert (lock.acquisitions, len(lock.timings), lock.owner) == (1, 1, "")


@INNER
def test_a_condition_over_it_hands_numbers_over_without_loss(inner: Callable[[], Any]) -> None:
    lock = ObservedLock(inner())
    condition = threading.Condition(lock)  # type: ignore[arg-type]
    items: list[int] = []
    taken: list[int] = []

    def consume() -> None:
        for _ in range(500):
            with condition:
                while not items:
                    condition.wait(BOUND_S)
                taken.append(items.pop(0))

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for number in range(2_000):
        with condition:
            items.append(number)
            condition.notify()
    for consumer in consumers:
        consumer.join()
    assert sorted(taken) == list(range(2_000))
    assert (lock.owner, list(lock.waiting)) == ("", [])
    assert lock.acquisitions >= 4_000  # each step once, and once more after each wait


@INNER
def test_a_condition_refuses_to_notify_without_the_lock_and_asking_for_it_counts_nothing(
    inner: Callable[[], Any],
) -> None:
    lock = ObservedLock(inner())
    condition = threading.Condition(lock)  # type: ignore[arg-type]
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        condition.notify()
    assert lock.acquisitions == 0
    with condition:
        assert lock.locked()
        condition.notify_all()
        assert condition.wait(0.001) is False
        assert lock.owner == threading.current_thread().name
    assert lock.acquisitions == 2


def test_waiting_gives_up_a_lock_that_was_entered_several_times_and_gets_all_of_it_back() -> None:
    lock = ObservedLock(threading.RLock())
    condition = threading.Condition(lock)  # type: ignore[arg-type]
    ready: list[int] = []

    def wake() -> None:
        with condition:
            ready.append(1)
            condition.notify()

    with lock, lock, condition:
        waker = threading.Thread(target=wake)
        waker.start()
        assert condition.wait_for(lambda: ready, BOUND_S)
        assert lock.owner == threading.current_thread().name
        waker.join()
    assert lock.owner == ""
    free: list[bool] = []
    in_threads(1, lambda: free.append(lock.acquire(blocking=False)))
    assert free == [True]


def test_a_queue_works_with_it_as_its_mutex() -> None:
    lock = ObservedLock(threading.Lock())
    shared: queue.Queue[int] = queue.Queue(maxsize=3)
    shared.mutex = lock  # type: ignore[assignment]
    shared.not_empty = threading.Condition(lock)  # type: ignore[arg-type]
    shared.not_full = threading.Condition(lock)  # type: ignore[arg-type]
    shared.all_tasks_done = threading.Condition(lock)  # type: ignore[arg-type]
    taken: list[int] = []

    def consume() -> None:
        for _ in range(250):
            taken.append(shared.get(timeout=BOUND_S))
            shared.task_done()

    consumers = [threading.Thread(target=consume) for _ in range(4)]
    for consumer in consumers:
        consumer.start()
    for number in range(1_000):
        shared.put(number, timeout=BOUND_S)
    shared.join()
    for consumer in consumers:
        consumer.join()
    assert sorted(taken) == list(range(1_000))
    assert (lock.owner, list(lock.waiting)) == ("", [])
    assert lock.acquisitions >= 3_000
