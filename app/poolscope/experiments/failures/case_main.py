"""One case in an interpreter of its own: finds its function, does it, says what is left, and leaves in bounded time."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import signal
import sys
import threading
import traceback
import warnings
from dataclasses import dataclass
from pathlib import Path

from poolscope.experiments.failures import case_log
from poolscope.experiments.failures.payloads import CaseBroken, LeftInside
from poolscope.machine.processes import end_group
from poolscope.protocol import codec

LEAVE_S = 1.0  # seconds in which Python must have ended once the case is over
# Which module holds which scenario, by the module's name.
FAMILIES = {
    "exceptions": (
        "thread-caught",
        "thread-uncaught",
        "thread-queue",
        "thread-future",
        "process-caught",
        "process-uncaught",
        "process-queue",
    ),
    "pooled": ("pool-methods", "worker-killed", "not-picklable", "side-by-side"),
    "limits": ("time-limit", "keyboard-interrupt"),
    "locked": ("lock-exception", "deadlock"),
    "resources": ("memory-limit", "output-flood"),
    "together": ("central-logging",),
}


@dataclass(frozen=True, slots=True)
class CaseContext:
    """What a case may use: the `limit` that a waiting side keeps, a task of `long` seconds, a folder of its own."""

    case: str
    limit: float
    long: float
    folder: str

    @property
    def stderr(self) -> str:
        """What this interpreter and its workers have written to stderr so far."""
        sys.stderr.flush()
        return (Path(self.folder) / "stderr.txt").read_text(errors="replace")


def main(scenario: str, context: str) -> None:
    """Do one case. The runner holds the other end of stdin: when that closes, nothing of this group may outlive it."""
    threading.Thread(target=leave_with_the_runner, name="guard", daemon=True).start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    no_core_dumps()
    name_semaphores()
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*fork.*")
    this = codec.from_json(CaseContext, json.loads(context))
    family = next(name for name, scenarios in FAMILIES.items() if scenario in scenarios)
    module = importlib.import_module(f"poolscope.experiments.failures.{family}")
    case_log.appear("main", "thread")
    try:
        getattr(module, scenario.replace("-", "_"))(this)
    except BaseException:  # whatever a case lets out, an exit too, is what it is here to show
        case_log.note(CaseBroken(traceback.format_exc()))
    record_what_is_left()
    last = threading.Timer(LEAVE_S, os._exit, (0,))
    last.daemon = True
    last.start()


def name_semaphores() -> None:
    """Have the semaphores of this process carry the case's name: one that is left can be told from other programs'."""
    multiprocessing.current_process()._config["semprefix"] = f"/{name_of(os.getpid())}"  # type: ignore[attr-defined]  # private


def name_of(group: int) -> str:
    """What the semaphores of a case begin with."""
    return f"fl-{group}"


def record_what_is_left() -> None:
    """What the case itself left in its interpreter, before that ends: the runner looks again afterwards."""
    mine = {threading.main_thread().name, "guard"}
    children = tuple(f"{child.name} (pid {child.pid})" for child in multiprocessing.active_children())
    threads = tuple(thread.name for thread in threading.enumerate() if thread.name not in mine)
    case_log.note(LeftInside(children, threads))


def leave_with_the_runner() -> None:
    os.read(0, 1)
    end_group()  # all but the resource tracker, which alone knows what is left to unlink


def no_core_dumps() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):  # then a crash leaves a core file where the platform wants one
        return
