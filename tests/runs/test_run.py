"""The table of allowed changes, and the story that an illegal one tells."""

from __future__ import annotations

import pytest
from poolscope.errors import IllegalChange
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Progress, to_line
from poolscope.runs.run import ALLOWED, Run, Status


def a_run(status: Status = Status.QUEUED) -> Run:
    experiment = EXPERIMENTS["shared-list"]
    return Run("sl-0001", experiment, parse(experiment.params, {}), status=status)


@pytest.mark.parametrize(("before", "after"), [(before, after) for before in Status for after in Status])
def test_a_run_changes_as_the_table_says_and_not_otherwise(before: Status, after: Status) -> None:
    run = a_run(before)
    if (before, after) in ALLOWED:
        run.become(after, "because")
        assert (run.status, run.error) == (after, "because")
    else:
        with pytest.raises(IllegalChange):
            run.become(after)
        assert run.status is before


def test_every_live_status_has_a_way_out_and_no_ended_one_has() -> None:
    assert {before for before, _ in ALLOWED} == {status for status in Status if status.live}


def test_an_illegal_change_names_the_run_the_step_and_the_last_records() -> None:
    run = a_run(Status.RUNNING)
    progress = Progress(1, 1, 2)
    run.take([(progress, to_line(progress))])
    with pytest.raises(IllegalChange, match=r"sl-0001 can't go from running to queued(.|\n)*progress"):
        run.become(Status.QUEUED)


def test_an_end_closes_the_log_and_wakes_all_waiters() -> None:
    run = a_run()
    run.become(Status.RUNNING)
    version = run.notifier.version
    run.become(Status.FINISHED)
    assert run.record_log.closed
    assert run.notifier.version > version
    assert (run.started or "") <= (run.ended or "")
