"""What running again with a remedy means: its words, and about how long it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark import findings, state
from poolscope.experiments.pool_benchmark.params import LONGEST_ROUNDS_S, MOST_REPEATS, WhichPoolParams
from poolscope.experiments.pool_benchmark.remedies import change, changes_nothing
from poolscope.protocol.records import End, Sample

from tests.experiments.pool_benchmark.invented_runs import LOUD, about, records, told
from tests.openings import opening

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


def test_an_estimate_goes_by_what_the_run_really_took() -> None:
    """Of 14 s five rounds took 7, and the trial and the traces 4.2 beside two more."""
    run = state.initial(WhichPoolParams.model_validate(ASKED))
    *counted, _ = records({"serial": about(600), "process 2": about(300)})
    last = Sample(11 * 10**9, "map", "process 2", 5, 0.3)
    warm_up, end = Sample(4 * 10**9, "map", "process 2", 0, 0.4), End(15 * 10**9, "finished")
    for record in [replace(opening(), t=10**9), warm_up, *counted, last, end]:
        run = state.fold(run, record)
    assert change(run, {}).seconds == pytest.approx(14)
    assert change(run, {"repeats": 11}).seconds == pytest.approx(4.2 + 13 * 1.4)


def test_only_pools_that_take_chunks_are_measured_with_each_size() -> None:
    threads = told({"serial": about(600), "thread 2": about(300)}, asked=ASKED)
    assert change(threads, {"chunksizes": [1, 10]}).seconds == change(threads, {}).seconds
    assert (change(RUN, {"chunksizes": [1, 10]}).seconds or 0) > (change(RUN, {}).seconds or 0)


@pytest.mark.parametrize("asked", [{"repeats": MOST_REPEATS}, {"repeats": None, "seconds": LONGEST_ROUNDS_S}])
def test_a_run_that_had_the_most_there_may_be_proposes_no_more(asked: dict[str, Any]) -> None:
    wide = {"serial": [640.0, 900.0, 500.0, 400.0, 700.0], "process 2": [400.0, 700.0, 500.0, 640.0, 900.0]}
    most = told(wide, asked={**ASKED, **asked}, noise=LOUD)
    fewer = told(wide, asked={**ASKED, "repeats": MOST_REPEATS - 1}, noise=LOUD)
    remedies = [[finding.remedy for finding in findings.findings(run, 2) if finding.remedy] for run in (most, fewer)]
    assert [any({"repeats", "seconds"} & {*remedy} for remedy in found) for found in remedies] == [False, True]
    assert changes_nothing(most, {**asked})


def test_a_change_that_is_a_time_has_no_other_estimate_beside_it() -> None:
    assert change(LEFT_OPEN, {"seconds": 74.0}).timed
    assert not change(LEFT_OPEN, {"sizes": [1, 2]}).timed


def test_a_time_covers_the_whole_run_and_a_tenth_more_where_rounds_are_long() -> None:
    assert change(LEFT_OPEN, {"seconds": 60.0}).seconds == 60.0
    assert change(LEFT_OPEN, {"seconds": 4.0}).seconds == pytest.approx(4.4)


def test_a_run_that_measured_nothing_says_no_time() -> None:
    assert change(told({"serial": about(600)}), {"repeats": 5}).seconds is None
