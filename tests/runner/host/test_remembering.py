"""What first and second calls of the same items show, from invented times."""

from __future__ import annotations

from dataclasses import replace

import pytest
from poolscope.protocol.payloads import RememberedCalls
from poolscope.runner.host.remembering import CallTime, may_be_new_memory, remembered

LONG, SHORT = CallTime(0.035, 0.035), CallTime(1e-6, 1e-6)
WAITED = CallTime(0.035, 1e-4)
HELD_UP = CallTime(0.035, 1e-3, preempted=True)
OWN = CallTime(1e-3, 1e-3)


@pytest.mark.parametrize(
    ("first", "again", "how"),
    [
        ([LONG] * 6, [SHORT] * 6, "per item"),
        ([LONG] * 4 + [SHORT] * 2, [SHORT] * 6, "per item"),
        ([LONG, LONG, SHORT, SHORT, SHORT], [SHORT] * 5, "per item"),
        ([WAITED] * 6, [SHORT] * 6, "per item"),
        ([LONG], [SHORT], "per item"),
        ([LONG] + [OWN] * 5, [OWN] * 6, "once"),
        ([LONG] * 6, [LONG] * 6, None),
        ([OWN] * 6, [OWN] * 6, None),
        ([HELD_UP] * 2 + [OWN] * 4, [OWN] * 6, None),  # others had the CPU for a while
        ([replace(OWN, wall=0.035, ready=0.034)] * 6, [OWN] * 6, None),
        ([replace(LONG, collected=True)] + [OWN] * 5, [OWN] * 6, None),
        ([LONG, SHORT] * 3, [SHORT, LONG] * 3, None),  # as long as chance has it
        ([CallTime(4e-5, 4e-5)] * 6, [SHORT] * 6, None),  # no more than a clock's grain
        ([], [], None),
    ],
)
def test_what_is_remembered(first: list[CallTime], again: list[CallTime], how: str | None) -> None:
    found = remembered(first, again)
    assert (found and found.how) == how


def test_the_figures_are_those_of_the_calls_that_are_remembered() -> None:
    found = remembered([LONG] * 4 + [SHORT] * 2, [SHORT] * 6)
    assert found is not None
    assert (found.first_s, found.again_s, found.calls) == (0.035, 1e-6, 3)


@pytest.mark.parametrize(
    ("first_s", "again_s", "call_bytes", "explained"),
    [
        (0.0268, 0.0027, 4_800_000, True),  # seen on a virtual machine: a list of 600,000
        (0.5, 0.0027, 4_800_000, False),
        (0.001, 1e-6, 500, False),
    ],
)
def test_new_memory_is_not_taken_for_results_that_are_kept(
    first_s: float, again_s: float, call_bytes: int, explained: bool
) -> None:
    assert may_be_new_memory(RememberedCalls("per item", first_s, again_s, 3), call_bytes) == explained
