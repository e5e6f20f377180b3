"""The runs of the history, those of the journal and those in memory."""

from __future__ import annotations

from typing import Any

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs import earlier_journals
from poolscope.runs.journal import Row
from poolscope.runs.run import Run
from poolscope.runs.status import Status
from poolscope.text import numbers
from poolscope.web.app_state import AppState
from poolscope.web.context import History, RecentRun
from poolscope.web.panels import MARKS, progress

RECENT = 14  # runs that the bench lists


async def history(
    app_state: AppState, *, experiment: str = "", status: str = "", before: str = "", limit: int = 50
) -> History:
    """A page of the history: what the journal keeps, with the live truth of the runs that are in memory."""
    journal = app_state.scheduler.journal
    rows = await journal.runs(experiment=experiment, status=status, before=before, limit=limit + 1)
    alive = {run.id: run for run in app_state.scheduler.in_memory()}
    listed = [_recent(app_state, row, alive.get(row.id)) for row in rows[:limit]]
    if not before:  # what could not be kept is still there while the server lives
        kept = {row.id for row in rows}
        unkept = [run for run in reversed(alive.values()) if run.unkept and run.id not in kept]
        wanted = [run for run in unkept if experiment in ("", run.experiment.name) and status in ("", run.status)]
        listed = [_recent(app_state, None, run) for run in wanted] + listed
    return History(
        runs=tuple(listed),
        kept=await journal.count(),
        experiment=experiment,
        status=status,
        before=rows[limit - 1].id if len(rows) > limit else "",
        trouble=journal.trouble,
        earlier=earlier_journals.in_words(
            journal.path.name, [path.name for path in earlier_journals.earlier_journals(journal.path)]
        ),
    )


def _recent(app_state: AppState, row: Row | None, run: Run | None) -> RecentRun:
    status = run.status if run else Status(row.status if row else "")
    known: Any = run or row
    name = run.experiment.name if run else (row.experiment if row else "")
    summary = known.summary
    if run is not None and status is Status.RUNNING:
        told = progress(run)
        summary = told[2] if told else ""
    return RecentRun(
        id=known.id,
        href=f"/runs/{known.id}",
        title=EXPERIMENTS[name].title if name in EXPERIMENTS else name,
        state=MARKS[status],
        word=status.value,
        summary=summary or known.error or "",
        created=known.created,
        seconds=numbers.seconds_between(known.started, known.ended),
        live=status.live,
        deletable=not app_state.demo and not status.live,
    )
