"""The machine's one place for measuring."""

from __future__ import annotations

import asyncio
from pathlib import Path

from app.runs.bench import Bench
from app.runs.journal import Journal
from app.runs.status import Status
from app.runs.turn import Turn
from tests.waiting import BOUND_S


def test_one_holds_the_place_at_a_time_and_gives_it_back(tmp_path: Path) -> None:
    one, other = Turn(tmp_path / "runs.sqlite"), Turn(tmp_path / "runs.sqlite")
    assert one.take()
    assert not one.take()
    assert not other.take()
    one.give()
    assert other.take()
    other.give()
    other.give()


def test_journals_of_their_own_have_places_of_their_own(tmp_path: Path) -> None:
    one, other = Turn(tmp_path / "one.sqlite"), Turn(tmp_path / "other.sqlite")
    assert one.take()
    assert other.take()
    one.give()
    other.give()


def test_where_no_file_can_be_made_there_is_nobody_to_wait_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Turn(tmp_path / "file" / "runs.sqlite").take()


async def test_two_benches_on_one_journal_measure_one_after_the_other(tmp_path: Path) -> None:
    measured = {"sizes": [1], "repeats": 1, "workload": "square-sleep", "work_ms": 20}
    benches = [Bench(Journal(tmp_path / "runs.sqlite")) for _ in range(2)]
    for bench in benches:
        await bench.open()
    try:
        first = await benches[0].start("pool-sizes", measured)
        second = await benches[1].start("pool-sizes", measured)
        assert benches[1].place(second) == 1
        async with asyncio.timeout(BOUND_S):
            for run in (first, second):
                while run.status.live:
                    await run.signal.newer_than(run.signal.version)
        assert (first.status, second.status) == (Status.FINISHED, Status.FINISHED)
        assert first.ended is not None
        assert second.started is not None
        assert second.started >= first.ended
    finally:
        for bench in benches:
            await bench.close()
