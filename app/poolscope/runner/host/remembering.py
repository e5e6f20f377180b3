"""Judges from first and second calls of the same items whether something is kept from one call to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from poolscope.protocol.payloads import MemoryOfCalls, RememberedCalls

TIMES_FASTER = 3.0
# How much longer a first call must be at the least, in seconds, to be taken for more than chance: where there are two
# of them, and where there is one.
SURE_CPU_S, SURE_WALL_S = 5e-4, 5e-3
SINGLE_CPU_S, SINGLE_WALL_S = 2e-3, 2e-2
LEAST_S = 5e-5
MOSTLY = 0.75


@dataclass(frozen=True, slots=True)
class CallTime:
    """Seconds of one call, those of them on a CPU, and those in which others had the CPU that it could have used.

    `collected`: a full garbage collection fell into it, so that its length says nothing.
    """

    wall: float
    cpu: float
    ready: float = 0.0
    collected: bool = False

    @property
    def own(self) -> float:
        """Seconds that the call took by itself."""
        return max(0.0, self.wall - self.ready)


def is_faster(first: CallTime, again: CallTime, cpu_s: float = LEAST_S, wall_s: float = LEAST_S) -> bool:
    """Whether the second call was so many times as fast, by at least so many seconds, and not by chance alone."""
    if first.collected or first.own < TIMES_FASTER * again.own:
        return False
    by_cpu = first.cpu - again.cpu >= cpu_s and first.cpu >= TIMES_FASTER * again.cpu
    return by_cpu or first.own - again.own >= wall_s


def remembered(first: Sequence[CallTime], again: Sequence[CallTime]) -> RememberedCalls | None:
    """What the calls of the same items show, the very first one in front; None where it isn't shown.

    A first call that only prepares something for all is told from calls that are remembered one by one: after it, the
    first calls of other items are fast too.
    """
    pairs = list(zip(first, again, strict=True))
    if not pairs or any(is_faster(two, one, SURE_CPU_S, SURE_WALL_S) for one, two in pairs):
        return None  # lengths change by chance
    later = pairs[1:] or pairs
    faster = [pair for pair in later if is_faster(*pair)]
    sure = [pair for pair in faster if is_faster(*pair, SURE_CPU_S, SURE_WALL_S)]
    single = [pair for pair in faster if is_faster(*pair, SINGLE_CPU_S, SINGLE_WALL_S)]
    mostly = len(faster) > 2 and len(faster) >= MOSTLY * len(later)
    if len(sure) > 1 or single or mostly or (sure and is_faster(*pairs[0], SURE_CPU_S, SURE_WALL_S)):
        return _summary("per item", faster)
    if is_faster(*pairs[0], SINGLE_CPU_S, SINGLE_WALL_S):
        return _summary("once", pairs[:1])
    return None


def _summary(how: MemoryOfCalls, pairs: Sequence[tuple[CallTime, CallTime]]) -> RememberedCalls:
    return RememberedCalls(how, median(one.wall for one, _ in pairs), median(two.wall for _, two in pairs), len(pairs))
