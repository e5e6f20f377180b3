"""One map timed from start-up to shutdown: the template that every kind of pool fills, and what is measured.

                began          ready   asked         got   closing       ended
    main thread   |- open, answers -|   |- map(f, items) -|   |- close, join -|
    workers           |- start, answer  |  f  f  f  f     |      end
    monitor           waits for a worker process to end; an unexpected end interrupts the main thread

The code between `asked` and `got` is the line that a user would write. Stamps within a map come from traced
repetitions, whose times do not count.
"""

from __future__ import annotations

import gc
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from time import perf_counter_ns
from typing import Any, Protocol

from poolscope.machine import cpu_probe
from poolscope.machine.connections import Carried, carried_since, tcp_bytes
from poolscope.machine.cpu_clock import CpuClock, CpuUse
from poolscope.machine.memory import Memory, of_self, of_this_process
from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import LoopUse, ShippedOnce
from poolscope.runner.context import RunContext
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.handshake import check_set_up
from poolscope.runner.pools.worker_side import FirstSign
from poolscope.workloads.work import Work

Call = Callable[[], list[Any]]

# Of one sample: a map of a microsecond, the shortest that there is, then lasts 10 ms.
MOST_PASSES = 10_000
MOST_HELD_UP = 4  # times as long a map takes beside a few others' processes


@frozen
class TimedTask:
    """One call as its worker saw it: stamps of perf_counter_ns and the CPU time between.

    `cpu` is None for a coroutine: many share one thread, and what each of them took can't be told. `children` is the
    CPU time of the child processes that a worker process waited for; within this process it is not told by task.
    `host` names an engine's worker together with `worker`, and says whose clock the stamps are of; '' is this host.
    `thread_cpu` is all CPU time of a worker that is a thread of this process, up to the end of this task; 0 for others.
    """

    worker: int
    started: int
    ended: int
    cpu: int | None
    children: int = 0
    host: str = ""
    thread_cpu: int = 0


@frozen
class HandedChunk:
    """A chunk of so many items that an executor was given, or whose results are back, at a stamp of this process."""

    at: int
    items: int


@frozen
class LostWorker:
    """A worker that died while others went on; `tasks` are the keys of those that it was given and had not done."""

    address: str
    tasks: tuple[str, ...]


@frozen
class Measurement:
    """Start-up until every worker has answered, the map, the shutdown, each timed apart, in nanoseconds.

    `first_ready` is the first worker's answer, from the constructor on as `start` is; both and `stop` are 0 for the
    plain loop. `map` is the mean of the maps where several are timed together; `passes_to_fill` is how many of them
    last as long as was asked. `asked` is the stamp at which the map began. `workers` are process ids, native thread ids
    or, for asyncio, places under its limit, in the order of their first answers. `collections` counts garbage
    collections of this process; `cpu` is its CPU time during the map, and its child processes', where it did the work,
    else None. `tasks` (in the order of the results) and `memory` come from a traced repetition only, whose times do not
    count. `in_one_thread`: the main thread was the only worker. `loop` is an event loop's part in a traced repetition.
    `imported` is how long the slowest worker process imported the user's modules as it started. `hosts` names where an
    engine's workers are, () where that can be this host alone; `hosts_cpus` are the CPUs that they may use there
    together, 0 where that is this host alone. `cluster_start` is how long a cluster of the run's own
    took to start, once and before this; 0 without one. `carried` is what this process's connections carried during a
    map, None for pools of this machine. `lost` are the workers that died during the maps, where others went on. With
    `shipped`, a traced repetition tells what it is worth to have function and items on the workers beforehand.
    `worker_hosts` are the hosts of `workers`, one each, () where that is this one. `sent` and `back` are the chunks of
    a traced repetition as they were handed over and came back, () where an engine does not tell. `fixed_loop` is what
    `cpu_probe.fixed_loop_ns` gave right after a plain loop, 0 for pools.
    """

    start: int
    first_ready: int
    map: int
    stop: int
    asked: int
    workers: tuple[int, ...]
    results: list[Any]
    collections: int
    cpu: CpuUse | None = None
    tasks: tuple[TimedTask, ...] = ()
    memory: Memory | None = None
    in_one_thread: bool = False
    loop: LoopUse | None = None
    imported: int = 0
    passes_to_fill: int = 1
    hosts: tuple[str, ...] = ()
    hosts_cpus: int = 0
    cluster_start: int = 0
    carried: Carried | None = None
    lost: tuple[LostWorker, ...] = ()
    shipped: ShippedOnce | None = None
    worker_hosts: tuple[str, ...] = ()
    sent: tuple[HandedChunk, ...] = ()
    back: tuple[HandedChunk, ...] = ()
    fixed_loop: int = 0

    @property
    def elsewhere(self) -> bool:
        """Whether workers are on other hosts, whose stamps can't be compared with ours."""
        return any(host != os.uname().nodename for host in self.hosts)

    @property
    def tasks_cpu(self) -> int:
        """CPU time of all traced tasks; for asyncio that of the main thread during the map."""
        stamped = sum(task.cpu for task in self.tasks if task.cpu is not None)
        return stamped or (self.cpu.thread if self.cpu else 0)

    @property
    def between_cpu(self) -> int:
        """CPU time of workers that are threads of this process between their tasks, from the first one to the last."""
        threads: dict[int, list[TimedTask]] = {}
        for task in self.tasks:
            if task.thread_cpu and task.cpu is not None:
                threads.setdefault(task.worker, []).append(task)
        used = (
            max(task.thread_cpu for task in tasks) - min(task.thread_cpu - (task.cpu or 0) for task in tasks)
            for tasks in threads.values()
        )
        return max(0, sum(used) - self.tasks_cpu) if threads else 0

    @property
    def native_cpu(self) -> int:
        """CPU time of threads of this process that are neither a worker nor the main thread; 0 for process pools."""
        if self.cpu is None:
            return 0
        workers = 0 if self.in_one_thread else self.tasks_cpu + self.between_cpu
        return max(0, self.cpu.process - self.cpu.thread - workers)

    @property
    def children_cpu(self) -> int:
        """CPU time of the child processes that traced tasks started."""
        return self.cpu.children if self.cpu else sum(task.children for task in self.tasks)


