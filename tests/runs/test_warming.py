"""What is done once beforehand is done all the same where no thread is to be had for it."""

from __future__ import annotations

import threading

import pytest
from poolscope.runs.scheduler import Warming


async def test_without_a_thread_it_is_tried_again_and_then_done_by_whoever_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    warming = Warming(lambda: done.append(threading.current_thread().name))
    with monkeypatch.context() as short:
        short.setattr(threading.Thread, "start", no_thread)
        warming.start()
        assert done == []
        await warming.finish()
    await warming.finish()
    warming.start()
    assert done == ["MainThread"]
