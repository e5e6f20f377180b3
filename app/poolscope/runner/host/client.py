"""The orchestrator's end of a host: starts one under any Python, gives it orders, and ends all of its tree in time.

    orchestrator ── orders, a JSON line each ──▶ host (a process group of its own, in our session)
                 ◀── StepAnnounced …, one answer ──      └── its pools

A host works for one order at a time. It has a limit for each step that it announces; one that dies, takes longer or
answers nonsense is ended, and whoever wants to go on starts another.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import TypeVar

from poolscope.errors import MalformedMessage
from poolscope.machine.processes import exit_description, kill_group
from poolscope.protocol import codec, records
from poolscope.protocol.commands import (
    BreakageExplained,
    CloseHost,
    DescribeHost,
    ExplainBreakage,
    HostAnswer,
    HostDescription,
    HostOrder,
    ItemsSifted,
    KillHostWorker,
    MeasureOnce,
    OpenWork,
    OrderFailed,
    SiftItems,
    StepAnnounced,
    TryWork,
    WorkMeasured,
    WorkOpened,
    WorkTried,
)
from poolscope.protocol.payloads import (
    Breakage,
    InterpreterFacts,
    MeasurementReport,
    SlowItem,
    TrialReport,
    WaitingPlace,
)
from poolscope.runner.context import RunContext
from poolscope.runner.host.errors import HostFailed, OrderRefused
from poolscope.runner.host.stacks import stack_of, stacks_log, user_line

NO_LIMITS: Mapping[str, str] = MappingProxyType({})
PACKAGE = Path(__file__).resolve().parents[2]
START_LIMIT_S = 30.0
LEAVE_S = 2.0
ANSWER_LIMIT = 64 * 1024 * 1024  # bytes; ours are far shorter
RECORD = b'{"kind":'  # what a record begins with, and no answer does

Answer = TypeVar("Answer", bound=HostAnswer)


class HostProcess:
    """One host. Create it with `start`; call `end` whatever happens. Main thread only: a stop interrupts it there.

    Every order raises OrderRefused, after which the host lives on, HostFailed, or Stopped. `limit_s` is the time that
    each step of an order may take.
    """

    def __init__(
        self,
        context: RunContext,
        label: str,
        process: subprocess.Popen[bytes],
        orders: int,
        answers: int,
        packages: Path,
    ) -> None:
        self._context = context
        self._label = label
        self._packages = packages
        self._process = process
        self._orders = orders
        self._answers = answers
        self._unread = b""
        self._scratch: str | None = None  # once a work is opened
        self._writing = threading.Lock()

    @classmethod
    def start(
        cls,
        context: RunContext,
        label: str,
        executable: str,
        folder: str | None,
        own_site: bool,
        limits: Mapping[str, str] = NO_LIMITS,
        hash_seed: int | None = None,
    ) -> HostProcess:
        """Start a host that waits for orders. Raises HostFailed.

        `own_site`: with the packages of that Python's environment and those that its user has installed for themselves,
        as a user's function needs them. `folder` is the working folder, None is ours. `limits` go into its environment.
        With a `hash_seed` the order of its sets is that of this PYTHONHASHSEED, else that of one's own.
        """
        orders_read, orders = os.pipe()
        answers, answers_write = os.pipe()
        flags = own_site_flags(os.environ) if own_site else ("-I", "-S")
        if hash_seed is not None:
            flags = tuple(flag for flag in flags if flag != "-E")
        packages = link_package(context.scratch)
        program = str(packages / PACKAGE.name / "runner" / "host")
        try:
            process = subprocess.Popen(
                [executable, *flags, program, str(orders_read), str(answers_write)],
                pass_fds=(orders_read, answers_write),
                process_group=0,
                stdin=subprocess.DEVNULL,
                cwd=folder,
                env={**(os.environ if hash_seed is None else with_hash_seed(os.environ, hash_seed)), **limits},
            )
        except (OSError, ValueError) as error:
            os.close(orders)
            os.close(answers)
            shutil.rmtree(packages)
            raise HostFailed(f"Python {label} can't be started: {error}.") from None
        finally:
            os.close(orders_read)
            os.close(answers_write)
        return cls(context, label, process, orders, answers, packages)

    @property
    def alive(self) -> bool:
        """Whether it can be given orders, as far as is known."""
        return self._orders >= 0

    def describe(self, limit_s: float = START_LIMIT_S) -> InterpreterFacts:
        """What its Python is and has."""
        return self._ask(DescribeHost(), HostDescription, limit_s, "the start").facts

    def open_work(self, order: OpenWork, limit_s: float) -> WorkOpened:
        self._scratch = order.scratch
        return self._ask(order, WorkOpened, limit_s, "opening the work")

    def sift(self, order: SiftItems, limit_s: float) -> tuple[SlowItem, ...]:
        """Find the items that take too long, each within `limit_s`."""
        return self._ask(order, ItemsSifted, limit_s, "the first call").slow

    def try_work(self, output: Path, limit_s: float) -> TrialReport:
        """Have the opened work looked at and called a few times; what it prints goes into `output`."""
        return self._ask(TryWork(str(output)), WorkTried, limit_s, "the pre-flight").report

    def measure(self, order: MeasureOnce, limit_s: float, what: str) -> MeasurementReport:
        """One repetition; `what` names it in a sentence about its failure.

        The run's recorder writes what it has beforehand. Then it need not be quiet: it is not in the process that is
        timed, and has nothing to write meanwhile but what the host says of the map.
        """
        self._context.recorder.flush()
        # Only after the order: a request to kill a worker that overtook it would find nobody.
        forwarding = self._context.worker_registry.elsewhere(self._kill_worker)
        return self._ask(order, WorkMeasured, limit_s, what, forwarding).report

    def explain(self, order: ExplainBreakage, limit_s: float) -> Breakage | None:
        """Find out how a repetition breaks, by another that may break in the same way; None where it does not."""
        with self._context.recorder.quiet():
            return self._ask(order, BreakageExplained, limit_s, "the repetition that looks for a cause").breakage

    def close(self) -> None:
        """Let it end by itself, so that it can close what its work has opened; then make sure."""
        self._write(CloseHost())
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
        with self._writing:
            os.close(self._orders)
            os.close(self._answers)
            self._orders = self._answers = -1
        shutil.rmtree(self._packages, ignore_errors=True)

    def _kill_worker(self, number: int, request: int) -> None:
        """Called by the control thread, while this one waits for a measurement."""
        self._write(KillHostWorker(number, request))

    def _write(self, order: HostOrder) -> None:
        with self._writing, suppress(OSError):  # it is dead, which reading tells
            if self.alive:
                os.write(self._orders, codec.to_line(order) + b"\n")

    def _ask(
        self,
        order: HostOrder,
        expected: type[Answer],
        limit_s: float,
        what: str,
        during: AbstractContextManager[None] | None = None,
    ) -> Answer:
        """Give an order and wait for what comes of it; `what` names it until the host announces a step."""
        with self._context.interruptible():
            self._write(order)
            with during or nullcontext():
                return self._await_answer(expected, limit_s, what)

    def _await_answer(self, expected: type[Answer], limit_s: float, what: str) -> Answer:
        while True:
            match self._next(limit_s, what):
                case StepAnnounced(step):
                    what = step
                case OrderFailed(why, spoiled, code, breakage):
                    raise OrderRefused(why, spoiled, code, breakage)
                case answer if isinstance(answer, expected):
                    return answer
                case answer:
                    raise self._failure(f"answered {answer.tag!r} during {what}, which is not understood")

    def _next(self, limit_s: float, what: str) -> HostAnswer:
        until = monotonic() + limit_s
        while (line := self._next_line(until, limit_s, what)).startswith(RECORD):
            self._context.worker_registry.receive(records.from_line(line))
        try:
            return codec.from_line(HostAnswer, line)
        except MalformedMessage:
            raise self._failure(f"answered {line[:60]!r} during {what}, which is not understood") from None

    def _next_line(self, until: float, limit_s: float, what: str) -> bytes:
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, until - monotonic()))
            if not ready:
                places = self._places()
                self.end()
                began = what[:1].upper() + what[1:]
                raise HostFailed(
                    f"{began} took longer than the limit of {limit_s:g} s, so it was ended.",
                    Breakage("limit", limit_s=limit_s, places=places),
                )
            chunk = os.read(self._answers, 65536)
            self._unread += chunk
            if not chunk or len(self._unread) > ANSWER_LIMIT:
                raise self._death(what)
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _places(self) -> tuple[WaitingPlace, ...]:
        """The line of the user's own that the host is at, where it can be seen; it is about to be ended."""
        if self._scratch is None:
            return ()
        place = user_line(stack_of(self._process.pid, Path(stacks_log(self._scratch, self._process.pid))))
        return () if place is None else (WaitingPlace(*place, workers=1),)

    def _death(self, what: str) -> HostFailed:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_S)
        code = self._process.poll()
        return self._failure(f"{exit_description(code)} during {what}", Breakage("host-died", exit_code=code))

    def _failure(self, how: str, breakage: Breakage | None = None) -> HostFailed:
        self.end()
        return HostFailed(f"The process of Python {self._label} {how}.", breakage)


def own_site_flags(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Those with which a Python finds its user's packages, but nothing by PYTHONPATH: that comes with the work, and
    behind our package instead of before it."""
    return ("-E", "-P", "-s") if variables.get("PYTHONNOUSERSITE") else ("-E", "-P")


def with_hash_seed(variables: Mapping[str, str], seed: int) -> dict[str, str]:
    """The environment for a Python that reads of its own variables this one alone."""
    others = {name: value for name, value in variables.items() if not name.startswith("PYTHON")}
    return {**others, "PYTHONHASHSEED": str(seed)}


def link_package(scratch: Path) -> Path:
    """A new folder that holds our package and nothing else, to come first on a host's path and on its workers'.

    The folder that the package is installed in could not: it may be a site-packages, whose other packages are none of
    the user's.
    """
    folder = Path(tempfile.mkdtemp(prefix="packages-", dir=scratch))
    (folder / PACKAGE.name).symlink_to(PACKAGE)
    return folder
