"""How fast frames may follow each other, and that all who come at once look at one channel."""

from __future__ import annotations

from pathlib import Path

import pytest
from poolscope.runs.journal import Journal
from poolscope.runs.scheduler import Scheduler
from poolscope.web import stream
from poolscope.web.access import Identification
from poolscope.web.app_state import AppState
from poolscope.web.stream import EAGER, EAGER_S, FRAME_S, MEASURED_FRAME_S, FramePacer, Hub, Page


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stream, "time", clock)
    return clock


@pytest.mark.parametrize("frame_s", [FRAME_S, MEASURED_FRAME_S])
def test_in_the_long_run_there_are_ten_frames_a_second_and_one_of_what_is_measured(
    clock: Clock, frame_s: float
) -> None:
    pacer, frames, drawing = FramePacer(), 0, 0.02
    began = clock.now
    while clock.now < began + 60:
        clock.now += drawing
        clock.now += pacer.pause(frame_s)
        frames += 1
    assert 60 / frame_s <= frames <= 60 / frame_s + EAGER + 1


def test_after_a_quiet_while_a_few_frames_follow_at_once(clock: Clock) -> None:
    pacer = FramePacer()
    for _ in range(3):
        pauses = [pacer.pause()]
        for _ in range(EAGER + 3):
            clock.now += pauses[-1]
            pauses.append(pacer.pause())
        assert pauses[: EAGER - 1] == [EAGER_S] * (EAGER - 1)
        assert pauses[-1] == pytest.approx(FRAME_S)
        clock.now += 10


def test_a_slow_drawing_saves_up_nothing(clock: Clock) -> None:
    pacer = FramePacer()
    for _ in range(20):
        clock.now += 2 * FRAME_S
        assert pacer.pause() == EAGER_S


async def test_all_who_come_at_once_share_a_channel_which_goes_when_nobody_came(tmp_path: Path, clock: Clock) -> None:
    hub = Hub(AppState(Scheduler(Journal(tmp_path / "unused.sqlite")), Identification()))
    first = await hub.channel(Page())
    assert await hub.channel(Page()) is first, "who came first looks at another picture than who came second"
    clock.now += stream.DESERTED_S + 1
    assert await hub.channel(Page()) is not first
