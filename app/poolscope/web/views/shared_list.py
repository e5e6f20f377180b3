"""The shared list as pages show it: readings, the list itself, lanes, lock times and the log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from poolscope.experiments.experiment import Verdict
from poolscope.experiments.shared_list.messages import LOG, log_line
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.state import WINDOW_S, SharedListState, state_of
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Contents, from_line
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.web import timeline
from poolscope.web.table import Button, Cell, Column, Table, alone, table
from poolscope.web.views.view import Columns, PageBlock, Timeline, Timelines, View, run_of

GUARD_NAMES = {
    "lock": "threading.Lock",
    "rlock": "threading.RLock",
    "condition": "threading.Condition",
    "queue": "queue.Queue",
    "none": "no guard",
}
KEYS = (
    ("holding", "holding the lock"),
    ("waiting", "waiting for the lock"),
    ("blocked", "waiting for a number, or for room"),
    ("sleeping", "sleeping"),
)
CHIPS = 60
BARS = 40
UNSEEN = (
    "Without a guard and without delays no thread waits, holds or sleeps: there is nothing to draw. Set a delay to see "
    "the moments between reading a counter and writing it."
)
COMPARED = "none,lock,condition,queue"  # what shares data between threads, by its names among the tools
LOG_LINES = 60
ON_BENCH = 6  # of them on the bench


# To the page of that run: its panel stands elsewhere on the bench.
COMPARE = alone("sharing", "tools", COMPARED, "no guard, Lock, Condition and Queue", "Compare the tools", htmx=False)


@dataclass(frozen=True, slots=True)
class LogLine:
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class LostRow:
    """What a counter says, what the threads really did, and what that leaves unaccounted for."""

    counter: str
    says: int | None
    did: int | None
    lost: int


@dataclass(frozen=True, slots=True)
class ThreadRow:
    name: str
    state: str
    operations: int
    share: float | None  # of all steps


@dataclass(frozen=True, slots=True)
class Times:
    """Times to acquire or of holding: three numbers in seconds, and a histogram as a path in a box of 40 by 100."""

    word: str
    state: str
    median: float | None
    p99: float | None
    longest: float | None
    path: str


def _optional(count: int | None) -> str:
    """A count, nothing where there is none to give."""
    return "" if count is None else numbers.whole(count)


router = APIRouter(include_in_schema=False)


@router.get("/runs/{run_id}/log.txt", response_class=PlainTextResponse)
async def log(request: Request, run_id: str) -> Response:
    """The whole log, a line a step, as the program would have printed it."""
    run = await run_of(request, "shared-list")

    async def lines() -> AsyncIterator[str]:
        for line in run.record_log.lines:
            if line.startswith(b'{"kind":"list"'):
                step = from_line(line)
                if isinstance(step, Contents) and step.change in LOG:
                    yield f"{(step.t - run.state.t0) / 1e9:.6f} {step.actor}: {log_line(step)}\n"

    return StreamingResponse(lines(), media_type="text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class SharedListFacts:
    """Everything that the shared list's blocks show. `clock` is the moment shown, in seconds of the run."""

    added: int
    removed: int
    length: int
    expected: int
    really_added: int
    really_removed: int
    robbed: int
    consistent: bool
    guard: str
    unguarded: bool
    polls: bool  # consumers ask an empty list again and again, instead of waiting for a number
    owner: str
    waiting: str
    chips: tuple[int, ...]
    more: int
    picture: timeline.Picture
    track: timeline.Track
    lanes: str
    lanes_note: str  # why the lanes are empty, '' where they are not
    keys: tuple[tuple[str, str], ...]
    log: tuple[LogLine, ...]
    newest: tuple[LogLine, ...]
    verdict: Verdict | None  # None while it goes on and all is well
    in_step: bool  # the list is as long as the counters say
    older: str  # '; 12 older', '' where all are shown
    longest: str
    empty_polls: int
    full_polls: int
    empty_share: float | None
    left_out: int
    steps: int
    acquisitions: int
    contended: float | None
    clock: str
    records_href: str
    compared: Button | None  # compares what could have guarded an unguarded run that has ended
    state: SharedListState  # of which a run's own page shows more

    @property
    def threads(self) -> Table:
        """What each thread has done."""
        state, steps = self.state, max(self.steps, 1)
        done = [(name, state.operations.get(name, 0)) for name in state.lanes.actors]
        rows = [ThreadRow(name, state_of(state, name), count, count / steps) for name, count in done]
        return table(SharedListView.columns["threads"], rows)

    @property
    def lost(self) -> Table:
        """The shared counters against what the threads did."""
        return table(SharedListView.columns["lost"], _lost(self.state))

    @property
    def upto(self) -> float:
        """The seconds at which the histograms of the lock's times end."""
        lock = self.state.lock
        return _round_up(max(lock.wait.quantile(0.99) or 0, lock.hold.quantile(0.99) or 0))

    @property
    def times_upto(self) -> str:
        return numbers.duration(self.upto)

    @property
    def times(self) -> tuple[Times, ...]:
        """How long it took to acquire the lock, free or not, and how long it was held."""
        upto, lock = self.upto, self.state.lock
        return tuple(
            Times(word, name, kept.quantile(0.5), kept.quantile(0.99), kept.longest, _histogram(kept.bars(upto, BARS)))
            for word, name, kept in (("acquire", "waiting", lock.wait), ("hold", "holding", lock.hold))
        )


