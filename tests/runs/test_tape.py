"""Readers of a tape start anywhere, miss nothing and repeat nothing; waiters of a signal see the newest."""

from __future__ import annotations

import asyncio

from app.runs.signal import Signal
from app.runs.tape import Tape


async def read(tape: Tape, after: int = 0) -> list[tuple[int, bytes]]:
    return [(first + place, line) async for first, lines in tape.after(after) for place, line in enumerate(lines)]


async def test_a_closed_tape_is_read_from_anywhere_to_its_end() -> None:
    tape = Tape([b"one", b"two", b"three"], closed=True)
    assert await read(tape) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert await read(tape, 2) == [(3, b"three")]
    assert await read(tape, 3) == await read(tape, 99) == []


async def test_readers_that_come_early_late_and_slowly_read_the_same() -> None:
    tape = Tape()
    early = asyncio.create_task(read(tape))
    expected = [(number + 1, str(number).encode()) for number in range(1_300)]
    for start in range(0, 1_300, 100):
        tape.append([line for _, line in expected[start : start + 100]])
        await asyncio.sleep(0)
    late = asyncio.create_task(read(tape))
    await asyncio.sleep(0)
    tape.close()
    assert await early == await late == await read(tape) == expected


async def test_a_waiter_wakes_with_the_newest_version_and_skips_the_others() -> None:
    signal = Signal()
    waiters = [asyncio.create_task(signal.newer_than(0)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.rise()
    signal.rise()
    assert await asyncio.gather(*waiters) == [2, 2, 2]
    assert await signal.newer_than(1) == 2
