"""Spans as SVG paths: bounded whatever happens, inside the picture, and nothing that was there is left out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.shared_list.state import WINDOW_S
from poolscope.experiments.timeline import Lanes
from poolscope.protocol.records import Span
from poolscope.runs.run import Run, Status
from poolscope.web import timeline
from poolscope.web.timeline import NARROWEST, ORDER, WIDTH
from poolscope.web.views import VIEWS

MOST = WIDTH // (2 * NARROWEST) + 2  # pieces of one state in one lane: each as wide as the gap behind it
PIECE = re.compile(r"M(\d+) (\d+)\.5h(\d+)")
STEP = re.compile(r"([MHV])(\d+)(?: (\d+))?")
NAMES = ("producer 1", "consumer 1", "consumer 2")
ROWS = {name: row for row, name in enumerate(NAMES)}


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """What threads did, one after the other, as records tell it; the last of each may go on."""
    told = []
    for name in NAMES[: draw(st.integers(0, 3))]:
        t = draw(st.integers(0, 10**9))
        steps = draw(
            st.lists(st.tuples(st.sampled_from(ORDER), st.integers(0, 10**8), st.integers(0, 10**8)), max_size=40)
        )
        for state, gap, length in steps:
            told.append(Span(name, state, t + gap, t + gap + length))
            t += gap + length
        if draw(st.booleans()):
            told.append(Span(name, draw(st.sampled_from(ORDER)), t, None))
    return told


def drawn(told: Sequence[Span], start: int, end: int) -> dict[str, list[tuple[int, int, int]]]:
    """(left, right, row) of every piece, by state."""
    found = {}
    for state, path in timeline.drawn(told, ROWS, start, end).paths:
        fragments = [(int(left), int(left) + int(width), int(row)) for left, row, width in PIECE.findall(path)]
        assert "".join(f"M{left} {row}.5h{right - left}" for left, right, row in fragments) == path
        found[state] = fragments
    return found


@settings(deadline=None)
@given(spans(), st.integers(0, 10**9), st.integers(1, 2 * 10**9))
def test_every_piece_is_in_the_picture_and_every_span_in_a_piece(told: list[Span], start: int, length: int) -> None:
    end = start + length
    found = drawn(told, start, end)
    assert list(found) == [state for state in ORDER if state in found]
    for fragments in found.values():
        for left, right, row in fragments:
            assert 0 <= left <= right <= WIDTH
            assert row < len(NAMES)
        for row in range(len(NAMES)):
            mine = [fragment for fragment in fragments if fragment[2] == row]
            assert mine == sorted(mine)
            assert all(right <= left for (_, right, _), (left, _, _) in itertools.pairwise(mine))
            assert len(mine) <= MOST
    for span in told:
        last = end if span.t1 is None else span.t1
        if last > start and span.t0 < end:
            middle = (max(span.t0, start) + min(last, end)) / 2
            x = (middle - start) / length * WIDTH
            row = ROWS[span.actor]
            assert any(left - 1 <= x <= right + 1 for left, right, at in found[span.state] if at == row), span


@pytest.mark.parametrize("count", [10, 1_000, 50_000])
def test_the_picture_stays_small_however_much_happened(count: int) -> None:
    told = [Span("producer 1", ORDER[n % 2], n * 1000, n * 1000 + 700) for n in range(count)]
    found = drawn(told, 0, count * 1000)
    assert 0 < sum(map(len, found.values())) <= min(count, 2 * MOST)


def test_a_moment_is_wide_enough_to_be_seen() -> None:
    assert drawn([Span("producer 1", "holding", 500, 500)], 0, 10**9) == {"holding": [(0, NARROWEST, 0)]}


def test_what_is_before_after_or_of_nobody_is_not_drawn() -> None:
    told = [
        Span("producer 1", "running", 0, 10),
        Span("consumer 1", "running", 90, 99),
        Span("nobody", "running", 20, 30),
    ]
    assert timeline.drawn(told, ROWS, 10, 90).paths == ()


def test_a_window_without_a_length_is_empty_and_not_an_error() -> None:
    assert timeline.drawn([Span("producer 1", "running", 5, 5)], ROWS, 5, 5).paths == ()
    assert timeline.picture(Lanes(), 0, 0, timeline.since(0)).paths == ()


def test_a_picture_has_a_lane_an_actor_with_the_state_that_it_is_in() -> None:
    now = Span("a", "waiting", 50, None)
    picture = timeline.picture(
        Lanes(actors=("a", "b"), now={"a": now}, spans=(Span("b", "done", 0, 40),)),
        0,
        100,
        timeline.ago(10),
        {"b": "late"},
    )
    assert [(lane.name, lane.state, lane.note) for lane in picture.lanes] == [("a", "waiting", ""), ("b", "", "late")]
    assert picture.paths == (("waiting", f"M{WIDTH // 2} 0.5h{WIDTH // 2}"), ("done", "M0 1.5h4000"))
    assert picture.grid.count("v2") == len(picture.ticks) - 2


@pytest.mark.parametrize(
    ("ticks", "texts"),
    [
        (timeline.ago(3), ["−3 s", "−2 s", "−1 s", "now"]),
        (timeline.since(0.0021), ["0 ms", "0.5 ms", "1.0 ms", "1.5 ms", "2.0 ms"]),
        (timeline.since(4.9), ["0 s", "1 s", "2 s", "3 s", "4 s"]),
        (timeline.since(9.7e-6), ["0 µs", "2 µs", "4 µs", "6 µs", "8 µs"]),
        (timeline.at(3.37, 4), ["3.5 s", "4.0 s", "4.5 s", "5.0 s", "5.5 s", "6.0 s", "6.5 s", "7.0 s"]),
    ],
)
def test_ticks_are_words_on_the_axis(ticks: tuple[timeline.Tick, ...], texts: list[str]) -> None:
    assert [tick.text.replace("\u00a0", " ") for tick in ticks] == texts
    assert all(0 <= tick.x <= 100 for tick in ticks)
    # None stands out over an end of the axis.
    assert all(tick.anchor == {0.0: "start", 100.0: "end"}.get(tick.x, tick.anchor) for tick in ticks)
    assert [tick.major for tick in (ticks[0], ticks[-1])] == [True, True]


def really(*told: Span, length: int = 1_000_000) -> dict[str, float]:
    return dict(timeline.drawn(told, ROWS, 0, length).filled)


def test_of_lanes_whose_gaps_are_filled_in_it_is_known_how_much_was_so() -> None:
    """Tasks of 0.5 µs every 25 µs stand in the picture as one bar, of which they were 2%."""
    short = [Span("producer 1", "running", n * 25_000, n * 25_000 + 500) for n in range(1000)]
    assert really(*short, length=25_000_000) == {"running": pytest.approx(0.02, rel=0.01)}
    merged = Span("producer 1", "running", 0, 1_000_000, "0 … 999", busy=20_000)
    assert really(merged) == {"running": pytest.approx(0.02)}
    beside = Span("consumer 1", "running", 0, 1_000_000)
    assert really(merged, beside) == {"running": pytest.approx(0.51)}
    # Half of it is in the window, and so is half of what was busy.
    assert really(merged, length=500_000) == {"running": pytest.approx(0.02)}


def test_of_lanes_that_are_as_long_as_they_were_nothing_is_said() -> None:
    half = [Span("producer 1", "running", n * 100_000, n * 100_000 + 50_000) for n in range(10)]
    assert really(*half) == {}
    assert really(Span("producer 1", "holding", 500, 501)) == {}  # a moment, widened to be seen
    assert really(Span("producer 1", "running", 0, 1_000_000, busy=970_000)) == {}


def test_what_one_thread_holds_at_a_time_is_weighed_as_well() -> None:
    short = [Span("producer 1", "holding", n * 10_000, n * 10_000 + 100) for n in range(100)]
    paths, shares = timeline.drawn(short, ROWS, 0, 1_000_000, "holding")
    length = sum(int(width) for _, _, width in PIECE.findall(dict(paths)["holding"]))
    assert shares == {"holding": pytest.approx(0.01 * WIDTH / length)}


def test_a_picture_says_which_of_its_colours_are_filled_in() -> None:
    lanes = Lanes(actors=("a",), spans=(Span("a", "running", 0, 100, busy=3), Span("a", "failed", 100, 200)))
    keys = (("running", "computing"), ("failed", "failed"))
    told = timeline.picture(lanes, 0, 200, (), keys=keys).filled
    assert told == "Gaps too short to draw are filled in; of what is drawn, really so: computing 3.0%."
    assert timeline.picture(lanes, 0, 200, ()).filled == ""
    assert timeline.filled_in([]) == ""


points = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 1_000_000)), max_size=200).map(
    lambda found: sorted(found, key=lambda point: point[0])
)


@settings(deadline=None)
@given(points, st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_track_is_a_line_inside_its_box(told: list[tuple[int, int]], start: int, length: int) -> None:
    track = timeline.track(told, start, start + length, timeline.ago(10), "length")
    inside = [value for stamp, value in told if start <= stamp <= start + length]
    assert track.top >= max(inside, default=0)
    assert track.top >= 10
    steps = STEP.findall(track.line)
    assert "".join(f"{letter}{one}{' ' + two if two else ''}" for letter, one, two in steps) == track.line
    xs = [int(one) for letter, one, _ in steps if letter == "H"]
    ys = [int(two) for letter, _, two in steps if letter == "M"] + [
        int(one) for letter, one, _ in steps if letter == "V"
    ]
    assert xs == sorted(xs)
    assert all(0 <= x <= WIDTH for x in xs)
    assert all(0 <= y <= track.top for y in ys)
    assert xs[-1] == WIDTH
    if inside:
        assert ys[-1] == track.top - inside[-1], "it ends at the last value"
        assert track.top - max(ys) <= min(inside)
        assert track.top - min(ys) >= max(inside), "no peak is left out"
    assert track.area == f"{track.line}V{track.top}H0z"


def test_a_track_stays_small_however_many_points_there_are() -> None:
    told = [(n, n * 7919 % 1000) for n in range(100_000)]
    track = timeline.track(told, 0, 100_000, timeline.ago(10), "length")
    assert len(STEP.findall(track.line)) <= 5 * WIDTH // NARROWEST + 8


@settings(deadline=None)
@given(spans(), st.integers(0, 10**9), st.integers(1, 2 * 10**9))
def test_no_two_rows_are_drawn_in_a_state_that_only_one_can_be_in(told: list[Span], start: int, length: int) -> None:
    paths = timeline.drawn(told, ROWS, start, start + length, exclusive="holding").paths
    pieces = [(int(left), int(left) + int(width)) for left, _, width in PIECE.findall(dict(paths).get("holding", ""))]
    assert all(right <= left for (_, right), (left, _) in itertools.pairwise(sorted(pieces)))
    assert all(right <= WIDTH for _, right in pieces)
    held = [span for span in told if span.state == "holding" and (span.t1 or start + length) > start]
    assert bool(pieces) == any(span.t0 < start + length for span in held)


@pytest.mark.parametrize("experiment", ["factorials", "shared-list"])
def test_no_axis_begins_before_the_first_record(experiment: str) -> None:
    about = EXPERIMENTS[experiment]
    run = Run("xx-0001", about, about.params())
    run.status = Status.RUNNING
    view = VIEWS[experiment].view(run)
    words = " ".join([*(tick.text for tick in view.picture.ticks), getattr(view, "clock", "")])
    assert all(float(number) <= WINDOW_S for number in re.findall(r"[\d.]+", words)), words
