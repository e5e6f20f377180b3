"""Where there is no winner for a cause that is known, the first line of the answer says it."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.experiments.pool_benchmark import export, findings, verdict
from poolscope.experiments.pool_benchmark.messages import HEADLINES
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.verdict import whys_left_out
from poolscope.protocol.payloads import (
    Breakage,
    ConfigurationSkipped,
    ItemChange,
    LazyResult,
    LoopUse,
    Parcel,
    RememberedCalls,
    ResultDifference,
    ResultsDiffer,
)
from poolscope.protocol.records import Record, Result

from tests.experiments.pool_benchmark.invented_runs import LOUD, QUIET, about, planned, told, traced

THEIRS = {"workload": "mine:work@items"}
NO_WINNER = {"serial": [100.0, 108, 93, 104, 97], "process 2": [88.0, 97, 85, 92, 89]}
NO_GAIN = {"serial": about(100), "process 2": [100.0, 98, 101, 103, 97]}
LOSES = {"serial": about(100), "process 2": about(250)}
UNMEASURED = {"serial": about(100), "process 2": []}
REMEMBERED = {"remembered": RememberedCalls("per item", first_s=0.003, again_s=1e-6, calls=5), "again_s": (1e-6,)}
CHANGED = {"changed": ItemChange(0, "list", copied=True, returned=True)}
LAZY = {"lazy": LazyResult("generator", "generator", None, 1e-6, 5, 0.03, complete=True)}
CARRIES = {"parcel": Parcel(4_000_000, 0.05, 0.05), "item_bytes": 40, "result_bytes": 40, "pickle_s": 1e-5}
BLOCKS = {"is_async": True, "coroutine": True, "loop": LoopUse(0.1, 0.1, 0.01, 0.001, 0.0)}
HUNG = Breakage("hung-at-fork", threads=("flusher",), idle_s=5.0)
HASHES = ResultDifference("hash-seed", item=0, differing=32)


def run(maps: dict[str, Any], tried: dict[str, Any], *more: Record, **how: Any) -> State:
    return told(maps, tried=tried, more=more, asked=THEIRS, **how)


def first_line(now: State) -> tuple[str, str]:
    """The code and the headline, with which the JSON's sentence begins too."""
    stated, as_json = verdict.verdict(now, 2), export.which_pool_json(now)["verdict"]
    assert stated is not None
    assert as_json["sentence"].startswith(stated.headline)
    return stated.code, stated.headline


CAUSES: dict[str, tuple[State, str, str]] = {
    "remembered": (run(NO_WINNER, REMEMBERED), "unconfirmed", "results_remembered: per item"),
    "remembered, none measured": (run(UNMEASURED, REMEMBERED), "none finished", "results_remembered: per item"),
    "blocks, none measured": (run(UNMEASURED, BLOCKS), "none finished", "event_loop_blocked: waits"),
    "several CPUs, none measured": (
        run(UNMEASURED, {}, loop_share=1.9),
        "none finished",
        "oversubscribed: several threads",
    ),
    "changed": (run(NO_GAIN, CHANGED), "no gain", "items_changed: changed"),
    "carries data": (run(LOSES, CARRIES), "loop", "function_too_large: too large"),
    "threads of a library": (
        run({**NO_GAIN, "process 2": about(97)}, {}, loop_share=1.9),
        "small gain",
        "oversubscribed: several threads",
    ),
    "turns": (
        run(
            {"serial": about(100), "thread 2": about(101)},
            {},
            traces={"thread 2": traced(planned("thread 2"), 101, cpus=0.99, share=0.5)},
        ),
        "loop",
        "gil_held: one at a time",
    ),
    "hung": (
        run(UNMEASURED, {}, Result(0, ConfigurationSkipped("It hung.", HUNG), "process 2")),
        "none finished",
        "hangs: hung-at-fork",
    ),
    "hashes": (
        run(LOSES, {}, Result(0, ResultsDiffer(32, "They differ.", HASHES), "process 2")),
        "wrong results",
        "results_differ: hash-seed",
    ),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_cause_comes_first_and_the_code_stays(cause: str) -> None:
    now, code, why = CAUSES[cause]
    found, headline = first_line(now)
    assert found == code
    assert headline.startswith(HEADLINES[why].partition("{")[0])
    assert len(headline) > len(HEADLINES[why])


def test_what_is_no_answer_begins_with_why() -> None:
    code, headline = first_line(run(LOSES, LAZY))
    assert (code, headline) == ("lazy", "A call of tasks:parse returns a generator: no answer.")
    code, headline = first_line(told({"serial": about(100, 2), "asyncio 2": about(99, 2)}, tried=BLOCKS, asked=THEIRS))
    assert (code, headline) == ("blocked", "The coroutine blocks the event loop.")


def test_a_winner_and_a_loss_that_the_cause_does_not_explain_keep_their_headline() -> None:
    gains = {"serial": about(100), "process 2": about(52)}
    for maps, tried in ((gains, REMEMBERED), (gains, CARRIES), (LOSES, CHANGED), (LOSES, {})):
        _, headline = first_line(run(maps, tried))
        assert headline.startswith(("Use 2\N{NO-BREAK SPACE}processes", "Stay with the plain loop"))


def test_what_was_not_tried_since_another_broke_is_not_told_once_more() -> None:
    hung = Result(0, ConfigurationSkipped("It hung.", HUNG), "process 2")
    untried = Result(0, ConfigurationSkipped("Not tried after 2 processes. It hung.", after="process 2"), "pool 2")
    maps = {"serial": about(100), "process 2": [], "pool 2": []}
    assert len(list(whys_left_out(run(maps, {}, hung)))) == 1
    assert len(list(whys_left_out(run(maps, {}, hung, untried)))) == 1


def test_a_run_that_measured_no_pool_says_whether_it_was_disturbed() -> None:
    stated = [verdict.verdict(run(UNMEASURED, {}, noise=noise), 2) for noise in (QUIET, LOUD)]
    assert [str(one).count("disturbed") for one in stated] == [0, 1]


def test_a_run_that_measured_no_pool_still_tells_what_calls_do() -> None:
    found = findings.findings(run(UNMEASURED, REMEMBERED), 2)
    assert {finding.code: finding.holds for finding in found}["results_remembered: per item"]
    assert len(found) == 6
