"""The runs of the history, those of the journal and those in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.journal import StoredRun
from poolscope.runs.run import Run, Status
from poolscope.text import numbers
from poolscope.web.app_state import AppState
from poolscope.web.context import MARKS, progress, title
from poolscope.web.table import Button, Cell, Column, Table, table
from poolscope.web.views import VIEWS

RECENT = 14  # runs that the bench lists
SHORT, LONG = 90, 160  # characters of a summary


@dataclass(frozen=True, slots=True)
class RecentRun:
    """A row of the history."""

    id: str
    href: str
    title: str
    state: str
    word: str
    summary: str
    created: str
    seconds: float | None
    live: bool
    deletable: bool


@dataclass(frozen=True, slots=True)
class History:
    """A page of the history, newest first; `before` leads to the next page, '' on the last.

    Of the runs that are `kept`, `matching` have the experiment and the status that were asked for.
    """

    table: Table | None
    kept: int
    matching: int
    experiment: str
    status: str
    before: str
    trouble: str
    earlier: str  # where the runs of an earlier version are, '' if there are none


def _summary(run: RecentRun, most: int) -> str:
    """As many whole sentences of the summary as a row has room for; of one that is too long, whole words."""
    if len(run.summary) <= most:
        return run.summary
    whole, _, _ = run.summary[:most].rpartition(". ")
    return f"{whole}." if whole else f"{run.summary[:most].rpartition(' ')[0]} …"


def _action(run: RecentRun) -> Button | None:
    """What can be done with a run: stopped while it is live, deleted when it is over."""
    if run.live:
        return Button("Stop", f"Stop run {run.id}", f"{run.href}/stop")
    if not run.deletable:
        return None
    question = f"Delete run {run.id} and all its records? This can't be undone."
    return Button("Delete", f"Delete run {run.id}", f"{run.href}/delete", htmx=True, confirm=question)


ID = Column("run", lambda run: Cell(run.id, href=run.href, code=True), row_head=True)
TITLE = Column("what ran", lambda run: run.title)
STATE = Column("state", lambda run: Cell(run.word, state=run.state))
ON_BENCH = (
    ID,
    TITLE,
    STATE,
    Column("result", lambda run: _summary(run, SHORT), align="long"),
    Column("started", lambda run: numbers.clock(run.created), align="n"),
)
COLUMNS = (
    ID,
    TITLE,
    STATE,
    Column("result", lambda run: _summary(run, LONG), align="long wrap"),
    Column("created", lambda run: f"{numbers.day(run.created)} {numbers.clock(run.created)}", align="n"),
    Column("took", lambda run: numbers.duration(run.seconds), align="n"),
    Column("actions", lambda run: Cell(button=_action(run)), hidden=True),
)


async def history(
    app_state: AppState,
    *,
    owner: str = "",
    experiment: str = "",
    status: str = "",
    before: str = "",
    limit: int = 50,
    columns: Sequence[Column] = COLUMNS,
) -> History:
    """A page of the history: what the journal keeps, with the live truth of the runs that are in memory.

    With an `owner`, of his runs alone.
    """
    journal = app_state.scheduler.journal
    rows = await journal.runs(experiment=experiment, status=status, visitor=owner, before=before, limit=limit + 1)
    alive = {run.id: run for run in app_state.store.in_memory()}
    listed = [_recent(row, alive.get(row.id)) for row in rows[:limit]]
    if not before:  # what could not be kept is still there while the server lives
        kept = {row.id for row in rows}
        unkept = [run for run in reversed(alive.values()) if run.unkept and run.id not in kept]
        unkept = [run for run in unkept if owner in ("", run.visitor.id)]
        wanted = [run for run in unkept if experiment in ("", run.experiment.name) and status in ("", run.status)]
        listed = [_recent(None, run) for run in wanted] + listed
    total = await journal.count(owner)
    return History(
        table=table(columns, listed, row_id=lambda run: f"row-{run.id}", style="stack") if listed else None,
        kept=total,
        matching=await journal.count(owner, experiment, status) if experiment or status else total,
        experiment=experiment,
        status=status,
        before=rows[limit - 1].id if len(rows) > limit else "",
        trouble=journal.trouble,
        earlier=journal.earlier,
    )


SAME_WORK = ("workload", "work_ms", "items", "first", "last", "method")
LOOKED_BACK = 30  # runs among which the previous one of the same work is looked for


@dataclass(frozen=True, slots=True)
class PreviousRun:
    """The run before of the same work, and what it found."""

    id: str
    href: str
    when: str
    found: str


async def earlier_run(app_state: AppState, run: Run) -> PreviousRun | None:
    """The newest finished run before that measured the same work as one that has ended; None without one."""
    if not run.experiment.measured:
        return None
    journal, params = app_state.scheduler.journal, run.params.model_dump(mode="json")
    rows = await journal.runs(
        experiment=run.experiment.name,
        status=Status.FINISHED,
        visitor=app_state.identification.owner(run.visitor),
        before=run.id,
        limit=LOOKED_BACK,
    )
    for row in rows:
        if row.summary and all(row.params.get(name) == params.get(name) for name in SAME_WORK):
            when = f"{numbers.day(row.created)} {numbers.clock(row.created)}"
            headline = row.summary.partition(". ")[0].rstrip(".")
            return PreviousRun(row.id, f"/runs/{row.id}", when, f"{headline[:LONG]}.")
    return None


def stored_title(experiment: str, params: Mapping[str, Any]) -> str:
    """What ran with which parameters: the function, the fault, the tools."""
    if experiment not in EXPERIMENTS:
        return experiment
    about = EXPERIMENTS[experiment]
    try:
        return VIEWS[experiment].title(about.params.model_construct(**params))
    except Exception:  # an earlier version's parameters may be any; they must not keep the others from being listed
        return about.title


def _unanswered(status: Status, started: str | None) -> str:
    """In the place of a result, why there is none."""
    if status is not Status.STOPPED:
        return ""
    return "Stopped before it had a result." if started else "Cancelled before it began."


def _recent(row: StoredRun | None, run: Run | None) -> RecentRun:
    known: Any = run or row
    status = Status(known.status)
    summary = known.summary or known.error or _unanswered(status, known.started)
    if run is not None and status is Status.RUNNING:
        live_progress = progress(run)
        summary = live_progress[2] if live_progress else ""
    return RecentRun(
        id=known.id,
        href=f"/runs/{known.id}",
        title=title(run) if run else stored_title(known.experiment, known.params),
        state=MARKS[status],
        word=status.value,
        summary=summary,
        created=known.created,
        seconds=numbers.seconds_between(known.started, known.ended),
        live=status.live and run is not None,  # what another process performs can't be stopped here
        deletable=not status.live,
    )
