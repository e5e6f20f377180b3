"""Repeats a repetition that broke, uncounted and one item a message, to find out on what item and where it breaks."""

from __future__ import annotations

import dataclasses
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from poolscope.machine.noise import own_cpu_s
from poolscope.protocol.commands import ExplainBreakage
from poolscope.protocol.kinds import COPIES_ITEMS, IN_PROCESSES, STARTED_BY_METHOD
from poolscope.protocol.payloads import Breakage, BreakageCode, WaitingPlace
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.host.call_log import (
    CallEnded,
    CallLogEntry,
    CallNotRead,
    CallRaised,
    LoggedCoroutine,
    LoggedFunction,
    entries,
    under_way,
)
from poolscope.runner.host.pickling import error_in_words, short
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.setup import OpenedWork
from poolscope.runner.host.stacks import show_stacks_in, stack_of, user_line
from poolscope.runner.host.user_modules import hiding_files
from poolscope.runner.pools.handshake import PoolFailed
from poolscope.runner.pools.kinds import measure
from poolscope.workloads.work import Work

LOOK_S = 0.1  # between two looks at what the workers do
BUSY = 0.05  # of one CPU: who uses more is at work


class FoundWaiting(Exception):
    """Nothing went on any more; where they waited is known."""

    def __init__(self, places: tuple[WaitingPlace, ...], shutting_down: bool) -> None:
        super().__init__("It hung.")
        self.places = places
        self.shutting_down = shutting_down


def explain_breakage(context: RunContext, opened: OpenedWork, order: ExplainBreakage) -> Breakage | None:
    """How the repetition breaks, None where it comes to its end. If it ends this process, the log tells."""
    work, log = opened.work, Path(order.calls)
    copied = order.use.kind in COPIES_ITEMS
    function = LoggedFunction(work.call, log, copied=copied)
    items = function.numbered(work.items)
    logged = dataclasses.replace(work, function=function, items=items, coroutine=None, fresh=None, calling="item")
    # A fork server is to load what the user's function needs, as for that function itself.
    function.__module__ = str(getattr(work.function, "__module__", None) or "__main__")
    coroutine = None
    if work.coroutine_call is not None and (opened.is_async or order.use.kind == "asyncio"):
        coroutine = LoggedCoroutine(work.coroutine_call, log)
        logged = dataclasses.replace(logged, function=coroutine, coroutine=coroutine)
    show_stacks_in(str(log))
    if order.warm and coroutine is None:
        with suppress(*RAISED_BY_WORK):
            work.call(work.items[0])
    threads = opened.work_threads() if order.use.kind in STARTED_BY_METHOD else ()
    watch = StandstillWatch(context, opened, order, coroutine)
    code: BreakageCode
    facts: dict[str, object] = {}
    try:
        with watch:
            use = dataclasses.replace(order.use, chunksize=1 if order.use.kind in IN_PROCESSES else 0)
            measure(context, use, logged)
        return told_by(entries(log), work)
    except FoundWaiting as found:
        told = told_by(entries(log), work)
        if told is not None:  # whoever is to notice it has not come to it
            return told
        forked = order.use.start_method == "fork"
        code = "hung-at-exit" if found.shutting_down else "hung-at-fork" if forked and threads else "hung"
        facts = {"places": found.places, "idle_s": order.patience_s}
    except WorkerDied as died:
        told = told_by(entries(log), work)
        if told is not None:  # what it raised, or could not read, ended it
            return told
        held = tuple(under_way(entries(log), died.pid))
        code, facts = "worker-died", {"exit_code": died.exit_code, "items": held}
        if not held and order.use.start_method != "fork":
            facts["hiding"] = tuple(hiding_files())
    except PoolFailed as failed:
        told = told_by(entries(log), work)
        if told is not None or failed.breakage is None:
            return told
        code, facts = failed.breakage.code, {"unreadable": failed.breakage.unreadable}
    except RAISED_BY_WORK as error:
        told = told_by(entries(log), work)
        if told is not None:
            return told
        code, facts = "raised", {"error": error_in_words(error)}
    facts = {"items": tuple(under_way(entries(log))), **facts}
    return of_items(work, Breakage(code, looked=True, again=True, threads=threads, **facts))  # type: ignore[arg-type]


