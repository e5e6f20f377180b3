"""Errors of threads and processes in one log: QueueHandler at every source, one QueueListener at the end."""

from __future__ import annotations

import logging
import logging.handlers
import multiprocessing
import threading
from typing import Any

from poolscope.experiments.failures import case_log, endings
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.payloads import CaseEnding, CleanedUp, FaultMade, LoggedError

SOURCES = ("thread 1", "thread 2", "process 1", "process 2")


class Gather(logging.Handler):
    """Keeps every record as text in the log of the case, in the thread of the listener."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.name)
        trace = record.exc_text or record.getMessage()
        first = record.getMessage().splitlines()[0]
        at = case_log.moment(f"the listener gets '{first}'", "failed" if "Traceback" in trace else "running")
        case_log.note(LoggedError(record.name, record.process, record.threadName, record.levelname, first, trace))
        if record.levelno >= logging.ERROR:
            kind, _, message = trace.strip().splitlines()[-1].partition(": ")
            case_log.surfaced_as(kind, message, trace, "the log, in the listener's thread", record.name, at)


def fail_and_log(source: str, queue: Any) -> None:
    """What thread and process do: something fails, and the logger gets it with its stack."""
    process = source.startswith("process")
    actor = case_log.me() if process else source
    logger = logging.getLogger(source)
    logger.propagate = False
    handler = logging.handlers.QueueHandler(queue)
    logger.addHandler(handler)
    with case_log.doing(actor, item=source, what="process" if process else "thread"):
        try:
            case_log.note(FaultMade(actor))
            print(10 / 0)
        except ZeroDivisionError:
            logger.exception("%s failed", source)
    logger.removeHandler(handler)


def central_logging(context: CaseContext) -> None:
    queue: Any = multiprocessing.Queue()
    gather = Gather()
    listener = logging.handlers.QueueListener(queue, gather)
    case_log.moment("two threads and two processes share one queue; the listener reads it")
    # Processes first: one that is forked while a thread logs may inherit a lock that nobody will release.
    processes: list[Any] = [
        multiprocessing.Process(target=fail_and_log, args=(source, queue), daemon=True)
        for source in SOURCES
        if source.startswith("process")
    ]
    threads: list[Any] = [
        threading.Thread(target=fail_and_log, args=(source, queue), daemon=True)
        for source in SOURCES
        if source.startswith("thread")
    ]
    with case_log.doing("main", "blocked", "join", "thread"):
        for process in processes:
            process.start()
        listener.start()
        for thread in threads:
            thread.start()
        for worker in (*threads, *processes):
            worker.join(20)
    listener.stop()
    queue.close()
    queue.join_thread()
    case_log.kept(f"the record of {source}" for source in SOURCES if source in gather.seen)
    missing = [source for source in SOURCES if source not in gather.seen]
    case_log.lost(f"the record of {source}" for source in missing)
    case_log.note(CleanedUp(endings.LISTENER_ENDED))
    ending = CaseEnding.NEVER_ANSWERED if missing else CaseEnding.LOGGED
    case_log.outcome(ending, endings.errors_logged(len(gather.seen), len(SOURCES)))
