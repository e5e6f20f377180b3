"""What running again with a remedy means: its words, and about how long it takes."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.remedies import change

from tests.experiments.pool_benchmark.invented_runs import about, told

ASKED = {"workload": "sum-of-squares", "work_ms": 20, "sizes": [2], "kinds": ["process"], "repeats": 5}
RUN = told({"serial": about(600), "process 2": about(300)}, asked=ASKED)
LEFT_OPEN = told({"serial": about(600), "process 2": about(300)}, asked={**ASKED, "repeats": None})


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        ({"repeats": 10}, "Repeat 10×"),
        ({"seconds": 60.0}, "Measure for 60 s"),
        ({"chunksizes": [50]}, "Use chunks of 50"),
        ({"chunksizes": [0, 50]}, "Compare chunks of the pool’s own size and 50"),
        ({"sizes": [1]}, "Use 1 worker only"),
        ({"kinds": ["thread", "asyncio"]}, "Compare threads and asyncio"),
        ({"workload": "sum-of-squares", "work_ms": 20.0}, "Use sum-of-squares, 20 ms an item"),
        (
            {"sizes": [1, 2], "native_threads": [0, 1]},
            "Compare 1 and 2 workers, Compare unlimited and 1 native threads",
        ),
    ],
)
def test_a_remedy_is_named_by_what_it_changes(remedy: dict[str, Any], words: str) -> None:
    assert change(RUN, remedy).words.replace("\N{NO-BREAK SPACE}", " ") == words


def test_a_remedy_takes_as_much_longer_as_it_measures_more() -> None:
    once = change(RUN, {}).seconds
    assert once
    assert change(RUN, {"repeats": 11}).seconds == pytest.approx(2 * once, rel=0.1)
    assert change(RUN, {"work_ms": 40.0}).seconds == pytest.approx(2 * once)
    assert once < (change(RUN, {"sizes": [1, 2]}).seconds or 0) < 2 * once


def test_a_change_that_is_a_time_has_no_other_estimate_beside_it() -> None:
    assert change(LEFT_OPEN, {"seconds": 74.0}).timed
    assert not change(LEFT_OPEN, {"sizes": [1, 2]}).timed


def test_a_time_covers_the_whole_run_and_a_tenth_more_where_rounds_are_long() -> None:
    assert change(LEFT_OPEN, {"seconds": 60.0}).seconds == 60.0
    assert change(LEFT_OPEN, {"seconds": 4.0}).seconds == pytest.approx(4.4)


def test_a_run_that_measured_nothing_says_no_time() -> None:
    assert change(told({"serial": about(600)}), {"repeats": 5}).seconds is None