class Monitor(Protocol):
    """Knows what a pool is doing: `phase` is 'starting', 'mapping' or 'shutting down'."""

    phase: str

    def at_work(self) -> AbstractContextManager[None]:
        """Within it, the run may act on the workers."""

    def check(self) -> None:
        """Raise WorkerDied if a worker, all of which have been joined, ended badly on its way out."""


class Unmonitored:
    """Monitors nobody: a thread or an interpreter that dies takes this process with it."""

    phase = "starting"

    def at_work(self) -> AbstractContextManager[None]:
        return nullcontext()

    def check(self) -> None:
        pass


class TimedPool(ABC):
    """One kind of pool for one work, driven by `time_map`, which calls the methods in the order in which they stand."""

    in_one_thread = False  # the main thread does all of the work
    in_this_process = True  # so its CPU time is the work's
    has_start_up = True
    hosts: tuple[str, ...] = ()
    hosts_cpus = 0
    cluster_start = 0
    over_network = False  # its workers may be reached by connections of this process
    lost: Sequence[LostWorker] = ()
    worker_hosts: tuple[str, ...] = ()
    sent: Sequence[HandedChunk] = ()
    back: Sequence[HandedChunk] = ()

    def __init__(self, use: PoolUse, work: Work) -> None:
        self.size = use.size
        self.work = work
        self.held_before = 0  # bytes, in a traced repetition

    def stamped(self) -> Callable[[Any], Any]:
        """The function with stamps around each call, for a traced repetition."""
        return partial(worker_side.stamped_in_thread, self.work.call)

    def monitored(self, context: RunContext) -> AbstractContextManager[Monitor]:
        """Within it, a worker process that ends interrupts the main thread."""
        return nullcontext(Unmonitored())

    @abstractmethod
    def open(self) -> None:
        """Construct the pool. Leaves nothing behind if it raises; a wish to stop does not interrupt it."""

    def explaining(self, monitor: Any) -> AbstractContextManager[None]:
        """Within it, an exception of the pool's own that tells users little becomes one with a reason."""
        return nullcontext()

    @abstractmethod
    def wait_until_ready(self, monitor: Any) -> list[FirstSign]:
        """Have every worker run a first task, none of them two. Raises PoolFailed or WorkerDied."""

    def users_line(self, items: Sequence[Any]) -> Call:
        """The line that a user would write, ready to be called once."""
        return self.prepared_map(self.work.call, items)

    @abstractmethod
    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        """The same for any function of one item."""

    def traced_map(self, items: Sequence[Any]) -> Call:
        """The line with stamps around each call."""
        return self.prepared_map(self.stamped(), items)

    def watched(self, context: RunContext) -> AbstractContextManager[None]:
        """Within it, a thread of its own says how far the map is, where the pool holds what tells that."""
        return nullcontext()

    def loop_use(self) -> LoopUse | None:
        """What an event loop's thread did in a traced map; None without one."""
        return None

    def memory(self, workers: tuple[int, ...]) -> Memory:
        """What is held after the work, before the shutdown."""
        return of_this_process(self.size, self.held_before)

    def ship_once(self) -> ShippedOnce | None:
        """What it is worth to have function and items on the workers beforehand; None where there is no such way."""
        return None

    @abstractmethod
    def close(self) -> None:
        """Shut the pool down and wait until all workers have ended."""

    @abstractmethod
    def end(self) -> None:
        """End a pool that may be broken or at work, in bounded time."""