class SharedListView(View):
    """The shared list: readings, the list itself, who holds the lock and who waits for it."""

    idle = (
        "Producers add random numbers from 1 to 100 to one list, consumers take the oldest. You will see the list, who "
        "holds the lock, who waits for it, and whether the counts agree."
    )
    parts = (PageBlock("threads"), PageBlock("list"), PageBlock("lock"), PageBlock("log"))
    group = "What do threads and pools do?"
    wide = True
    replay = True
    columns: ClassVar[Columns] = {
        "threads": (
            Column("thread", lambda row: Cell(row.name, state="" if row.state == "done" else row.state), row_head=True),
            Column("steps with a number", attrgetter("operations"), numbers.whole, "n"),
            Column("share", attrgetter("share"), partial(numbers.percent, digits=1), "n", "%"),
        ),
        "lost": (
            Column("counter", attrgetter("counter"), row_head=True),
            Column("says", attrgetter("says"), _optional, "n"),
            Column("threads did", attrgetter("did"), _optional, "n"),
            Column("lost", attrgetter("lost"), numbers.whole, "n"),
        ),
    }
    timelines: ClassVar[Timelines] = {"threads": Timeline("What each thread did when", KEYS)}
    routes = router

    def title(self, params: SharedListParams) -> str:
        producers, consumers = (
            numbers.count(params.producers, "producer"),
            numbers.count(params.consumers, "consumer"),
        )
        return f"{producers} and {consumers} over one list"

    def facts(self, params: SharedListParams) -> list[str]:
        capacity = [f"capacity {numbers.whole(params.capacity)}"] if params.capacity else []
        pause = "flat out" if params.delay_max == 0 else f"delay {params.delay_min:g}–{params.delay_max:g} s"
        guard = "no guard" if params.guard == "none" else f"guard {GUARD_NAMES[params.guard]}"
        return [guard, pause, *capacity]

    def progress(self, run: Run) -> str:
        return f"{numbers.decimal(run.state.ran_s)} of {run.params.seconds:g} s"

    def view(self, run: Run, state: Any = None) -> SharedListFacts:
        replay = state is not None
        state = run.state if state is None else state
        # While it runs, time goes on between two records too.
        now = state.t if replay else run.moment(state.t)
        live = run.status.live
        # A window up to now while it runs; of an ended run, or a replay, its own clock, and no longer than it was.
        window_s = WINDOW_S if live else min(WINDOW_S, max(now - state.t0, 1) / 1e9)
        start = now - int(window_s * 1e9)
        ticks = timeline.ago(WINDOW_S) if live else timeline.at((start - state.t0) / 1e9, window_s)
        counts, lock = state.counts, state.lock
        goes_on = live or (replay and not state.ended)
        picture = timeline.picture(_of_all(state), start, now, ticks, exclusive="holding", keys=() if goes_on else KEYS)
        window = numbers.duration(window_s)
        most, stamp = state.longest
        chips = state.items[-CHIPS:]
        more = max(state.items_in_all - len(chips), 0)
        log = tuple(LogLine(f"{(step.t - state.t0) / 1e9:.3f}", log_line(step)) for step in state.steps[-LOG_LINES:])
        removals_tried = counts.really_removed + counts.empty_polls + counts.robbed
        return SharedListFacts(
            added=counts.added,
            removed=counts.removed,
            length=counts.length,
            expected=state.expected_length,
            really_added=counts.really_added,
            really_removed=counts.really_removed,
            robbed=counts.robbed,
            consistent=state.consistent,
            guard=GUARD_NAMES[state.params.guard],
            unguarded=state.params.guard == "none",
            polls=state.params.guard in ("lock", "rlock", "none"),
            owner=lock.seen.owner or "",
            waiting=", ".join(lock.seen.waiting),
            chips=chips,
            more=more,
            picture=_marked(state, picture) if goes_on else picture,
            track=timeline.track(state.lengths, start, now, ticks, f"Length of the list over {window}"),
            lanes=self.timelines["threads"].label,
            lanes_note="" if _keys(state, picture) else UNSEEN,
            keys=_keys(state, picture),
            log=log,
            newest=log[-ON_BENCH:],
            verdict=None if live and state.consistent else run.experiment.meaning.verdict(state, run.usable_cpus),
            in_step=counts.added - counts.removed == counts.length,
            older=f"; {numbers.whole(more)} older" if more else "",
            longest=f"{numbers.whole(most)} at {max(stamp - state.t0, 0) / 1e9:.1f}{numbers.GAP}s",
            empty_polls=counts.empty_polls,
            full_polls=counts.full_polls,
            empty_share=counts.empty_polls / removals_tried if removals_tried else None,
            left_out=state.left_out,
            steps=state.all_steps,
            acquisitions=lock.seen.acquisitions,
            contended=lock.share_contended,
            clock=f"{max(now - state.t0, 0) / 1e9:.1f}{numbers.GAP}s",
            records_href=f"/runs/{run.id}/log.txt",
            compared=None if live or state.params.guard != "none" else COMPARE,
            state=state,
        )


