"""Readers of a log start anywhere, miss nothing and repeat nothing; waiters of a notifier see the newest."""

from __future__ import annotations

import asyncio

from poolscope.runs.run import ChangeNotifier, RecordLog


async def read(record_log: RecordLog, after: int = 0) -> list[tuple[int, bytes]]:
    return [(first + place, line) async for first, lines in record_log.after(after) for place, line in enumerate(lines)]


async def test_a_closed_tape_is_read_from_anywhere_to_its_end() -> None:
    record_log = RecordLog([b"one", b"two", b"three"], closed=True)
    assert await read(record_log) == [(1, b"one"), (2, b"two"), (3, b"three")]
    assert await read(record_log, 2) == [(3, b"three")]
    assert await read(record_log, 3) == await read(record_log, 99) == []


async def test_readers_that_come_early_late_and_slowly_read_the_same() -> None:
    record_log = RecordLog()
    early = asyncio.create_task(read(record_log))
    expected = [(number + 1, str(number).encode()) for number in range(1_300)]
    for start in range(0, 1_300, 100):
        record_log.append([line for _, line in expected[start : start + 100]])
        await asyncio.sleep(0)
    late = asyncio.create_task(read(record_log))
    await asyncio.sleep(0)
    record_log.close()
    assert await early == await late == await read(record_log) == expected


async def test_a_waiter_wakes_with_the_newest_version_and_skips_the_others() -> None:
    signal = ChangeNotifier()
    waiters = [asyncio.create_task(signal.newer_than(0)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.notify()
    signal.notify()
    assert await asyncio.gather(*waiters) == [2, 2, 2]
    assert await signal.newer_than(1) == 2
