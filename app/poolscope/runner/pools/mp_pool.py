"""One multiprocessing.Pool from start-up to shutdown: three phases timed apart, and workers watched for their death.

                    began          ready    asked         got   closing        ended
    main thread       |-- Pool(n) -- n answers --|-- map(f, items) --|-- close, join --|
    worker processes       |-- start -- answer   |   f  f  f  f      |   end
    watcher thread         waits for a sentinel; an unexpected one interrupts the main thread

The timed code between `asked` and `got` is the user's own. A Pool replaces a worker that died but never its task, so
without the watcher the map would wait for ever.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from time import perf_counter_ns, process_time_ns
from typing import Any

from poolscope.protocol.records import Actor, Span
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.monitor import Watch
from poolscope.runner.worker_registry import by_age

START_LIMIT_S = 30.0
REPLACED = (
    "A worker of the pool of {size} ended while its pool was starting, before it could be watched, and the pool put "
    "another in its place. What was measured before is kept."
)
STILLBORN = (
    "A worker of the pool of {size} ended while its pool was starting, before it could read what it was to do. "
    "What was measured before is kept."
)
TOO_SLOW = (
    "Not all of the {size} workers answered within {limit:.0f} s. "
    "The machine may be out of memory or of processes; try fewer workers."
)
END_LIMIT_S = 2.0
# Before, the fork server looked for what it was to load on a path of its own (gh-117378): it found nothing of ours, and
# of a user's perhaps another package of the same name, which its workers then had.
SERVER_KNOWS_THE_PATH = sys.version_info >= (3, 13, 1) or (3, 12, 8) <= sys.version_info < (3, 13)


class PoolFailed(Exception):
    """The pool did not start, or answered from fewer workers than it has; the message says what was seen."""


class SetUpFailed(Exception):
    """The user's own per-worker set-up raised; the message says what."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a pool is used: start method ('' is the platform's own), method, chunk size (0 is the pool's own choice)."""

    start_method: str = ""
    method: str = "map"
    chunksize: int = 0

    def context(self, function: Callable[..., Any]) -> Any:
        context = multiprocessing.get_context(self.start_method or None)
        if context.get_start_method() == "forkserver" and SERVER_KNOWS_THE_PATH:
            # A script's own functions are in __main__, which the fork server loads beforehand; ours are in modules.
            context.set_forkserver_preload(["__main__", worker_side.__name__, home(function)])
        return context

    def chunksize_used(self, items: int, size: int) -> int:
        """What the pool makes of it: for `map` CPython's ceil(items / 4n), one item a message for the others."""
        if self.method == "apply_async":
            return 1
        if self.chunksize or self.method != "map":
            return self.chunksize or 1
        return -(-items // (size * 4))


def home(function: Callable[..., Any]) -> str:
    """The module that a function comes from, through any number of partials."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__module__", None) or "__main__")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One pool's life in nanoseconds; `collections` counts garbage collections of this process meanwhile.

    `first_ready` is the first worker's answer and `start` the last one's, both from the constructor on; `asked` is the
    stamp at which the map began, `pids` the workers in the order in which they answered.
    """

    start: int
    first_ready: int
    map: int
    stop: int
    asked: int
    pids: tuple[int, ...]
    results: list[Any]
    collections: int


@dataclass(frozen=True, slots=True)
class LoopMeasurement:
    """The plain loop over the same items; wall and CPU time in nanoseconds."""

    map: int
    cpu: int
    results: list[Any]
    collections: int


def measure_loop(stage: RunContext, function: Callable[[Any], Any], items: Sequence[Any]) -> LoopMeasurement:
    """The baseline: the same function over the same items in this process, under the same manners."""
    gc.collect()
    collections = collections_so_far()
    with stage.recorder.quiet(), stage.interruptible():
        cpu = process_time_ns()
        asked = perf_counter_ns()
        results = [function(item) for item in items]
        got = perf_counter_ns()
        cpu = process_time_ns() - cpu
    return LoopMeasurement(got - asked, cpu, results, collections_so_far() - collections)


def measure_pool(
    stage: RunContext,
    setting: Setting,
    size: int,
    function: Callable[[Any], Any],
    items: Sequence[Any],
    setup: Callable[[], Any] | None = None,
    look: Callable[[Sequence[int]], object] | None = None,
) -> Measurement:
    """Start a pool, map once, shut it down. Raises what the function raises, WorkerDied, PoolFailed or Stopped.

    `setup` is called in every worker before its first task; what it raises comes as SetUpFailed. `look` is called with
    the process ids between the map and the shutdown. However it is left, no process of the pool remains.
    """
    context = setting.context(function)
    barrier = context.Barrier(size)
    call = way_to_ask(setting, function, items)
    gc.collect()
    collections = collections_so_far()
    with stage.recorder.quiet(), Watch(stage, size) as watch:
        last = number(context.Process())
        began = perf_counter_ns()
        try:
            pool = context.Pool(size, worker_side.prepare, (barrier, setup))
        except BrokenPipeError:  # so Python 3.14 tells of it under spawn; the pool has ended the others
            raise WorkerDied(STILLBORN.format(size=size)) from None
        try:
            workers = by_age(multiprocessing.active_children())
            if {number(worker) for worker in workers} != set(range(last + 1, last + 1 + size)):
                raise WorkerDied(REPLACED.format(size=size))
            watch.over(workers)
            with stage.worker_registry.at_work(workers, lane(size).format, str(size)), stage.interruptible():
                answers = wait_until_ready(pool, size, function)
                check_set_up(trouble for _, _, trouble in answers)
                ready = perf_counter_ns()
                watch.phase = "mapping"
                asked = perf_counter_ns()
                results = call(pool)
                got = perf_counter_ns()
                if look is not None:
                    look([pid for pid, _, _ in answers])
                watch.phase = "shutting down"
                closing = perf_counter_ns()
                pool.close()
                pool.join()
                ended = perf_counter_ns()
                watch.check()
        except WorkerDied:
            tell_story(stage, size, workers, began)
            end(pool)
            raise
        except BaseException:
            end(pool)
            raise
    first = min(arrived for _, arrived, _ in answers)
    return Measurement(
        start=ready - began,
        first_ready=first - began,
        map=got - asked,
        stop=ended - closing,
        asked=asked,
        pids=tuple(pid for pid, _, _ in answers),
        results=results,
        collections=collections_so_far() - collections,
    )


def number(process: BaseProcess) -> int:
    """How many processes this one had made when it made that one, which is what the name of each ends in."""
    return int(process.name.replace(":", "-").rpartition("-")[2])


def lane(size: int) -> str:
    """How a worker's lane is called, with a place for its number."""
    return f"{size} workers · w{{}}"


def tell_story(stage: RunContext, size: int, workers: Sequence[BaseProcess], began: int) -> None:
    """The lanes of a pool that lost a worker on request: until then all were there, then they were ended with it."""
    now, killed = perf_counter_ns(), stage.worker_registry.killed
    if any(worker.pid in killed for worker in workers):
        for place, worker in enumerate(workers, 1):
            name = lane(size).format(place)
            until = killed[worker.pid].at if worker.pid in killed else now
            stage.emit(Actor(began, name, "started", "process", "worker", worker.pid))
            stage.emit(Span(name, "running", began, until, lane=str(size)))
            stage.emit(Actor(now, name, "ended", "process", "worker", worker.pid))


def wait_until_ready(pool: Any, size: int, function: Callable[[Any], Any]) -> list[worker_side.Answer]:
    """Have every worker run a task, none of them twice."""
    try:
        # Bounded here too: a worker killed at its very first step, before anybody could watch it, takes a lock with it.
        asked = pool.map_async(partial(worker_side.answer, START_LIMIT_S), [function] * size, chunksize=1)
        answers: list[worker_side.Answer] = asked.get(START_LIMIT_S + END_LIMIT_S)
    except (threading.BrokenBarrierError, multiprocessing.TimeoutError):
        raise PoolFailed(TOO_SLOW.format(size=size, limit=START_LIMIT_S)) from None
    if len({pid for pid, _, _ in answers}) != size:
        raise PoolFailed(f"{size} first tasks were answered by fewer than {size} workers.")
    return answers


def check_set_up(troubles: Iterable[str]) -> None:
    """Raise SetUpFailed for the first of the workers whose set-up raised; '' is one that did not."""
    for trouble in filter(None, troubles):
        raise SetUpFailed(f"The set-up function raised {trouble}.")


def way_to_ask(setting: Setting, function: Callable[[Any], Any], items: Sequence[Any]) -> Callable[[Any], list[Any]]:
    """The one line that a user would write, as a function of the pool."""
    options = {"chunksize": setting.chunksize} if setting.chunksize else {}
    if setting.method == "map":
        return lambda pool: pool.map(function, items, **options)
    if setting.method == "apply_async":
        return lambda pool: [task.get() for task in [pool.apply_async(function, (item,)) for item in items]]
    name = setting.method
    return lambda pool: list(getattr(pool, name)(function, items, **options))


def traced(function: Callable[[Any], Any], stamps: Callable[..., Any] = worker_side.traced) -> Callable[[Any], Any]:
    """The function with stamps around it, for a repetition that is not timed; see `inside.traced` for its results."""
    return partial(stamps, function)


def end(pool: Any) -> None:
    """End a pool that may be broken, in bounded time.

    `terminate` takes locks that a worker killed in the middle of a read or a write holds for ever. So a thread of its
    own tries it, which tells the pool to replace no more workers first; then whoever is left is killed.
    """

    def terminate() -> None:
        with suppress(Exception):
            pool.terminate()

    ending = threading.Thread(target=terminate, name="terminate", daemon=True)
    ending.start()
    ending.join(END_LIMIT_S)
    for _ in range(2):  # a replacement may have been on its way at the first look
        left = multiprocessing.active_children()
        for process in left:
            process.kill()
        for process in left:
            process.join(END_LIMIT_S)


def collections_so_far() -> int:
    """Garbage collections of this process, of all generations."""
    return sum(generation["collections"] for generation in gc.get_stats())