def _lost(state: SharedListState) -> tuple[LostRow, ...]:
    counts = state.counts
    return (
        LostRow("added", counts.added, counts.really_added, counts.really_added - counts.added),
        LostRow("removed", counts.removed, counts.really_removed, counts.really_removed - counts.removed),
        LostRow("emptied before pop", None, None, counts.robbed),
    )


def _of_all(state: SharedListState) -> Lanes:
    """The lanes, of threads that have not begun too: so they have their room from the start."""
    params, known = state.params, state.lanes.actors
    names = (
        *(f"producer {number}" for number in range(1, params.producers + 1)),
        *(f"consumer {number}" for number in range(1, params.consumers + 1)),
    )
    return replace(state.lanes, actors=(*known, *(name for name in names if name not in known)))


def _marked(state: SharedListState, picture: timeline.Picture) -> timeline.Picture:
    """While it goes on each thread keeps a mark, that of its likely state where none was seen: names stay in place."""
    marked = (replace(lane, state=state_of(state, lane.name)) for lane in picture.lanes)
    return replace(picture, lanes=tuple(marked))


def _keys(state: SharedListState, picture: timeline.Picture) -> tuple[tuple[str, str], ...]:
    """The states that can occur under this guard at the delays in force, and those that are drawn, explained."""
    drawn = {name for name, _ in picture.paths}
    guard, flat_out = state.params.guard, state.delay_max == 0
    occur = {"holding", "waiting"} if guard != "none" else set()
    occur |= {"blocked"} if guard in ("condition", "queue") else set()
    occur |= drawn if flat_out else {"sleeping", *drawn}
    keys = tuple(key for key in KEYS if key[0] in occur)
    windows = guard == "none" and ("running" in drawn or not flat_out)
    return (*keys, ("running", "between reading a counter and writing it")) if windows else keys


def _round_up(seconds: float) -> float:
    """The next of 1, 2, 5 × a power of ten: where a histogram's axis ends."""
    if seconds <= 0:
        return 1e-5
    scale: float = 10.0 ** int(f"{seconds:e}".split("e")[1])
    return next(step * scale for step in (1, 2, 5, 10) if step * scale >= seconds)


def _histogram(bars: tuple[int, ...]) -> str:
    """Bars as a path in a box of 40 by 100; a seldom one stays one unit high, to be seen at all."""
    most = max(bars, default=0)
    if not most:
        return ""
    return "".join(f"M{x + 0.1} 100v-{max(round(100 * bar / most), 3)}h.8V100z" for x, bar in enumerate(bars) if bar)
