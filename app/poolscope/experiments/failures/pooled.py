"""Faults in a pool's tasks: which results come back, which tasks are lost, and who learns of it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.failures import case_log, endings, tasks
from poolscope.experiments.failures.case_main import CaseContext
from poolscope.experiments.failures.catalogue import ENGINES, TASKS, too_long
from poolscope.experiments.failures.payloads import CaseEnding, ErrorCallbacks, InitializerTries, PoolUsable
from poolscope.experiments.failures.tools import ExecutorTool, NoAnswer, PoolTool, make_tool, shut

ITEMS = (1, 2, 0, 4)

START_LIMIT_S = 20.0  # only a hang lasts so long
# Seconds in which a fault is noticed at the latest, without a limit. dask starts another worker for a task whose
# worker died, again and again, and gives the task up with the fourth.
NOTICES_S, GIVES_UP_S = 5.0, 100.0
# After these a Pool answers for no task at all, so there is nobody to be waited for longer.
ENDS_ALL_ANSWERS = ("exception", "initializer raises")
FATAL_TASK = f"task {tasks.FATAL}"


class Tally:
    """What became of the tasks as the one who waits sees it: results, exceptions, and tasks without any answer."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.results: dict[str, Any] = {}
        self.errors: dict[str, BaseException] = {}
        self.unanswered: list[str] = []

    def take(self, name: str, get: Callable[[], Any]) -> None:
        """Wait for one task's result by `get`; the first exception of its type is recorded in full."""
        try:
            self.results[name] = get()
        except NoAnswer:
            self.unanswered.append(name)
        except Exception as error:
            if type(error) not in {type(other) for other in self.errors.values()}:
                where = self._where.split(" in ")[0]
                at = case_log.moment(f"{type(error).__name__} surfaces at {where}", "failed")
                case_log.surfaced(error, self._where, name, at)
            self.errors[name] = error

    def settle(self, limit: float, late_s: float = 0.0) -> None:
        """Record who has which result, what is lost, and how it ended; a late task takes `late_s` seconds."""
        case_log.kept(
            f"{name} = {value if isinstance(value, int | float) else type(value).__name__}"
            for name, value in sorted(self.results.items())
        )
        case_log.lost(sorted([*self.errors, *self.unanswered]))
        kinds = sorted({type(error).__name__ for error in self.errors.values()})
        total = len(self.results) + len(self.errors) + len(self.unanswered)
        had = endings.results_kept(len(self.results), total)
        broken = [error for error in self.errors.values() if isinstance(error, BrokenExecutor)]
        if self.unanswered:
            named = ", ".join(self.unanswered)
            case_log.moment(f"no answer within {limit:g} s: {named}", "blocked")
            ending = CaseEnding.NO_ANSWER_IN_TIME if late_s else CaseEnding.NEVER_ANSWERED
            case_log.outcome(ending, endings.no_answer(had, limit, self.unanswered, late_s, kinds))
        elif broken:
            case_log.outcome(CaseEnding.POOL_BROKEN, endings.pool_broken(had, len(broken), type(broken[0]).__name__))
        elif self.errors:
            case_log.outcome(CaseEnding.RAISED, endings.tasks_raised(had, kinds, list(self.errors)))
        else:
            case_log.outcome(CaseEnding.NOTHING_FAILED, f"{had}.")


def parts(case: str) -> tuple[str, str]:
    fault, _, tool = case.partition(" / ")
    return fault, tool


def observe_pool(
    context: CaseContext, tool: str, submit: Callable[[Any, int], Any], initializer: Any = None, late_s: float = 0.0
) -> None:
    """Eight tasks in a pool of two; the result of each is waited for."""
    fault, others = parts(context.case)[0], set(threading.enumerate())
    try:
        pool = make_tool(tool, initializer)
    except ImportError as missing:
        case_log.outcome(CaseEnding.NOT_IN_THIS_PYTHON, f"{missing}.")
        return
    engine = tool in ENGINES
    tally = Tally(pool.where)
    try:
        if initializer is None:
            # The limit is about the tasks: on a busy machine a fork server or an interpreter takes longer than that to
            # start and to import them, and a pool that breaks a moment later would pass for one that never answers.
            for ticket in [pool.submit(tasks.begin) for _ in range(2)]:
                pool.get(ticket, 3 * START_LIMIT_S if engine else START_LIMIT_S)
        case_log.moment(f"{tool}(2) gets {TASKS} tasks")
        began = perf_counter_ns()
        deaths = Deaths(replaced=engine)
        deaths.take_in()
        tickets: dict[str, Any] = {}
        for number in range(1, TASKS + 1):
            tally_submit(tally, tickets, f"task {number}", partial(submit, pool, number))
            deaths.take_in()
        patience = start_allowance(tool, fault) + context.limit
        with deaths:
            wait_for_all(pool, tickets, tally, patience, fault)
        case_log.was("main", "blocked", began)
        if initializer:
            tries = case_log.faults_so_far()
            case_log.note(InitializerTries(tries))
            case_log.moment(f"the initializer has raised in {tries} worker{'s' * (tries != 1)}", "failed")
        tally.settle(patience, late_s)
        if initializer is None and not tally.unanswered:
            usable(pool, max(patience, START_LIMIT_S))
    finally:
        shut(pool, others)