def told_by(log: Sequence[CallLogEntry], work: Work) -> Breakage | None:
    """What the log tells of a call that went wrong, the first one."""
    for entry in log:
        found = Breakage("raised", looked=True, again=True)
        match entry:
            case CallRaised():
                code: BreakageCode = "exception-unreadable" if entry.unreadable else "raised"
                found = dataclasses.replace(
                    found,
                    code="daemonic" if entry.daemonic else code,
                    items=(entry.number,),
                    error=entry.error,
                    unreadable=entry.unreadable,
                    globals=entry.globals,
                    unsendable=entry.unsendable,
                )
            case CallNotRead():
                found = dataclasses.replace(found, code="call-unreadable", items=(entry.number,), error=entry.error)
            case CallEnded() if entry.unreadable:
                found = dataclasses.replace(
                    found, code="result-unreadable", items=(entry.number,), unreadable=entry.unreadable
                )
            case CallEnded() if entry.unsendable:
                found = dataclasses.replace(
                    found, code="result-unsendable", items=(entry.number,), error=entry.unsendable
                )
            case _:
                continue
        return of_items(work, found)
    return None


def of_items(work: Work, breakage: Breakage) -> Breakage:
    """With its first item in words."""
    return dataclasses.replace(breakage, item=short(work.items[breakage.items[0]]) if breakage.items else "")


class StandstillWatch:
    """Interrupts the main thread where nothing has gone on for long: no call begun or ended, and no CPU time used."""

    def __init__(
        self,
        context: RunContext,
        opened: OpenedWork,
        order: ExplainBreakage,
        coroutine: LoggedCoroutine | None = None,
    ) -> None:
        self.context = context
        self.coroutine = coroutine
        self.opened = opened
        self.log = Path(order.calls)
        self.kind = order.use.kind
        self.patience_s = order.patience_s
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look, name="standstill", daemon=True)

    def __enter__(self) -> None:
        self.before = threading.enumerate()  # the work's own, none of which calls for the pool
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def look(self) -> None:
        written, since, cpu_s = -1, monotonic(), own_cpu_s()
        while not self.over.wait(LOOK_S):
            now = self.log.stat().st_size if self.log.exists() else 0
            waited_s = monotonic() - since
            if now == written and waited_s < self.patience_s:
                continue
            used = own_cpu_s()
            idle = used is not None and cpu_s is not None and used - cpu_s < BUSY * waited_s
            if now == written and idle and not self.one_has_died():
                self.context.interrupt(FoundWaiting(self.places(), self.all_done()))
                return
            written, since, cpu_s = now, monotonic(), used

    def one_has_died(self) -> bool:
        """Whether a worker has ended before its time: that is for the pool's monitor to tell."""
        sentinels = [worker.sentinel for worker in self.context.worker_registry.workers]
        return bool(connection.wait(sentinels, 0)) and not self.all_done()

    def all_done(self) -> bool:
        """Whether every call that began has ended, so that only the workers' own end is left."""
        log = entries(self.log)
        return bool(log) and not under_way(log)

    def places(self) -> tuple[WaitingPlace, ...]:
        """Where the workers wait, the place of most of them first."""
        if self.kind not in IN_PROCESSES:
            stacks = self.own_stacks()
        else:
            workers = [worker.pid for worker in self.context.worker_registry.workers if worker.pid is not None]
            stacks = [stack for worker in workers if (stack := stack_of(worker, self.log))]
        found = Counter(place for stack in stacks if (place := user_line(stack)) is not None)
        return tuple(WaitingPlace(*place, workers=count) for place, count in found.most_common())

    def own_stacks(self) -> list[list[tuple[str, int, str]]]:
        """The stacks of this process's threads that are at work for the user, the innermost line first.

        Coroutines that are under way have stacks of their own.
        """
        if self.coroutine is not None:
            return [awaiting(called) for called in list(self.coroutine.under_way.values())]
        frames = sys._current_frames()
        idents = [thread.ident for thread in threading.enumerate() if self.is_at_work(thread)]
        return [innermost_first(frames[ident]) for ident in idents if ident in frames]

    def is_at_work(self, thread: threading.Thread) -> bool:
        return thread is threading.main_thread() or thread not in (self.thread, *self.opened.own_threads, *self.before)


def awaiting(coroutine: Any) -> list[tuple[str, int, str]]:
    """Where a coroutine and those that it awaits have stopped, the innermost line first."""
    lines: list[tuple[str, int, str]] = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        lines.insert(0, (frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        coroutine = coroutine.cr_await
    return lines


def innermost_first(frame: FrameType) -> list[tuple[str, int, str]]:
    summary = traceback.extract_stack(frame)
    return [(line.filename, line.lineno or 0, line.name) for line in reversed(summary)]
