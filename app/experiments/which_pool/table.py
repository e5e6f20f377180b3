"""A which-pool run as a terminal shows it: a row a setting instead of one a repetition, and what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from app.experiments.which_pool.naming import on_python, settings, title
from app.experiments.which_pool.params import IN_PROCESSES
from app.experiments.which_pool.samples import Arm, State
from app.experiments.wording import capital, interval
from app.measure.intervals import ratio

HEADER = (
    "kind", "workers", "chunk", "map, ms", "speed-up, ×", "interval", "start-up, ms", "whole call, ms",
    "memory, MiB a worker",
)  # fmt: skip


def table(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """Medians of each setting, plain loops first, kind by kind; None where it was not measured."""
    arms = [*(arm for arm in state.arms.values() if arm.serial), *state.pools]
    return HEADER, [_row(state, arm) for arm in arms if arm.map]


def notes(state: State) -> list[str]:
    """Sentences on what took no part, or not to the end: each said once, of all the settings that it is true of.

    Not the reason why the run itself failed: that is its error.
    """
    out = [python for python in state.pythons if python.why_not and python.why_not != state.reason]
    said = [f"Python {python.label} took no part. {python.why_not}" for python in out]
    groups: dict[tuple[str, str], list[Arm]] = {}
    for arm in state.arms.values():
        if why := state.left_out(arm):
            groups.setdefault((title(state, arm), why), []).append(arm)
    return said + [f"{capital(_all(state, arms))}: {why}" for (_, why), arms in groups.items()]


def _all(state: State, arms: Sequence[Arm]) -> str:
    """Settings of one kind and Python: '2 and 4 interpreters on 3.13t'."""
    return settings(state, arms) + (on_python(state, arms[0]) if len(arms) > 1 else "")


def _row(state: State, arm: Arm) -> Sequence[object]:
    gain = ratio(state.serial.map, arm.map) if state.serial and state.serial.map else None
    memory = arm.memory.get("per_worker") or ()
    return (
        title(state, arm),
        None if arm.serial else arm.size,
        arm.chunk_used if arm.kind in IN_PROCESSES else None,
        median(arm.map) * 1e3,
        gain.value if gain else None,
        interval(gain) if gain and arm is not state.serial else None,
        median(arm.start) * 1e3 if arm.start else None,
        median(arm.total) * 1e3 if arm.total else None,
        median(memory) / 2**20 if memory and not arm.serial else None,
    )