def wait_for_all(
    pool: PoolTool | ExecutorTool, tickets: Mapping[str, Any], tally: Tally, patience: float, fault: str
) -> None:
    """Wait for every result until the limit is over for all, and longer for those that are merely late.

    On a busy machine the tasks behind the one that goes wrong are still being done by then, or wait for a worker in the
    place of a dead one. They are not lost, so the limit alone decides only about the one that goes wrong; and that gets
    it again once the others have answered, for it may have begun late as well.
    """
    began = perf_counter_ns()
    stalls = fault in ENDS_ALL_ANSWERS
    if stalls:
        wait_for_fault(START_LIMIT_S)
    until = (perf_counter_ns() if stalls else began) + int(patience * 1e9)
    for name, ticket in tickets.items():
        tally.take(name, partial(get_by, pool, ticket, until))
    late = [name for name in tally.unanswered if name != FATAL_TASK]
    if stalls or not late:
        return
    silent = FATAL_TASK in tally.unanswered
    tally.unanswered = [FATAL_TASK] if silent and fault == "too long" else []
    latest = began + int(max(patience, START_LIMIT_S) * 1e9)
    for name in late:
        tally.take(name, partial(get_by, pool, tickets[name], latest))
    if silent and fault != "too long":
        again = perf_counter_ns() + int(patience * 1e9)
        tally.take(FATAL_TASK, partial(get_by, pool, tickets[FATAL_TASK], again))


def wait_for_fault(seconds: float) -> None:
    """Until some worker has come to the fault."""
    pause, until = threading.Event(), perf_counter_ns() + int(seconds * 1e9)
    while not case_log.faults_so_far() and perf_counter_ns() < until:
        pause.wait(0.01)


def get_by(pool: PoolTool | ExecutorTool, ticket: Any, until: int) -> Any:
    """A result, waited for until a stamp that holds for all of them."""
    return pool.get(ticket, (until - perf_counter_ns()) / 1e9)


class Deaths:
    """Within it, a thread says when a worker process ends, from its sentinel alone: the pool is not asked.

    Where workers are `replaced`, it goes on looking for those that have come since.
    """

    def __init__(self, replaced: bool = False) -> None:
        self._look_s = 0.05 if replaced else None
        self._out, self._in = os.pipe()
        self._met: set[BaseProcess] = set()  # kept, so that their sentinels stay open
        self._alive: dict[Any, str] = {}
        self._thread = threading.Thread(target=self._watch, name="deaths", daemon=True)

    def take_in(self) -> None:
        """Take in the workers there are now: a Pool's at once, an executor's as it starts them."""
        # Not by active_children(), which collects exit codes: dask asks for those in threads of its own.
        for worker in set(multiprocessing.process._children):  # type: ignore[attr-defined]  # private
            if worker not in self._met:
                self._met.add(worker)
                self._alive[worker.sentinel] = f"worker {worker.pid}"
                case_log.appear(f"worker {worker.pid}", "process", worker.pid)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        os.write(self._in, b".")
        self._thread.join()
        os.close(self._in)
        os.close(self._out)

    def _watch(self) -> None:
        while True:
            ended = wait([self._out, *self._alive], self._look_s)
            if self._look_s is not None:
                self.take_in()
            for actor in [self._alive.pop(sentinel) for sentinel in ended if sentinel in self._alive]:
                case_log.died(actor)
                case_log.moment(f"{actor} is gone", "killed", actor)
            if self._out in ended:
                return


def start_allowance(tool: str, fault: str) -> float:
    """Seconds beyond the limit in which workers may start: those of a fork server take their time. An interpreter's and
    an engine's take more, and some to notice a fault, as an executor does that of a dead worker on a busy machine; but
    they have no longer than the task that is too long.
    """
    late = tool in ("InterpreterPoolExecutor", *ENGINES) or (tool, fault) == ("ProcessPoolExecutor", "exits")
    if late and fault != "too long":
        return GIVES_UP_S if (tool, fault) == ("dask", "exits") else NOTICES_S
    return 1.0 if late or multiprocessing.get_start_method() != "fork" else 0.2


def tally_submit(tally: Tally, tickets: dict[str, Any], name: str, submit: Callable[[], Any]) -> None:
    """Submit one task; where submitting itself raises, that is its answer."""
    try:
        tickets[name] = submit()
    except Exception as error:
        tally.take(name, raiser(error))


