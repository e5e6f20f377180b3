"""Runs one case from the runner: starts its interpreter, passes its log on, ends it, and looks what is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter_ns

from poolscope.errors import MalformedRecord
from poolscope.experiments.failures import case_log
from poolscope.experiments.failures.case_main import CaseContext, name_of
from poolscope.experiments.failures.catalogue import ENGINES
from poolscope.experiments.failures.payloads import CaseBegan, CaseExited, CaseLeftovers, CaseStderr
from poolscope.machine.processes import exit_description, is_tracker, members
from poolscope.protocol import codec
from poolscope.protocol.arguments import FailuresArguments
from poolscope.protocol.records import Result, from_line
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import own_site_flags

ROOT = Path(__file__).resolve().parents[3]
START = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from poolscope.experiments.failures.case_main import main; main(*sys.argv[2:])"
)
LOOK = 0.02  # seconds between two looks at the log
GRACE = 1.5  # seconds that fork server and resource tracker have to end by themselves
STDERR_KEPT = 8_000
ENGINE_LIMIT_S = 240.0  # beyond what other cases may take: an engine's workers start late on a busy machine


class Sentinel:
    """What the runner had before a case, to be compared with what it has after: descriptors and threads."""

    def __init__(self) -> None:
        self.descriptors = descriptors()
        self.threads = {thread.name for thread in threading.enumerate()}

    def leftovers(self, group: int, orphans: list[str]) -> CaseLeftovers:
        """What is left after the case."""
        now = descriptors()
        names = shared_memory(group)
        return CaseLeftovers(
            processes=tuple(orphans),
            zombies=tuple(zombies()),
            segments=tuple(name for name in names if not name.startswith("sem.")),
            semaphores=tuple(name for name in names if name.startswith("sem.")),
            threads=tuple(name for name in (t.name for t in threading.enumerate()) if name not in self.threads),
            descriptors=tuple(f"{fd} → {to}" for fd, to in now.items() if self.descriptors.get(fd) != to),
        )


def run_case(context: RunContext, scenario: str, case: str, config: str, arguments: FailuresArguments) -> None:
    """One case from start to sentinel; returns early, with everything ended, when the run is to stop."""
    sentinel = Sentinel()
    folder = context.scratch / f"case-{os.getpid()}-{perf_counter_ns()}"
    folder.mkdir()
    context.emit(Result(perf_counter_ns(), CaseBegan(scenario, case), config))
    began = perf_counter_ns()
    with CaseProcess(context, scenario, case, config, folder, arguments) as running:
        longer = ENGINE_LIMIT_S if of_engine(case) else 0.0
        ended = running.follow(limit=10 * arguments.limit + 4 * arguments.task + 20 + longer)
    seconds = (perf_counter_ns() - began) / 1e9
    exited = CaseExited(running.code, exit_description(running.code), ended_by_us=not ended, seconds=seconds)
    context.emit(Result(perf_counter_ns(), exited, config))
    context.emit(Result(perf_counter_ns(), sentinel.leftovers(running.group, running.orphans), config))
    shutil.rmtree(folder, ignore_errors=True)


def of_engine(case: str) -> bool:
    """Whether it needs a package that is installed beside the standard library."""
    return case.rpartition(" / ")[2] in ENGINES


class CaseProcess:
    """A case's interpreter, in a process group of its own within our session; on leaving nothing of it lives."""

    def __init__(
        self, context: RunContext, scenario: str, case: str, config: str, folder: Path, arguments: FailuresArguments
    ) -> None:
        self._context = context
        self._config = config
        self._folder = folder
        self._passed_on = 0
        self.code: int | None = None
        self.orphans: list[str] = []
        for_case = CaseContext(case, arguments.limit, arguments.task, str(folder))
        environment = {
            **os.environ,
            case_log.FILE: str(folder / "log"),
            case_log.CASE: config,
            "TMPDIR": str(folder),
        }
        flags = own_site_flags(os.environ) if of_engine(case) else ("-I", "-S")
        (folder / "log").touch()
        with (folder / "stderr.txt").open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", START, str(ROOT), scenario, json.dumps(codec.to_json(for_case))],
                stdin=subprocess.PIPE,
                stdout=stderr,
                stderr=stderr,
                env=environment,
                process_group=0,
            )
        self.group = self._process.pid

    def __enter__(self) -> CaseProcess:
        return self

    def follow(self, limit: float) -> bool:
        """Pass its records on until it ends; False when it had to be ended, by the limit or by a stop."""
        until, pause = monotonic() + limit, self._context.stopping
        while self._process.poll() is None:
            self._pass_on()
            if monotonic() > until or pause.wait(LOOK):
                return False
        return True

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._kill()
        self.code = self._process.wait()
        self._outlive(GRACE)
        # What lives on now is an orphan: named, then ended.
        self.orphans = [named(pid) for pid in alive(self.group) if not is_tracker(pid)]
        self._kill()
        self._outlive(GRACE)
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._pass_on()
        if text := (self._folder / "stderr.txt").read_text(errors="replace").strip():
            self._context.emit(Result(perf_counter_ns(), CaseStderr(text[-STDERR_KEPT:]), self._config))

    def _outlive(self, seconds: float) -> None:
        """Wait until nobody of the group is left, at most so long."""
        pause, until = threading.Event(), monotonic() + seconds
        while alive(self.group) and monotonic() < until:
            pause.wait(LOOK)

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            for pid in alive(self.group):
                if not is_tracker(pid):  # it unlinks what the dead leave behind, then ends by itself
                    os.kill(pid, signal.SIGKILL)

    def _pass_on(self) -> None:
        with (self._folder / "log").open("rb") as written:
            written.seek(self._passed_on)
            whole = written.read().rpartition(b"\n")[0]
        self._passed_on += len(whole) + 1 if whole else 0
        for line in whole.splitlines():
            with suppress(MalformedRecord):  # a line that its writer did not live to end
                self._context.emit(from_line(line))


def alive(group: int) -> list[int]:
    """The processes of a case's group; asks the kernel first whether there are any, for a look at /proc is dear."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return []
    except PermissionError:
        pass  # there is one, though not ours
    return members(group)


def named(pid: int) -> str:
    """A process by its command, as far as it still says."""
    with suppress(OSError):
        return f"pid {pid}: {Path(f'/proc/{pid}/comm').read_text().strip()}"
    return f"pid {pid}"


def zombies() -> list[str]:
    """Our own children that ended and were not collected; it collects none."""
    found: list[str] = []
    try:
        if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return found
    except ChildProcessError:
        return found
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            stat = (entry / "stat").read_bytes().rpartition(b")")[2].split()
            if stat[0] == b"Z" and int(stat[1]) == os.getpid():
                found.append(f"pid {entry.name}")
    return found


def shared_memory(group: int) -> list[str]:
    """Segments and semaphores in /dev/shm that carry the case's name, loky's by their own way of naming them."""
    names = (f"*{name_of(group)}-*", f"*loky-{group}-*")
    return sorted(entry.name for name in names for entry in Path("/dev/shm").glob(name))  # noqa: S108 (looked at alone)


def descriptors() -> dict[str, str]:
    """Our open file descriptors and what they lead to; empty where the platform does not tell."""
    found = {}
    with suppress(OSError):
        for entry in list(Path("/proc/self/fd").iterdir()):
            with suppress(OSError):  # the descriptor of this very look
                found[entry.name] = str(entry.readlink())
    return found
