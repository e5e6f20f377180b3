"""The server answers the rounds of a real run, and a run whose server can't goes on by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from poolscope.experiments.experiment import Experiments
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.run import Status

from tests.runs.conftest import OpenScheduler, done

# Four items that wait: a pool of four is four times as fast as the loop, and one worker is no faster.
CLEAR = {"workload": "square-sleep", "work_ms": 15.0, "last": 4, "sizes": [1, 4], "seconds": 6}


async def test_the_server_drops_a_size_that_loses_and_ends_what_is_clear(open_scheduler: OpenScheduler) -> None:
    async with open_scheduler() as scheduler:
        run = await done(scheduler, await scheduler.start("pool-sizes", CLEAR))
    assert run.status is Status.FINISHED
    state = run.as_json()["state"]
    assert state["rounds"]["ended"] in ("settled", "time spent")  # the latter on a machine that is busy
    lost, won = state["sizes"]
    assert (lost["dropped"]["lost_to"]["size"], won["dropped"]) == (4, None)
    assert len(lost["map_s"]["samples"]) == lost["dropped"]["round"] <= len(won["map_s"]["samples"])


async def test_a_judge_that_raises_leaves_the_run_to_the_clock(
    open_scheduler: OpenScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    unsteered = replace(EXPERIMENTS["pool-sizes"], steer=broken)
    async with open_scheduler() as scheduler:
        scheduler.experiments = Experiments({"pool-sizes": lambda: unsteered})
        run = await done(scheduler, await scheduler.start("pool-sizes", {**CLEAR, "seconds": 1}))
    assert run.status is Status.FINISHED
    assert run.state.rounds_ended.why == "time spent"
    assert "could not be steered" in caplog.text
