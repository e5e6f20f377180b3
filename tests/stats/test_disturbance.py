"""The noise detector on recorded figures: quiet, noisy, and every way in which it can't tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.stats.disturbance import Disturbance, Sign, TracedTasks, disturbance

QUIET = TracedTasks(2, ((0.0202, 0.02),) * 20)
NOISY = TracedTasks(2, ((0.041, 0.02),) * 20)


def judge(*traced: TracedTasks, **facts: Any) -> Disturbance:
    """A run of 2 workers on 2 CPUs that took 4 s, of which others used 0.06 s."""
    usual: dict[str, Any] = {"workers": 2, "usable_cpus": 2, "host_cpus": 2, "wall_s": 4.0, "others_cpu_s": 0.06}
    return disturbance(traced, **(usual | facts))


def codes(judged: Disturbance) -> list[str]:
    return [sign.code for sign in judged.signs]


def test_a_quiet_run_is_quiet_and_says_by_which_numbers() -> None:
    result = judge(QUIET, others_cpu_s=0.08)
    assert result.disturbed is False
    assert codes(result) == ["tasks", "others idle"]
    assert result.wall_over_cpu == pytest.approx(1.01)
    assert result.others_cpus == pytest.approx(0.02)


def test_tasks_that_were_held_up_show_a_disturbance() -> None:
    result = judge(NOISY)
    assert result.disturbed is True
    assert codes(result) == ["tasks"]
    assert result.signs[0].numbers["wall_over_cpu"] == pytest.approx(2.05)


def test_short_tasks_of_which_few_were_held_up_show_it_in_their_total() -> None:
    """Most tasks of 1 ms run within one turn of the scheduler: their median ratio is 1.00 beside a busy process."""
    assert judge(TracedTasks(2, ((0.001, 0.001),) * 90 + ((0.005, 0.001),) * 10)).disturbed is True


def test_more_workers_than_cpus_hold_up_one_another_and_nobody_else_is_to_blame() -> None:
    result = judge(QUIET, TracedTasks(8, ((0.08, 0.02),) * 20), workers=8)
    assert result.disturbed is False
    assert result.wall_over_cpu == pytest.approx(1.01)


def test_tasks_held_up_by_the_process_that_hands_them_out_show_nothing_where_others_were_idle() -> None:
    """Large items are pickled by that process while the workers compute: three busy processes on two CPUs."""
    held_up = TracedTasks(2, NOISY.tasks, handed_out=True)
    assert judge(held_up).disturbed is False
    assert judge(held_up).wall_over_cpu is None
    assert judge(held_up, others_cpu_s=None).disturbed is True
    assert judge(held_up, others_cpu_s=4.0).disturbed is True
    assert judge(TracedTasks(1, NOISY.tasks, handed_out=True)).disturbed is True


def test_waiting_work_is_judged_by_the_other_programs() -> None:
    assert judge().disturbed is False
    assert judge().wall_over_cpu is None
    sign = Sign("others in the way", {"others_cpus": 0.5, "host_cpus": 2, "spare": 0})
    assert judge(others_cpu_s=2.0).signs == (sign,)


@pytest.mark.parametrize(
    ("others_cpus", "host_cpus", "disturbed"),
    [
        (0.05, 1, False),  # idle machines, recorded
        (0.11, 2, False),
        (0.13, 2, False),
        (0.20, 2, True),  # a map of two workers takes 1.11 times as long
        (0.20, 8, False),
        (1.00, 2, True),  # one busy neighbour, recorded as 0.96 to 1.00
        (0.96, 2, True),
        (0.96, 16, True),
    ],
)
def test_others_disturb_by_how_much_they_change_the_gain(others_cpus: float, host_cpus: int, disturbed: bool) -> None:
    cpus = {"workers": host_cpus, "usable_cpus": host_cpus, "host_cpus": host_cpus}
    assert judge(**cpus, others_cpu_s=4.0 * others_cpus).disturbed is disturbed


def test_others_on_cpus_that_were_free_are_no_proof() -> None:
    roomy = {"host_cpus": 16, "others_cpu_s": 12.0}
    result = judge(**roomy)
    assert result.disturbed is None
    assert result.signs[1] == Sign("others on free CPUs", {"others_cpus": 3.0, "host_cpus": 16, "spare": 14})
    assert judge(QUIET, **roomy).disturbed is False
    assert judge(NOISY, **roomy).disturbed is True


@pytest.mark.parametrize(
    ("server_cpu_s", "by"),
    [(None, "others"), (0.0, "others"), (0.4, "others"), (3.9, "server"), (4.2, "server"), (2.0, "both")],
)
def test_a_disturbance_is_told_by_whose_processes_it_is(server_cpu_s: float | None, by: str) -> None:
    """Of the 4 s of CPU time that others used, so many are those of the server and its other runs."""
    judged = judge(others_cpu_s=4.0, server_cpu_s=server_cpu_s)
    assert judged.disturbed is True
    assert judged.others_cpus == pytest.approx(1.0)
    assert judged.server_cpus == (None if server_cpu_s is None else pytest.approx(min(1.0, server_cpu_s / 4)))
    assert judged.in_the_way is not None
    assert judged.in_the_way.by == by
    if by != "others":
        told = judged.in_the_way.numbers
        assert told["server_cpus"] + told["rest_cpus"] == pytest.approx(told["others_cpus"])
    assert judge(others_cpu_s=0.06, server_cpu_s=0.05).in_the_way is None


@pytest.mark.parametrize(
    ("alone_cpu_s", "server_cpu_s", "by"),
    [(3.9, 3.9, "pages"), (3.7, 3.9, "pages"), (3.0, 3.9, "server"), (2, 2, "pages and others"), (0.5, 2, "both")],
)
def test_what_the_server_does_without_other_runs_is_not_called_theirs(
    alone_cpu_s: float, server_cpu_s: float, by: str
) -> None:
    judged = judge(others_cpu_s=4.0, server_cpu_s=server_cpu_s, server_alone_cpu_s=alone_cpu_s)
    assert judged.in_the_way is not None
    assert judged.in_the_way.by == by


def test_a_single_throttling_spoils_the_run() -> None:
    result = judge(QUIET, throttled_rise=1)
    assert result.disturbed is True
    assert result.signs == (Sign("throttled", {"times": 1}),)
    assert judge(QUIET, throttled_rise=0).disturbed is False


def test_effective_cpus_below_the_usable_ones_spoil_the_run() -> None:
    assert codes(judge(QUIET, effective_cpus=1.4)) == ["effective CPUs"]
    assert judge(QUIET, effective_cpus=1.96).disturbed is False


def test_every_ground_of_a_disturbance_is_told() -> None:
    assert len(judge(NOISY, others_cpu_s=4.0, throttled_rise=7, effective_cpus=1.0).signs) == 4


def test_too_short_a_run_without_tasks_cannot_tell() -> None:
    result = judge(wall_s=0.1)
    assert result.disturbed is None
    assert len(result.signs) == 2
    assert result.others_cpus is None


def test_no_throttling_alone_is_no_proof_of_quiet() -> None:
    assert judge(others_cpu_s=None, throttled_rise=0, effective_cpus=2.0).disturbed is None


@pytest.mark.parametrize(
    "config",
    [
        TracedTasks(2, ()),
        TracedTasks(2, ((0.04, 0.02),)),
        TracedTasks(2, ((2e-5, 1e-5),) * 10_000),
        TracedTasks(2, ((1.0, 0.0),) * 4),
        TracedTasks(4, NOISY.tasks),
    ],
    ids=["no task", "too little work", "tasks too short for the clocks", "tasks that wait", "too many workers"],
)
def test_tasks_that_show_nothing_are_left_out(config: TracedTasks) -> None:
    result = judge(config)
    assert result.wall_over_cpu is None
    assert result.disturbed is False


def test_less_than_nothing_by_rounding_is_nothing() -> None:
    assert judge(others_cpu_s=-0.02).others_cpus == 0.0


@given(st.floats(min_value=1.0, max_value=20.0), st.floats(min_value=0.0, max_value=10.0))
def test_more_noise_never_makes_a_run_quieter(ratio: float, more: float) -> None:
    def run(ratio: float) -> bool | None:
        return judge(TracedTasks(2, ((0.02 * ratio, 0.02),) * 20)).disturbed

    assert run(ratio) in (False, True)
    assert run(ratio + more) or not run(ratio)


@given(st.floats(min_value=0.0, max_value=8.0), st.integers(0, 30) | st.none(), st.integers(1, 16))
def test_every_judgement_rests_on_a_sign(others: float, rise: int | None, host_cpus: int) -> None:
    assert judge(others_cpu_s=others, throttled_rise=rise, host_cpus=host_cpus).signs
