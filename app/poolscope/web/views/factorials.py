"""The factorials as pages show them: a row a number in order of completion, and lanes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from poolscope.errors import UnknownRun
from poolscope.experiments.factorials.export import error
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.factorials.state import FactorialsState, Number
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.web import timeline
from poolscope.web.table import Cell, Column, Table, table
from poolscope.web.views.view import Columns, PageBlock, Timeline, Timelines, View, run_of

SHORT = 24  # digits shown of a long value
ON_BENCH = 14  # rows on the bench; the run's page has all
FITS = 12  # whose factorial is the longest that a phone shows beside all else of its row
KEYS = (("running", "computing"), ("failed", "failed"), ("killed", "killed or cut short"))
MARKS = {"queued": "queued", "running": "running", "done": "done", "failed": "failed", "cancelled": "stopped"}


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One number: `value` is shortened if `long`, and then whole at `href`; `mark` is '' once it is done."""

    order: str
    n: int
    value: str
    digits: int | None
    long: bool
    href: str
    mark: str
    word: str
    worker: str
    kind: str
    seconds: float | None
    queue_wait: float | None
    at: float | None


@dataclass(frozen=True, slots=True)
class FactorialsFacts:
    """Everything that the factorials' blocks show; `hidden` counts the rows that the bench leaves out."""

    results: Table
    on_bench: Table
    hidden: int
    done: int
    total: int
    lanes: str
    picture: timeline.Picture
    keys: tuple[tuple[str, str], ...]
    href: str


def _value(row: NumberRow, brief: bool = False) -> str | Cell:
    """The factorial, its two ends with a link to the whole where it is long, or what became of the task.

    A number that is done says so until its digits come; an empty cell would be taken for one of the empty ones beside
    it, and those would move.
    """
    if row.mark or not row.value:
        return Cell(row.word, state=row.mark or "done", align="wrap")
    if not row.long:
        return row.value
    text = f"{row.value[:6]}…{row.value[-2:]}" if brief else row.value
    return Cell(text, href=row.href, small=f"{numbers.whole(row.digits)} digits")


def _worker(row: NumberRow, name: str) -> str | Cell:
    """The worker with the mark of its kind, nothing where no worker had the number."""
    return Cell(name, kind=row.kind) if name else ""


def _duration(seconds: float | None) -> str:
    """A time, nothing where there is none yet."""
    return "" if seconds is None else numbers.duration(seconds)


router = APIRouter(include_in_schema=False)


@router.get("/runs/{run_id}/factorial/{n}.txt", response_class=PlainTextResponse)
async def factorial(request: Request, run_id: str, n: int) -> Response:
    """One factorial with all its digits."""
    run = await run_of(request, "factorials")
    value = next((number.value for number in run.state.numbers if number.n == n), None)
    if value is None:
        raise UnknownRun(f"{run_id}/factorial/{n}.txt")
    return PlainTextResponse(value)


class FactorialsView(View):
    """The factorials: a row a number in order of completion, and the workers' lanes."""

    group = "What do threads and pools do?"
    idle = (
        "Each number's factorial is one task in a pool. Rows appear in the order in which the tasks are done, with the "
        "worker that did them, how long they waited and how long they took."
    )
    parts = (PageBlock("workers"), PageBlock("results"))
    columns: ClassVar[Columns] = {
        "results": (
            Column("order", attrgetter("order"), align="n"),
            Column("n", attrgetter("n"), align="n", row_head=True),
            Column("n!", _value, align="n"),
            Column("worker", lambda row: _worker(row, row.worker), align="keep"),
            Column("waited", attrgetter("queue_wait"), _duration, "n"),
            Column("took", attrgetter("seconds"), _duration, "n"),
            Column("at", attrgetter("at"), _duration, "n"),
        ),
        "bench": (
            Column("order", attrgetter("order"), align="n"),
            Column("n", attrgetter("n"), align="n", row_head=True),
            Column("n!", partial(_value, brief=True), align="n"),
            Column("worker", lambda row: _worker(row, row.worker.rpartition(" ")[2]), align="keep"),
            Column("waited", attrgetter("queue_wait"), _duration, "n"),
            Column("took", attrgetter("seconds"), _duration, "n"),
        ),
    }
    timelines: ClassVar[Timelines] = {"workers": Timeline("Workers since the first submission", KEYS)}
    routes = router

    def title(self, params: FactorialsParams) -> str:
        workers = numbers.count(params.workers, "thread" if params.kind == "thread" else "process")
        return f"Factorials of {params.first} to {params.last} in a pool of {workers}"

    def facts(self, params: FactorialsParams) -> list[str]:
        pool = "ThreadPoolExecutor" if params.kind == "thread" else "ProcessPoolExecutor"
        return [f"{pool}, {numbers.count(params.workers, 'worker')}", f"at most {params.time_limit:g} s a number"]

    def progress(self, run: Run) -> str:
        return f"{run.state.done} of {run.state.total}"

    def view(self, run: Run, state: Any = None) -> FactorialsFacts:
        state = state or run.state
        last = [state.t0, *(n.ended or 0 for n in state.completed), *(span.t for span in state.lanes.spans)]
        now = run.moment(max(last))
        rows = tuple(_row(run, state, number, place) for place, number in enumerate(state.completed, 1))
        rows += tuple(_row(run, state, number, 0) for number in state.others)
        # The newest results and what comes next: on the bench a long list shows its moving edge.
        first = max(min(len(state.completed) - ON_BENCH + 4, len(rows) - ON_BENCH), 0)
        workers = self.timelines["workers"]
        keys = workers.legend(state.lanes, "running")
        results, on_bench = (
            [replace(column, title=state.params.kind) if column.title == "worker" else column for column in columns]
            for columns in (self.columns["results"], self.columns["bench"])
        )
        style = "wide" if state.params.last > FITS else ""
        return FactorialsFacts(
            results=table(results, rows, place="row-"),
            on_bench=table(on_bench, rows[first : first + ON_BENCH], place="factorials-row-", style=style),
            hidden=max(len(rows) - ON_BENCH, 0),
            done=state.done,
            total=state.total,
            lanes=workers.label,
            picture=timeline.picture(
                state.lanes,
                state.t0,
                now,
                timeline.since(max(now - state.t0, 1) / 1e9),
                keys=() if run.status.live else keys,
            ),
            keys=keys,
            href=f"/runs/{run.id}",
        )


def _row(run: Run, state: FactorialsState, number: Number, place: int) -> NumberRow:
    value = number.value or ""
    long = len(value) > SHORT
    return NumberRow(
        order=str(place) if place else numbers.UNKNOWN,
        n=number.n,
        value=f"{value[:12]}…{value[-6:]}" if long else numbers.whole(int(value)) if value else "",
        digits=number.digits,
        long=long,
        href=f"/runs/{run.id}/factorial/{number.n}.txt",
        mark="" if number.status == "done" else MARKS[number.status],
        word=f"Error: {error(state, number)}" if number.failure else number.status,
        worker=number.worker,
        kind=state.params.kind,
        seconds=number.seconds,
        queue_wait=number.queue_wait,
        at=state.at(number),
    )