def raiser(error: Exception) -> Callable[[], Any]:
    def again() -> Any:
        raise error

    return again


def usable(pool: PoolTool | ExecutorTool, patience: float) -> None:
    """Whether the pool still does a task afterwards, in as many seconds as late tasks had: a worker may start anew."""
    try:
        works = pool.get(pool.submit(abs, -1), patience) == 1
    except Exception as error:
        works = False
        case_log.moment(f"one more task: {type(error).__name__}", "failed")
    else:
        case_log.moment("one more task is done: the pool still works", "done")
    case_log.note(PoolUsable(works))


def worker_killed(context: CaseContext) -> None:
    fault, tool = parts(context.case)
    observe_pool(context, tool, lambda pool, number: pool.submit(tasks.task, tool, number, fault, context.long))


def side_by_side(context: CaseContext) -> None:
    fault, tool = parts(context.case)
    long = too_long(context.long)
    late_s = long if fault == "too long" else 0.0
    observe_pool(context, tool, lambda pool, number: pool.submit(tasks.task, tool, number, fault, long), late_s=late_s)


def not_picklable(context: CaseContext) -> None:
    fault, tool = parts(context.case)

    def submit(pool: Any, number: int) -> Any:
        if fault == "argument" and number == tasks.FATAL:
            case_log.moment("task 5 is given a lock as its argument", "failed")
            return pool.submit(tasks.task, tool, threading.Lock(), fault, context.long)
        if fault == "function" and number == tasks.FATAL:
            case_log.moment("task 5 is a lambda", "failed")
            return pool.submit(lambda: number)
        return pool.submit(tasks.task, tool, number, fault, context.long)

    observe_pool(context, tool, submit, tasks.refuse if fault == "initializer raises" else None)


def pool_methods(context: CaseContext) -> None:
    """The user's own program: 10 / x over [1, 2, 0, 4] in a pool."""
    if context.case == "futures":
        by_futures(context)
        return
    tally = Tally(f"{context.case} in the main thread")
    with multiprocessing.Pool(2) as pool:
        case_log.moment(f"{context.case} over [1, 2, 0, 4] in Pool(2)")
        began = perf_counter_ns()
        {"Pool.map": by_map, "Pool.imap": by_imap, "Pool.apply_async": by_callbacks}[context.case](pool, tally, context)
        case_log.was("main", "blocked", began)
        works = pool.apply(abs, (-1,)) == 1
        case_log.note(PoolUsable(works))
        case_log.moment("one more task is done: the pool still works" if works else "one more task fails", "done")
    tally.settle(context.limit)


def named(item: int) -> str:
    return f"10 / {item}"


def by_map(pool: Any, tally: Tally, context: CaseContext) -> None:
    answers: list[float] = []
    try:
        answers = pool.map(tasks.divide, ITEMS, chunksize=1)
    except ValueError as error:
        at = case_log.moment(f"map raises {error!r} and returns nothing", "failed")
        case_log.surfaced(error, "Pool.map in the main thread", named(0), at)
        tally.errors = {named(item): error for item in ITEMS}
    tally.results = {named(item): answer for item, answer in zip(ITEMS, answers, strict=False)}


def by_imap(pool: Any, tally: Tally, context: CaseContext) -> None:
    answers = pool.imap(tasks.divide, ITEMS)
    for item in ITEMS:
        tally.take(named(item), lambda: answers.next(context.limit * 20))


def by_callbacks(pool: Any, tally: Tally, context: CaseContext) -> None:
    received: list[BaseException] = []

    def on_error(error: BaseException) -> None:
        received.append(error)
        case_log.moment(f"error_callback gets {error!r}, in {threading.current_thread().name}", "failed")

    tickets = {item: pool.apply_async(tasks.divide, (item,), error_callback=on_error) for item in ITEMS}
    for item, ticket in tickets.items():
        tally.take(named(item), partial(ticket.get, context.limit * 20))
    case_log.note(ErrorCallbacks(tuple(repr(error) for error in received)))


def by_futures(context: CaseContext) -> None:
    tally = Tally("Future.result() in the main thread")
    with ProcessPoolExecutor(2) as executor:
        case_log.moment("four tasks submitted to ProcessPoolExecutor(2)")
        began = perf_counter_ns()
        futures = {item: executor.submit(tasks.divide, item) for item in ITEMS}
        for item, future in futures.items():
            tally.take(named(item), partial(future.result, context.limit * 20))
        case_log.was("main", "blocked", began)
        works = executor.submit(abs, -1).result(context.limit * 20) == 1
        case_log.note(PoolUsable(works))
        case_log.moment("one more task is done: the pool still works" if works else "one more task fails", "done")
    tally.settle(context.limit)
