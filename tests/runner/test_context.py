"""An interruption reaches the main thread wherever that is."""

from __future__ import annotations

import signal
import threading

import pytest
from poolscope.runner.context import RunContext, WorkerDied

from tests.waiting import BOUND_S


def test_an_interruption_that_a_finalizer_lets_pass_comes_again(context: RunContext) -> None:
    why = WorkerDied("A worker ended.")
    passed: list[str] = []

    class Waits:
        """Its end takes as long as it takes a signal to come."""

        def __del__(self) -> None:
            try:
                interrupting.start()
                threading.Event().wait(BOUND_S)
            finally:
                passed.append("by the finalizer")

    interrupting = threading.Thread(target=context.interrupt, args=(why,))

    def body() -> None:
        waits = Waits()
        with context.interruptible():
            del waits
            threading.Event().wait(BOUND_S)

    with pytest.raises(WorkerDied) as raised:
        body()
    interrupting.join()
    assert raised.value is why
    assert passed == ["by the finalizer"]
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
