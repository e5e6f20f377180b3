"""Runs in lists: what runs now and what came last, and the history of all that the journal or the memory holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.journal import StoredRun
from poolscope.runs.run import Run, Status
from poolscope.text import numbers
from poolscope.web.app_state import AppState
from poolscope.web.context import MARKS, progress, title, unanswered
from poolscope.web.table import Button, Cell, Column, Table, table
from poolscope.web.views import VIEWS

RECENT = 14  # runs that the bench lists
SHOWN = 3  # live runs that it names
SHORT, LONG = 90, 160  # characters of a summary
MEASURING = "A measurement is running: another one waits for its end, all else starts beside it and disturbs it."
UNDISTURBED = "A measurement is running. What you start here waits until it has ended, so as not to disturb it."
BUSY_CPUS = 0.5  # from here on a measurement would suffer


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


def _recent(row: StoredRun | None, run: Run | None) -> RecentRun:
    known: Any = run or row
    status = Status(known.status)
    summary = known.summary or known.error or unanswered(status, known.started)
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


# What runs now and what came last


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in one line; `found` is the finding itself, '' while it is live."""

    title: str
    href: str
    state: str
    word: str
    found: str


@dataclass(frozen=True, slots=True)
class Now:
    """What runs now, here or in other processes on the same journal, `more` beside those shown, and what came last;
    `neighbours` says what other programs use of the CPUs, or that somebody measures, and `busy` whether a measurement
    would be disturbed."""

    running: tuple[RunLine, ...]
    more: int
    last: RunLine | None
    neighbours: str
    busy: bool


def now(app_state: AppState, owner: str, last: Run | None) -> Now:
    """With an `owner`, of his runs alone."""
    live = [run for run in app_state.store.in_memory() if run.status.live]
    elsewhere = app_state.store.elsewhere
    cpus = app_state.neighbours.cpus(app_state.store.of().changes) if is_quiet(app_state) else None
    measured = [run for run in live if run.experiment.measured and run.status is Status.RUNNING]
    known = app_state.scheduler.experiments
    others = [known[row.experiment] for row in elsewhere if row.status == Status.RUNNING and row.experiment in known]
    measuring = bool(measured) or any(other.measured for other in others)
    running = [_line(run) for run in live if owner in ("", run.visitor.id)]
    running += [_line_elsewhere(row) for row in elsewhere if owner in ("", row.visitor)]
    return Now(
        running=tuple(running[:SHOWN]),
        more=len(running[SHOWN:]),
        last=_line(last) if last else None,
        neighbours=_measuring(measured, owner) if measuring else _neighbours(cpus, app_state.facts.logical_cpus),
        busy=measuring or (cpus is not None and cpus >= BUSY_CPUS),
    )


def is_quiet(app_state: AppState) -> bool:
    """Whether no run is live, be it here or in another process on the same journal."""
    store = app_state.store
    return not store.elsewhere and not any(run.status.live for run in store.in_memory())


async def last_run(app_state: AppState, owner: str) -> Run | None:
    """The run that ended last, of those in memory or the newest of each experiment."""
    newest = [await app_state.store.latest(name, owner) for name in app_state.scheduler.experiments]
    own = [run for run in app_state.store.in_memory() if owner in ("", run.visitor.id)]
    ended = [run for run in (*own, *newest) if run is not None and run.ended]
    return max(ended, key=lambda run: run.ended or "", default=None)


def _line(run: Run) -> RunLine:
    verdict = None if run.status.live else run.experiment.meaning.verdict(run.state, run.usable_cpus)
    broken = run.status in (Status.FAILED, Status.INTERRUPTED)
    found = (run.error or "") if broken else verdict.headline if verdict else ""
    word = run.status.value if run.status.live else f"{run.status.value} {numbers.clock(run.ended)}"
    return RunLine(title(run), f"/runs/{run.id}", MARKS[run.status], word, found)


def _line_elsewhere(row: StoredRun) -> RunLine:
    status = Status(row.status)
    word = f"{row.status} in another process"
    return RunLine(stored_title(row.experiment, row.params), f"/runs/{row.id}", MARKS[status], word, "")


def _measuring(measured: Sequence[Run], owner: str) -> str:
    """What becomes of a run that is started while these are measured, or something is in another process."""
    own = [run for run in measured if owner in ("", run.visitor.id)]  # a visitor's runs wait for none of strangers
    return UNDISTURBED if any(run.experiment.undisturbed for run in own) else MEASURING


def _neighbours(cpus: float | None, host_cpus: int) -> str:
    if cpus is None:
        return ""
    used = f"Other programs are using {cpus:.1f} of {numbers.count(host_cpus, 'CPU')}"
    return f"{used}, so what is measured now will be disturbed." if cpus >= BUSY_CPUS else f"{used}."
