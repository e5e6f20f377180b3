"""Judges from first and second calls of the same items whether something is kept from one call to the next."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.protocol.frozen import frozen
from poolscope.protocol.payloads import MemoryOfCalls, RememberedCalls

TIMES_FASTER = 3.0
# How much longer a first call must be at the least, in seconds on a CPU and in all, to be taken for more than chance:
# where there are two of them, and where there is one.
SURE = 5e-4, 5e-3
SINGLE = 2e-3, 2e-2
LEAST_S = 5e-5
MOSTLY = 0.75
PAGE_BYTES = 4096
NEW_PAGE_S = 5e-5  # of new memory, at the most: 2e-5 was seen in a virtual machine, whose host has to give it


@frozen
class CallTime:
    """Seconds of one call, those of them on a CPU, and those in which others had the CPU that it could have used.

    `preempted`: others had its CPU for a while, whether it is known for how long or not. `collected`: a full garbage
    collection fell into it, so that its length says nothing.
    """

    wall: float
    cpu: float
    ready: float = 0.0
    preempted: bool = False
    collected: bool = False

    @property
    def own(self) -> float:
        """Seconds that the call took by itself; what the kernel says of the others may be a clock tick too much."""
        return min(self.wall, max(self.cpu, self.wall - self.ready))


def is_faster(first: CallTime, again: CallTime) -> bool:
    """Whether the second call was so many times as fast, and not by microseconds."""
    return not first.collected and first.own >= max(TIMES_FASTER * again.own, again.own + LEAST_S)


def is_surely_faster(first: CallTime, again: CallTime, cpu_s: float, own_s: float) -> bool:
    """Whether it was so by at least so many seconds of CPU time, or of a time in which nobody held it up."""
    by_cpu = first.cpu >= max(TIMES_FASTER * again.cpu, again.cpu + cpu_s)
    return is_faster(first, again) and (by_cpu or (not first.preempted and first.own - again.own >= own_s))


def remembered(first: Sequence[CallTime], again: Sequence[CallTime]) -> RememberedCalls | None:
    """What the calls of the same items show, the very first one in front; None where it isn't shown.

    A first call that only prepares something for all is told from calls that are remembered one by one: after it, the
    first calls of other items are fast too.
    """
    pairs = list(zip(first, again, strict=True))
    later = pairs[1:] or pairs
    faster = [pair for pair in later if is_faster(*pair)]
    sure = [pair for pair in faster if is_surely_faster(*pair, *SURE)]
    single = [pair for pair in faster if is_surely_faster(*pair, *SINGLE)]
    slower = [pair for pair in pairs if is_surely_faster(pair[1], pair[0], *SURE)]
    mostly = len(faster) > 2 and len(faster) >= MOSTLY * len(later)
    shown = len(sure) > 1 or single or mostly or (sure and is_surely_faster(*pairs[0], *SURE))
    if shown and 2 * len(slower) <= len(faster):  # else lengths change by chance
        return _summary("per item", faster)
    if pairs and is_surely_faster(*pairs[0], *SINGLE) and len(slower) < 2:
        return _summary("once", pairs[:1])
    return None


def may_be_new_memory(found: RememberedCalls, call_bytes: int) -> bool:
    """Whether first calls may have been slower for no more than the pages of memory that each call takes anew.

    Calls that compute only the first time take little memory afterwards, or their first takes far longer than that.
    """
    return found.first_s - found.again_s <= call_bytes / PAGE_BYTES * NEW_PAGE_S


def finds_kept(first_s: Sequence[float], again_s: Sequence[float], anew_s: Sequence[float]) -> bool:
    """Whether calls in a new process are more like the second calls here than like the first ones.

    By the middle of the items whose second call was faster, and on a scale of ratios: a busy machine makes any of the
    calls some times as long, but what is kept is found in a hundredth of the time.
    """
    calls = [each for each in zip(first_s, again_s, anew_s, strict=False) if each[0] >= TIMES_FASTER * each[1]]
    if not calls:
        return False
    first, again, anew = (float(median(times)) for times in zip(*calls, strict=True))
    return anew * anew < first * again


def _summary(how: MemoryOfCalls, pairs: Sequence[tuple[CallTime, CallTime]]) -> RememberedCalls:
    return RememberedCalls(how, median(one.wall for one, _ in pairs), median(two.wall for _, two in pairs), len(pairs))
