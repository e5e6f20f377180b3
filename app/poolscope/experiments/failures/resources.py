"""A worker that grows past a memory limit of its own, and one that floods its output."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from time import perf_counter_ns

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.payloads import (
    CaseEnding,
    CleanedUp,
    FaultMade,
    MemoryGrown,
    OutputRead,
    WorkerExited,
)

CHUNK = 4 * 1024 * 1024
ROOM = 64 * 1024 * 1024  # what the worker may grow by
FLOOD = 4 * 1024 * 1024
KEPT = 16 * 1024


def mapped() -> int:
    """Bytes of address space that this process has mapped; where /proc is missing, a guess on the safe side."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 512 * 1024 * 1024


def grow() -> None:
    """Set a limit for this process alone, then hold more and more. Raises MemoryError when the limit is reached."""
    import resource

    limit = mapped() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    held: list[bytearray] = []
    with case_log.doing(case_log.me(), item="grows"):
        case_log.moment(
            f"its limit: {limit >> 20} MiB of address space; {limit - ROOM >> 20} are mapped, part of them still empty",
            actor=case_log.me(),
        )
        try:
            while len(held) * CHUNK < 4 * ROOM:
                held.append(bytearray(CHUNK))
        except MemoryError:
            count = len(held)
            held.clear()  # room to speak
            at = case_log.moment(f"MemoryError with {count * CHUNK >> 20} MiB held", "failed", case_log.me())
            case_log.note(FaultMade(case_log.me()), at)
            case_log.note(MemoryGrown(count * CHUNK))
            raise
    case_log.note(MemoryGrown(len(held) * CHUNK))


def memory_limit(context: CaseContext) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    worker = multiprocessing.Process(target=grow, daemon=True)
    worker.start()
    with case_log.doing("main", "blocked", "join", "thread"):
        worker.join(20)
    if worker.is_alive():
        worker.kill()
        worker.join(2)
    text = context.stderr
    reached = "MemoryError" in text
    same = resource.getrlimit(resource.RLIMIT_AS) == before
    at = case_log.moment(
        f"exit code {worker.exitcode}; the parent's own limit is {'unchanged' if same else 'changed'}",
        "failed" if worker.exitcode else "done",
    )
    if reached:
        trace = text[text.find("Traceback") :]
        case_log.surfaced_as("MemoryError", "", trace, "the worker itself, on stderr", at=at)
    case_log.note(WorkerExited(worker.exitcode))
    big = len(bytearray(2 * ROOM))  # the parent can still grow by more than the worker was allowed
    case_log.kept([f"the parent, which takes {big >> 20} MiB afterwards"])
    case_log.lost(["the worker and what it held"] if worker.exitcode else [])
    case_log.note(CleanedUp(endings.MEMORY_BACK))
    ending = CaseEnding.NOTHING_FAILED if worker.exitcode == 0 else CaseEnding.PROCESS_DIED
    if reached and same:
        ending = CaseEnding.CONTAINED
    case_log.outcome(
        ending,
        endings.limit_not_reached(4 * ROOM) if worker.exitcode == 0 else endings.worker_contained(worker.exitcode),
    )


WRITER = f"import sys; sys.stdout.write('x' * {FLOOD}); sys.stdout.flush(); sys.exit(0)"


def output_flood(context: CaseContext) -> None:
    writer = subprocess.Popen([sys.executable, "-I", "-S", "-c", WRITER], stdout=subprocess.PIPE)
    case_log.appear("writer", "process", writer.pid)
    began = case_log.moment(f"a worker writes {FLOOD >> 20} MiB to its stdout, a pipe")
    blocked = False
    if context.case == "wait, then read":
        try:
            with case_log.doing("main", "blocked", "wait", "thread"):
                writer.wait(context.limit)
        except subprocess.TimeoutExpired as error:
            blocked = True
            case_log.was("writer", "blocked", began, item="write to a full pipe")
            at = case_log.moment(
                f"after {context.limit:g} s it still has not ended: the pipe is full, and nobody reads", "blocked"
            )
            case_log.surfaced(error, "wait(timeout) in the main thread", at=at)
    head, count = drain(writer)
    code = writer.wait(10)
    if writer.stdout is not None:
        writer.stdout.close()
    took = (perf_counter_ns() - began) / 1e6
    case_log.was("writer", "done", began)
    case_log.moment(f"read to its end: {count} bytes; exit code {code}", "done")
    case_log.kept([f"the first {len(head)} bytes"])
    case_log.lost([f"{count - len(head)} bytes, counted"])
    case_log.note(OutputRead(len(head), count))
    if blocked:
        case_log.outcome(CaseEnding.BLOCKED, endings.writer_waited(context.limit))
    else:
        case_log.outcome(CaseEnding.CONTAINED, endings.output_read(count, took, len(head)))


def drain(writer: subprocess.Popen[bytes]) -> tuple[bytes, int]:
    """Read to the end: the first bytes, and how many there were; a thread of its own, so that a hang is seen."""
    head, count = b"", 0

    def read() -> None:
        nonlocal head, count
        while writer.stdout is not None and (part := os.read(writer.stdout.fileno(), 65536)):
            head += part[: KEPT - len(head)]
            count += len(part)

    reader = threading.Thread(target=read, name="reader", daemon=True)
    reader.start()
    reader.join(10)
    return head, count
