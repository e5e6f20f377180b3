"""The factorials as pages show them: a row a number in order of completion, and lanes."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter_ns

from poolscope.experiments.factorials.export import error
from poolscope.experiments.factorials.params import FactorialsParams
from poolscope.experiments.factorials.state import Number, State
from poolscope.runs.run import Run
from poolscope.runs.status import Status
from poolscope.text import language, numbers
from poolscope.web import timeline

IDLE = (
    "Each number's factorial is one task in a pool. Rows appear in the order in which the tasks are done, with the "
    "worker that did them, how long they waited and how long they took."
)
WIDE = False
PIECES = ("workers", "results")
REPLAY = False  # over in milliseconds: there is nothing to watch twice
SHORTCUTS = ()

SHORT = 24  # digits shown of a long value
ON_BENCH = 14  # rows on the bench; the run's page has all
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
    seconds: float | None
    queue_wait: float | None
    at: float | None


@dataclass(frozen=True, slots=True)
class FactorialsView:
    """Everything that the factorials' blocks show; `hidden` counts the rows that the bench leaves out."""

    rows: tuple[NumberRow, ...]
    bench_rows: tuple[NumberRow, ...]
    hidden: int
    done: int
    total: int
    kind: str
    picture: timeline.Picture
    keys: tuple[tuple[str, str], ...]
    href: str


def title(params: FactorialsParams) -> str:
    workers = language.count(params.workers, "thread" if params.kind == "thread" else "process")
    return f"Factorials of {params.first} to {params.last} in a pool of {workers}"


def facts(params: FactorialsParams) -> list[str]:
    pool = "ThreadPoolExecutor" if params.kind == "thread" else "ProcessPoolExecutor"
    return [f"{pool}, {language.count(params.workers, 'worker')}", f"at most {params.time_limit:g} s a number"]


def progress(run: Run) -> str:
    return f"{run.state.done} of {run.state.total}"


def face(run: Run, state: State | None = None) -> FactorialsView:
    shown: State = state or run.state
    last = [shown.t0, *(n.ended or 0 for n in shown.completed), *(span.t for span in shown.lanes.spans)]
    now = perf_counter_ns() if run.status is Status.RUNNING else max(last)
    rows = tuple(_row(run, shown, number, place) for place, number in enumerate(shown.completed, 1))
    rows += tuple(_row(run, shown, number, 0) for number in shown.others)
    done = len(shown.completed)
    # The newest results and what comes next: on the bench a long list shows its moving edge.
    first = max(min(done - ON_BENCH + 4, len(rows) - ON_BENCH), 0)
    seen = {span.state for span in shown.lanes.spans} | {"running"}
    return FactorialsView(
        rows=rows,
        bench_rows=rows[first : first + ON_BENCH],
        hidden=max(len(rows) - ON_BENCH, 0),
        done=shown.done,
        total=shown.total,
        kind="thread" if shown.params.kind == "thread" else "process",
        picture=timeline.picture(shown.lanes, shown.t0, now, timeline.since(max(now - shown.t0, 1) / 1e9)),
        keys=tuple(key for key in KEYS if key[0] in seen),
        href=f"/runs/{run.id}",
    )


def _row(run: Run, state: State, number: Number, place: int) -> NumberRow:
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
        seconds=number.seconds,
        queue_wait=number.queue_wait,
        at=state.at(number),
    )