def time_map(
    context: RunContext, pool: TimedPool, *, traced: bool, passes: int = 1, fill_s: float = 0.0
) -> Measurement:
    """Start the pool, map, shut it down; in the main thread. However it is left, no worker process remains.

    The same line is timed `passes` times in a row, so that what is timed is long enough for the clock and for chance.
    With `fill_s`, it is then repeated untimed until it is known how many passes last so long.

    Raises what the function raises, WorkerDied, PoolFailed, SetUpFailed or Stopped.
    """
    prepared = pool.traced_map if traced else pool.users_line
    memory = shipped = None
    gc.collect()  # the same state for every configuration
    pool.held_before = of_self() if traced else 0
    collections = collections_so_far()
    with context.recorder.quiet(), pool.monitored(context) as monitor:
        began = perf_counter_ns()
        pool.open()
        try:
            with monitor.at_work(), context.interruptible(), pool.explaining(monitor):
                answers = pool.wait_until_ready(monitor)
                ready = perf_counter_ns()
                check_set_up(answers)
                workers = tuple(answer.worker for answer in answers)
                calls = [prepared(items) for items in pool.work.passes(passes)]
                monitor.phase = "mapping"
                clock = CpuClock(pool.work.servers) if pool.in_this_process else None
                carried_before = tcp_bytes() if pool.over_network else None
                with pool.watched(context):
                    asked = perf_counter_ns()
                    for call in calls:
                        results = call()
                    got = perf_counter_ns()
                cpu = clock.read() if clock else None
                carried = carried_since(carried_before, passes)
                fixed_loop = cpu_probe.fixed_loop_ns() if pool.in_one_thread else 0
                to_fill = passes_to_fill(pool, got - asked, round(fill_s * 1e9)) if fill_s else 1
                if traced:
                    memory = pool.memory(workers)
                    shipped = pool.ship_once()
                monitor.phase = "shutting down"
                closing = perf_counter_ns()
                pool.close()
                ended = perf_counter_ns()
                monitor.check()
        except BaseException:
            pool.end()
            raise
    tasks = tuple(TimedTask(*stamps) for _, *stamps in results) if traced else ()
    return Measurement(
        start=ready - began if pool.has_start_up else 0,
        first_ready=min(answer.arrived for answer in answers) - began if pool.has_start_up else 0,
        map=(got - asked) // passes,
        stop=ended - closing if pool.has_start_up else 0,
        asked=asked,
        workers=workers,
        results=[stamped[0] for stamped in results] if traced else results,
        collections=collections_so_far() - collections,
        cpu=cpu.per_pass(passes) if cpu else None,
        tasks=tasks,
        memory=memory,
        in_one_thread=pool.in_one_thread,
        loop=pool.loop_use(),
        imported=max(answer.imported for answer in answers),
        passes_to_fill=to_fill,
        hosts=pool.hosts,
        hosts_cpus=pool.hosts_cpus,
        cluster_start=pool.cluster_start,
        carried=carried,
        lost=tuple(pool.lost),
        shipped=shipped,
        worker_hosts=pool.worker_hosts,
        sent=tuple(pool.sent),
        back=tuple(pool.back),
        fixed_loop=fixed_loop,
    )


def passes_to_fill(pool: TimedPool, first: int, wanted: int) -> int:
    """How many maps in a row last `wanted` nanoseconds, by the shortest of some; the `first` one took so long.

    One that took several times as long will do; another that is long enough may have been held up, and a sample of a
    single short map is mostly not held up at all, which would make it incomparable with longer ones.
    """
    if first >= MOST_HELD_UP * wanted:
        return 1
    done, spent, shortest = 0, 0, first
    while spent < wanted and done < MOST_PASSES:
        (items,) = pool.work.passes(1)
        call = pool.users_line(items)
        asked = perf_counter_ns()
        call()
        took = perf_counter_ns() - asked
        done, spent, shortest = done + 1, spent + took, min(shortest, took)
    return max(1, min(MOST_PASSES, -(-wanted // max(1, shortest))))


def collections_so_far() -> int:
    """Garbage collections of this process, of all generations."""
    return sum(generation["collections"] for generation in gc.get_stats())
