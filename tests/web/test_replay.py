"""Any moment of a run, from kept states, is what folding all records up to it gives."""

from __future__ import annotations

import random
from typing import Any

import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Actor, Count, End, Record, Span, from_line, to_line
from poolscope.runs.run import Run, Status
from poolscope.web.replay import BLOCKS, RUNS, Replays, stamp_of


def made(records: int, run_id: str = "sl-0001") -> Run:
    """An ended run whose records come a little out of order."""
    experiment = EXPERIMENTS["shared-list"]
    run = Run(run_id, experiment, parse(experiment.params, {}))
    chance = random.Random(records)
    told: list[Record] = [Actor(5, "thread 1", "started", role="producer")]
    for number in range(records):
        t = 10 + 10 * number + chance.randrange(60)
        told.append(Span("thread 1", "running", t, t + 3) if number % 3 else Count(t, "steps", {"n": number}))
    told.append(End(1, "finished"))
    run.take([(record, to_line(record)) for record in told])
    run.become(Status.RUNNING)
    run.become(Status.FINISHED)
    return run


def by_all_records(run: Run, until: int) -> Any:
    state = run.experiment.meaning.initial(run.params)
    for line in run.record_log.lines:
        record = from_line(line)
        if stamp_of(record, run) <= until:
            state = run.experiment.meaning.fold(state, record)
    return state


@pytest.mark.parametrize("records", [0, 1, 7, 20 * BLOCKS + 3])
def test_a_moment_is_the_fold_of_what_came_before(records: int) -> None:
    run, replays = made(records), Replays()
    last = run.state.t
    for until in (0, 4, 5, 11, last // 3, last // 2, last - 1, last, last + 100):
        assert replays.state_at(run, until) == by_all_records(run, until)
    assert replays.state_at(run, last).ended


def test_the_states_of_a_few_runs_are_kept() -> None:
    replays = Replays()
    for number in range(RUNS + 2):
        replays.state_at(made(5, f"sl-{number}"), 10)
    assert len(replays._blocks) == RUNS
