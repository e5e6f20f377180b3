"""Judges from first and second calls of the same items whether something is kept from one call to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from poolscope.protocol.payloads import MemoryOfCalls, RememberedCalls

TIMES_FASTER = 3.0
# How much longer a first call must be at the least, in seconds. A single one by an interruption of 10 ms or a garbage
# collection would count as remembered otherwise; CPU time tells the interruption, and several calls tell both.
SURE_CPU_S, SURE_WALL_S = 5e-4, 5e-3
SINGLE_CPU_S, SINGLE_WALL_S = 2e-3, 2e-2
LEAST_S = 5e-5
MOSTLY = 0.75


@dataclass(frozen=True, slots=True)
class CallTime:
    """Seconds of one call, and of them those on a CPU."""

    wall: float
    cpu: float


def is_faster(first: CallTime, again: CallTime) -> bool:
    """Whether the second call is so much faster that the difference is worth a third one."""
    return first.wall - again.wall >= LEAST_S and first.wall >= TIMES_FASTER * again.wall


def remembered(first: Sequence[CallTime], again: Sequence[CallTime]) -> RememberedCalls | None:
    """What the calls of the same items show, the very first one in front; None where it isn't shown.

    A first call that only prepares something for all is told from calls that are remembered one by one: after it, the
    first calls of other items are fast too.
    """
    pairs = list(zip(first, again, strict=True))
    later = pairs[1:] or pairs
    faster = [(one, two) for one, two in later if is_faster(one, two)]
    slower = [(one, two) for one, two in pairs if _saves(two, one, SURE_CPU_S, SURE_WALL_S)]
    if not pairs or slower:  # lengths that change by chance
        return None
    sure = [pair for pair in faster if _saves(*pair, SURE_CPU_S, SURE_WALL_S)]
    single = [pair for pair in faster if _saves(*pair, SINGLE_CPU_S, SINGLE_WALL_S)]
    if len(sure) > 1 or single or (len(faster) > 2 and len(faster) >= MOSTLY * len(later)):
        return _summary("per item", faster)
    if _saves(*pairs[0], SINGLE_CPU_S, SINGLE_WALL_S):
        return _summary("once", pairs[:1])
    return None


def _saves(first: CallTime, again: CallTime, cpu_s: float, wall_s: float) -> bool:
    by_cpu = first.cpu - again.cpu >= cpu_s and first.cpu >= TIMES_FASTER * again.cpu
    return is_faster(first, again) and (by_cpu or first.wall - again.wall >= wall_s)


def _summary(how: MemoryOfCalls, pairs: Sequence[tuple[CallTime, CallTime]]) -> RememberedCalls:
    return RememberedCalls(how, median(one.wall for one, _ in pairs), median(two.wall for _, two in pairs), len(pairs))
