"""The shared list as pages show it: readings, the list itself, lanes, lock times and the log."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter_ns

from poolscope.experiments.shared_list.messages import log_line
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.state import WINDOW_S, State, state_of
from poolscope.runs.run import Run
from poolscope.runs.status import Status
from poolscope.text import language, numbers
from poolscope.web import timeline

IDLE = (
    "Producers add random numbers from 1 to 100 to one list, consumers take the oldest. You will see the list, who "
    "holds the lock, who waits for it, and whether the counts agree."
)
WIDE = True
PIECES = ("threads", "list", "lock", "log")
REPLAY = True
SHORTCUTS = ()

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


@dataclass(frozen=True, slots=True)
class LogLine:
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class ThreadRow:
    name: str
    state: str
    operations: int
    share: float | None  # of all steps


@dataclass(frozen=True, slots=True)
class Times:
    """Wait or hold times: three numbers in seconds, and a histogram as a path in a box of 40 by 100."""

    word: str
    state: str
    median: float | None
    p99: float | None
    longest: float | None
    path: str


@dataclass(frozen=True, slots=True)
class SharedListView:
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
    keys: tuple[tuple[str, str], ...]
    log: tuple[LogLine, ...]
    threads: tuple[ThreadRow, ...]
    longest: str
    empty_polls: int
    full_polls: int
    empty_share: float | None
    left_out: int
    steps: int
    acquisitions: int
    contended: float | None
    times: tuple[Times, ...]
    times_upto: str
    clock: str
    records_href: str


def title(params: SharedListParams) -> str:
    producers, consumers = language.count(params.producers, "producer"), language.count(params.consumers, "consumer")
    return f"{producers} and {consumers} over one list"


def facts(params: SharedListParams) -> list[str]:
    capacity = [f"capacity {numbers.whole(params.capacity)}"] if params.capacity else []
    pause = "flat out" if params.delay_max == 0 else f"delay {params.delay_min:g}–{params.delay_max:g} s"
    return [f"guard {GUARD_NAMES[params.guard]}", pause, *capacity]


def progress(run: Run) -> str:
    return f"{numbers.decimal(run.state.ran_s)} of {run.params.seconds:g} s"


def face(run: Run, state: State | None = None) -> SharedListView:
    """The face of the run's state, or of an earlier state of it in a replay."""
    replay = state is not None
    shown: State = state if state is not None else run.state
    # While it runs, time goes on between two records too.
    now = perf_counter_ns() if run.status is Status.RUNNING and not replay else shown.t
    live = run.status.live
    # A window up to now while it runs; of an ended run, or a replay, its own clock, and no longer than it was.
    window_s = WINDOW_S if live else min(WINDOW_S, max(now - shown.t0, 1) / 1e9)
    start = now - int(window_s * 1e9)
    ticks = timeline.ago(WINDOW_S) if live else timeline.at((start - shown.t0) / 1e9, window_s)
    counts, lock, steps = shown.counts, shown.lock, max(shown.all_steps, 1)
    upto = _round_up(max(lock.wait.quantile(0.99) or 0, lock.hold.quantile(0.99) or 0))
    asked = counts.really_removed + counts.empty_polls + counts.robbed
    return SharedListView(
        added=counts.added,
        removed=counts.removed,
        length=counts.length,
        expected=shown.expected_length,
        really_added=counts.really_added,
        really_removed=counts.really_removed,
        robbed=counts.robbed,
        consistent=shown.consistent,
        guard=GUARD_NAMES[shown.params.guard],
        unguarded=shown.params.guard == "none",
        polls=shown.params.guard in ("lock", "rlock", "none"),
        owner=lock.seen.owner or "",
        waiting=", ".join(lock.seen.waiting),
        chips=shown.items[-CHIPS:],
        more=max(shown.items_in_all - len(shown.items[-CHIPS:]), 0),
        picture=_marked(shown, timeline.picture(shown.lanes, start, now, ticks), live or (replay and not shown.ended)),
        track=timeline.track(shown.lengths, start, now, ticks, f"Length of the list over {numbers.duration(window_s)}"),
        keys=_keys(shown),
        log=tuple(LogLine(f"{(step.t - shown.t0) / 1e9:.3f}", log_line(step)) for step in shown.steps[-60:]),
        threads=tuple(
            ThreadRow(name, state_of(shown, name), shown.operations.get(name, 0), shown.operations.get(name, 0) / steps)
            for name in shown.lanes.actors
        ),
        longest=f"{numbers.whole(shown.longest[0])} at {max(shown.longest[1] - shown.t0, 0) / 1e9:.1f}{numbers.GAP}s",
        empty_polls=counts.empty_polls,
        full_polls=counts.full_polls,
        empty_share=counts.empty_polls / asked if asked else None,
        left_out=shown.left_out,
        steps=shown.all_steps,
        acquisitions=lock.seen.acquisitions,
        contended=lock.share_contended,
        times=tuple(
            Times(word, name, kept.quantile(0.5), kept.quantile(0.99), kept.longest, _histogram(kept.bars(upto, BARS)))
            for word, name, kept in (("wait", "waiting", lock.wait), ("hold", "holding", lock.hold))
        ),
        times_upto=numbers.duration(upto),
        clock=f"{max(now - shown.t0, 0) / 1e9:.1f}{numbers.GAP}s",
        records_href=f"/runs/{run.id}/log.txt",
    )


def _marked(state: State, picture: timeline.Picture, going: bool) -> timeline.Picture:
    """While it goes on each thread keeps a mark, that of its likely state where none was seen: names stay in place."""
    if not going:
        return picture
    marked = (replace(lane, state=state_of(state, lane.name)) for lane in picture.lanes)
    return replace(picture, lanes=tuple(marked))


def _keys(state: State) -> tuple[tuple[str, str], ...]:
    """The states that can occur under this guard, explained."""
    guard, flat_out = state.params.guard, state.delay_max == 0
    occur = {"holding", "waiting"} if guard != "none" else set()
    occur |= {"blocked"} if guard in ("condition", "queue") else set()
    occur |= set() if flat_out else {"sleeping"}
    keys = tuple(key for key in KEYS if key[0] in occur)
    windows = guard == "none" and not flat_out
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
