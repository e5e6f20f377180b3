"""Budgets against hand-computed shares, what they always add up to, and why tasks were off the CPU."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.protocol.payloads import TraceSummary
from poolscope.stats.time_budget import SHARES, Budget, OffCpu, loop_budget, off_cpu, pool_budget

SECONDS = st.floats(min_value=0, max_value=1e4)
ABOVE_ZERO = st.floats(min_value=1e-7, max_value=1e4)


def traced(map_s: float, wall: float, cpu: float, ends: list[float] | None = None) -> TraceSummary:
    ends = ends or [map_s]
    return TraceSummary(map_s, 1, wall, cpu, len(ends), tuple(ends))


def test_two_workers_wall_is_shared_out_by_hand() -> None:
    """A call of 2 s: 0.5 start, 1 map, 0.5 stop. In the map one worker ends 0.2 s early: a tail of 0.1."""
    budget = pool_budget(0.5, 1.0, 0.5, traced(1.0, 1.6, 1.2, [0.8, 1.0]), 2)
    assert budget.startup == budget.shutdown == pytest.approx(0.25)
    assert budget.idle == pytest.approx(0.05)
    assert [budget.on_cpu, budget.off_cpu] == pytest.approx([0.3, 0.1])
    assert budget.dispatch == pytest.approx(0.05)
    assert budget.compute == pytest.approx(0.4)
    assert (budget.wall_s, budget.size) == (2.0, 2)


def test_a_slower_traced_map_only_gives_the_proportions() -> None:
    timed = pool_budget(0.0, 1.0, 0.0, traced(1.0, 1.6, 1.2, [0.8, 1.0]), 2)
    slower = pool_budget(0.0, 1.0, 0.0, traced(3.0, 4.8, 3.6, [2.4, 3.0]), 2)
    assert slower.as_json() == pytest.approx(timed.as_json())


def test_a_worker_that_got_no_task_idled_all_through() -> None:
    told = pool_budget(0.0, 1.0, 0.0, traced(1.0, 1.0, 1.0, [0.0, 1.0]), 2)
    missing = pool_budget(0.0, 1.0, 0.0, traced(1.0, 1.0, 1.0, [1.0]), 2)
    assert told == missing
    assert (told.idle, told.on_cpu, told.dispatch) == (0.5, 0.5, 0.0)


def test_tasks_that_overrun_the_map_leave_nothing_to_dispatch() -> None:
    budget = pool_budget(0.0, 1.0, 0.0, traced(1.0, 2.4, 2.6, [0.9, 1.3]), 2)
    assert budget.dispatch == budget.off_cpu == 0.0
    assert budget.idle == pytest.approx(0.05)
    assert budget.on_cpu == pytest.approx(0.95)


def test_a_map_without_a_traced_task_is_all_dispatch() -> None:
    assert pool_budget(0.0, 1.0, 0.0, traced(1.0, 0.0, 0.0), 1).dispatch == 1.0


def test_the_loop_is_on_the_cpu_or_off_it() -> None:
    assert loop_budget(2.0, 0.5).as_json() == dict.fromkeys(SHARES, 0.0) | {
        "on_cpu": 0.25,
        "off_cpu": 0.75,
        "compute": 1.0,
    }
    assert loop_budget(1.0, 1.01).on_cpu == 1.0  # two clocks, read one after the other


def test_the_json_names_the_shares_and_their_sum() -> None:
    assert Budget(0.1, 0.2, 0.3, 0.1, 0.2, 0.1, 1.0, 4).as_json() == {
        "startup": 0.1,
        "dispatch": 0.2,
        "on_cpu": 0.3,
        "off_cpu": 0.1,
        "idle": 0.2,
        "shutdown": 0.1,
        "compute": 0.4,
    }


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_times_that_are_none_are_refused(bad: float) -> None:
    good = traced(1.0, 1.0, 1.0)
    for times in ((bad, 1.0, 0.0), (0.0, bad, 0.0), (0.0, 0.0, 0.0)):
        with pytest.raises(ValueError, match="finite"):
            pool_budget(*times, good, 1)
    with pytest.raises(ValueError, match="finite"):
        pool_budget(0.0, 1.0, 0.0, traced(1.0, bad, 1.0), 1)
    with pytest.raises(ValueError, match="size"):
        pool_budget(0.0, 1.0, 0.0, good, 0)
    with pytest.raises(ValueError, match="above 0"):
        loop_budget(bad, 1.0)


@given(SECONDS, ABOVE_ZERO, SECONDS, ABOVE_ZERO, SECONDS, SECONDS, st.lists(SECONDS, min_size=1, max_size=9))
def test_the_shares_make_exactly_one_and_none_is_negative(
    start: float, mapped: float, stop: float, wall: float, tasks: float, cpu: float, ends: list[float]
) -> None:
    for size in (len(ends), len(ends) + 3):
        budget = pool_budget(start, mapped, stop, traced(wall, tasks, cpu, ends), size)
        shares = [getattr(budget, share) for share in SHARES]
        assert math.fsum(shares) == 1.0
        assert min(shares) >= 0


@given(ABOVE_ZERO, SECONDS)
def test_the_loops_shares_make_exactly_one(wall: float, cpu: float) -> None:
    budget = loop_budget(wall, cpu)
    assert math.fsum((budget.on_cpu, budget.off_cpu)) == 1.0


def judged(
    tasks: TraceSummary, size: int, *, gil: bool = False, loop: tuple[float, float] = (1.0, 1.0), usable: int = 2
) -> OffCpu:
    return off_cpu(tasks, loop_wall_s=loop[0], loop_cpu_s=loop[1], size=size, usable_cpus=usable, gil=gil)


def test_threads_that_keep_one_of_two_cpus_busy_wait_for_the_gil() -> None:
    threads = traced(1.0, 4.0, 1.0)
    assert judged(threads, 4, gil=True) == OffCpu(0.75, "gil")
    assert judged(threads, 4, gil=False).reason is None


def test_threads_that_keep_one_cpu_busy_with_tasks_and_between_them_wait_for_the_gil() -> None:
    threads = replace(traced(1.0, 3.0, 0.5), between_cpu_s=0.45)
    assert judged(threads, 4, gil=True).reason == "gil"


def test_threads_that_keep_all_cpus_busy_lack_a_core() -> None:
    """Hashing lets go of the lock, so four threads share two CPUs as processes would."""
    assert judged(traced(0.5, 2.0, 1.0), 4, gil=True) == OffCpu(0.5, "no core")
    assert judged(traced(0.5, 2.0, 1.0), 4) == OffCpu(0.5, "no core")


def test_on_one_cpu_it_is_the_core_that_is_missing() -> None:
    assert judged(traced(1.0, 4.0, 1.0), 4, gil=True, usable=1).reason == "no core"


def test_work_that_waits_in_the_loop_waits_in_the_pool() -> None:
    assert judged(traced(0.25, 1.0, 0.01), 4, gil=True, loop=(1.0, 0.01)) == OffCpu(0.99, "waiting")


def test_work_that_half_waits_and_half_computes_is_told_by_the_larger_part() -> None:
    """In the loop 0.5 s of 1 s wait; four threads add 2.2 s for the lock."""
    assert judged(traced(0.5, 3.2, 0.5), 4, gil=True, loop=(1.0, 0.5)).reason == "gil"
    assert judged(traced(0.5, 1.4, 0.5), 4, gil=True, loop=(1.0, 0.5)).reason == "waiting"


def test_processes_with_a_cpu_each_that_are_held_up_cannot_tell_why() -> None:
    assert judged(traced(0.75, 1.5, 0.75), 2) == OffCpu(0.5, None)


def test_neither_one_thread_nor_a_small_share_has_a_reason() -> None:
    assert judged(traced(1.2, 1.2, 1.0), 1, gil=True).reason is None
    assert judged(traced(0.5, 1.0, 0.9375), 4) == OffCpu(0.0625, None)
    assert judged(traced(1.0, 0.0, 0.0), 4) == OffCpu(0.0, None)
