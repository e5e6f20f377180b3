"""Costly answers: the event loop goes on, one is made at a time, and those beyond what may wait are refused."""

from __future__ import annotations

import asyncio
import threading

import pytest
from poolscope.errors import TooBusy
from poolscope.web.costly import KEPT, KEPT_BYTES, MOST_OF_CLIENT, MOST_WAITING, CostlyAnswers


async def test_the_loop_goes_on_while_one_is_made() -> None:
    costly, go_on = CostlyAnswers(), threading.Event()
    answer = asyncio.create_task(costly.make("a", lambda: go_on.wait(20)))
    await asyncio.sleep(0)
    go_on.set()  # the loop could not, were it held
    assert await answer


async def test_one_is_made_at_a_time_and_too_many_are_refused() -> None:
    costly, go_on, at_once, most = CostlyAnswers(), threading.Event(), 0, 0

    def work() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        go_on.wait(20)
        at_once -= 1

    waiting = [asyncio.create_task(costly.make(f"client {number}", work)) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy) as refused:
        await costly.make("another", work)
    assert refused.value.retry_after > 0
    go_on.set()
    await asyncio.gather(*waiting)
    assert most == 1
    assert await costly.make("a", lambda: 7) == 7


async def test_a_client_waits_for_one_while_another_is_made_and_leaves_the_others_their_turn() -> None:
    costly, go_on = CostlyAnswers(), threading.Event()
    own = [asyncio.create_task(costly.make("a", lambda: go_on.wait(20))) for _ in range(MOST_OF_CLIENT)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await costly.make("a", lambda: True)
    others = asyncio.create_task(costly.make("b", lambda: True))
    go_on.set()
    assert await asyncio.gather(*own, others) == [True] * (MOST_OF_CLIENT + 1)
    assert await costly.make("a", lambda: True)


async def test_an_answer_that_stays_what_it_is_is_made_once_unless_it_is_large() -> None:
    costly, made = CostlyAnswers(), 0

    def body(size: int) -> bytes:
        nonlocal made
        made += 1
        return b"x" * size

    for _ in range(2):
        assert await costly.body("a", ("csv", "one"), lambda: body(7)) == b"x" * 7
    assert made == 1
    for _ in range(2):
        await costly.body("a", ("csv", "two"), lambda: body(KEPT_BYTES + 1))
    assert made == 3
    for number in range(KEPT):
        await costly.body("a", ("csv", str(number)), lambda: body(1))
    await costly.body("a", ("csv", "one"), lambda: body(7))
    assert made == 4 + KEPT


async def test_one_that_fails_or_is_cancelled_makes_room() -> None:
    costly = CostlyAnswers()
    with pytest.raises(ZeroDivisionError):
        await costly.make("a", lambda: 1 // 0)
    go_on = threading.Event()
    first, second = (asyncio.create_task(costly.make("a", lambda: go_on.wait(20))) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    go_on.set()
    assert await first
    assert await costly.make("a", lambda: 7) == 7
