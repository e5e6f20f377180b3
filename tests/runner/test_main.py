"""What a run's end says of a process that died: by whom, as far as the kernel's own count tells it."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import pytest
from poolscope.machine import memory
from poolscope.protocol.commands import BeginRun
from poolscope.protocol.records import End
from poolscope.runner.context import CannotGoOn, RunContext, WorkerDied
from poolscope.runner.main import perform

from tests.runner.bodies import BodyArguments


class Kernel:
    """Counts whom it kills for want of memory, as the real one does: from its start, and never back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, context: RunContext) -> None:
        self.kills = 7
        self._monkeypatch, self._context = monkeypatch, context
        monkeypatch.setattr(memory, "kills", lambda counter: self.kills)

    def end_of(self, error: Exception, kills: int) -> End:
        """The end of a run that raises an error, after so many were killed."""

        def run(*_: object) -> None:
            self.kills += kills
            raise error

        self._monkeypatch.setitem(sys.modules, "dying", SimpleNamespace(run=run))
        return perform(BeginRun("x", "test", "dying", BodyArguments()), self._context)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, context: RunContext) -> Kernel:
    return Kernel(monkeypatch, context)


def killed(code: int = -signal.SIGKILL, on_request: bool = False) -> WorkerDied:
    return WorkerDied("Worker 1 of 2 is dead.", 1, code, on_request)


def test_every_worker_that_the_kernel_kills_for_want_of_memory_is_told_with_the_code(kernel: Kernel) -> None:
    for error in (killed(), killed(), CannotGoOn("Its process is dead.", exit_code=-signal.SIGKILL)):
        end = kernel.end_of(error, kills=1)
        assert (end.outcome, end.code) == ("failed", "out-of-memory")
        assert "for want of memory" in end.reason
        assert str(error) in end.reason


def test_other_deaths_are_not_the_kernels(kernel: Kernel) -> None:
    for error, kills in (
        (killed(), 0),
        (killed(-signal.SIGSEGV), 1),
        (killed(on_request=True), 1),
        (CannotGoOn("It takes too long."), 1),
        (ValueError("no number"), 1),
    ):
        end = kernel.end_of(error, kills)
        assert (end.outcome, end.code) == ("failed", None)
        assert "for want of memory" not in end.reason
    named = kernel.end_of(CannotGoOn("There is no such function.", "bad-reference", -signal.SIGKILL), kills=1)
    assert named.code == "bad-reference"
