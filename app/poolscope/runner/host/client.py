"""The orchestrator's end of a host: starts one under any Python, gives it orders, and ends all of its tree in time.

    orchestrator ── orders, a JSON line each ──▶ host (a process group of its own, in our session)
                 ◀── step … step, done | refused ──      └── its pools

A host works for one order at a time. It has a limit for each step that it announces; one that dies, takes longer or
answers nonsense is ended, and whoever wants to go on starts another.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from poolscope.machine.processes import exit_description, kill_group
from poolscope.runner.context import RunContext

PROGRAM = Path(__file__).resolve().parent
START_LIMIT_S = 30.0
LEAVE_S = 2.0
ANSWER_LIMIT = 64 * 1024 * 1024  # bytes; ours are far shorter


class HostFailed(Exception):
    """A host is no more: it could not be started, died, took too long or answered nonsense. A sentence."""


class OrderRefused(Exception):
    """A host could not do as it was told, in a sentence; it lives on. `spoiled`: better go on in a new one."""

    def __init__(self, sentence: str, spoiled: bool) -> None:
        super().__init__(sentence)
        self.spoiled = spoiled


class Host:
    """One host. Create it with `start`; call `end` whatever happens. Main thread only: a stop interrupts it there."""

    def __init__(
        self, stage: RunContext, label: str, process: subprocess.Popen[bytes], orders: int, answers: int
    ) -> None:
        self._stage = stage
        self._label = label
        self._process = process
        self._orders = orders
        self._answers = answers
        self._unread = b""

    @classmethod
    def start(cls, stage: RunContext, label: str, executable: str, folder: str | None, own_site: bool) -> Host:
        """Start a host that waits for orders. Raises HostFailed.

        `own_site`: with the packages of that Python's environment, as a user's function needs them. `folder` is the
        working folder, None is ours.
        """
        orders_read, orders = os.pipe()
        answers, answers_write = os.pipe()
        flags = ["-I"] if own_site else ["-I", "-S"]
        try:
            process = subprocess.Popen(
                [executable, *flags, str(PROGRAM), str(orders_read), str(answers_write)],
                pass_fds=(orders_read, answers_write),
                process_group=0,
                stdin=subprocess.DEVNULL,
                cwd=folder,
            )
        except (OSError, ValueError) as error:
            os.close(orders)
            os.close(answers)
            raise HostFailed(f"Python {label} can't be started: {error}.") from None
        finally:
            os.close(orders_read)
            os.close(answers_write)
        return cls(stage, label, process, orders, answers)

    @property
    def alive(self) -> bool:
        """Whether it can be given orders, as far as is known."""
        return self._orders >= 0

    def ask(self, limit_s: float, what: str, **order: Any) -> dict[str, Any]:
        """Give an order and wait for what comes of it. Raises OrderRefused, HostFailed or Stopped.

        `what` names the order in a sentence about its failure, until the host announces a step; each has `limit_s`.
        """
        with self._stage.interruptible():
            with suppress(OSError):  # it is dead, which reading tells
                os.write(self._orders, json.dumps(order).encode() + b"\n")
            while True:
                answer = self._next(limit_s, what)
                if "step" in answer:
                    what = str(answer["step"])
                elif "refused" in answer:
                    raise OrderRefused(str(answer["refused"]), bool(answer.get("spoiled")))
                elif isinstance(answer.get("done"), dict):
                    return dict(answer["done"])
                else:
                    raise self._failed(f"answered {str(answer)[:60]} during {what}, which is not understood")

    def _next(self, limit_s: float, what: str) -> dict[str, Any]:
        until = monotonic() + limit_s
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until - monotonic()))
            if not ready:
                self.end()
                began = what[:1].upper() + what[1:]
                raise HostFailed(f"{began} took longer than the limit of {limit_s:g} s, so it was ended.")
            chunk = os.read(self._answers, 65536)
            self._unread += chunk
            if not chunk or len(self._unread) > ANSWER_LIMIT:
                raise self._died(what)
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            answer = json.loads(line)
            if isinstance(answer, dict):
                return answer
        except ValueError:
            pass
        raise self._failed(f"answered {line[:60]!r} during {what}, which is not understood")

    def _died(self, what: str) -> HostFailed:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_S)
        return self._failed(f"{exit_description(self._process.poll())} during {what}")

    def _failed(self, how: str) -> HostFailed:
        self.end()
        return HostFailed(f"The process of Python {self._label} {how}.")

    def close(self) -> None:
        """Let it end by itself, so that it can close what its work has opened; then make sure."""
        with suppress(OSError):
            os.write(self._orders, b'{"do": "close"}\n')
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_S)
        self.end()

    def end(self) -> None:
        """End it and all that it started, at once. May be called again."""
        if not self.alive:
            return
        kill_group(self._process.pid)  # also what is left of one that died
        with suppress(ProcessLookupError):
            if not Path("/proc/self").exists():  # the members can't be told apart, so the tracker goes as well
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        os.close(self._orders)
        os.close(self._answers)
        self._orders = self._answers = -1
