"""What a run shows of the work: how long an item takes, whether it computes or waits, and where the time went."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.protocol.payloads import LoopTimes, LoopUse
from poolscope.stats.disturbance import SHORTEST_TASK_CPU_S, beside_us
from poolscope.stats.time_budget import TAKES_TURNS, Budget, OffCpu, loop_budget, off_cpu, pool_budget
from poolscope.workloads.catalog import COMPUTING, WAITING

# The plain loop's share of its time on a CPU. Work in between does both, and is taken for neither.
COMPUTES = 0.8
WAITS = 0.3
# A pass in a new process that takes less than this share of the first calls in it has found their results somewhere.
SLOW_AGAIN = 0.5
MOSTLY, FEW = 0.5, 0.1  # of the CPU time, what child processes used
# The share of its time for which a coroutine keeps the event loop: half of it leaves room for two at once.
BLOCKS, SHARES_LOOP = 0.5, 0.25
OVERLAPS = 1.5  # so many times what the blocked share leaves room for: then it is not the loop's steps that are long
SHORTEST_CALL_S = 1e-4  # below it the loop's own work counts
# CPUs that an item in the plain loop keeps busy: one thread makes it 1.0, two busy threads would make it 2.
SEVERAL_CPUS, ONE_CPU = 1.3, 1.1
A_TENTH = 0.1  # of a CPU that others use: children may have waited for it, where no CPU was free
ENOUGH_S = 1e-3  # of loops in all: below it their share would be that of the clocks
SHARED_LOCK = ("thread", "asyncio")  # kinds whose workers share one interpreter
IN_THREADS = (*SHARED_LOCK, "interpreter")  # kinds whose workers are one thread each, or one together


def is_known_to_wait(state: State) -> bool | None:
    """What is known of built-in work beforehand: True if it waits, False if it computes, None for all other."""
    workload = state.params.workload
    return True if workload in WAITING else False if workload in COMPUTING else None


def waits(state: State) -> bool | None:
    """Whether the work waits instead of computing, so that it needs no CPU; None for a mixture or if unknown."""
    # Of built-in work it is known; its share of a CPU says more of the machine than of itself.
    known = is_known_to_wait(state)
    if known is not None:
        return known
    share = on_cpu(state.serial)
    if share is None or (share < COMPUTES and _children_may_starve(state)):
        return None
    return True if share <= WAITS else False if share >= COMPUTES else None


def why_unfounded(state: State) -> str | None:
    """The code of why the times of this run are not those of the work, so that nothing can be said by them.

    None where they are. 'lazy': a call returns before its work is done. 'kept': first calls were slow, and what they
    found out is kept even for a process in which nothing was called before.
    """
    trial, loop = state.reference.trial if state.reference else None, state.serial
    if trial is None or state.params.built_in:
        return None
    if trial.lazy is not None:
        return "lazy"
    memory = trial.remembered
    if memory is not None and memory.how == "outside":
        return "kept"
    if memory is None or memory.how != "per item" or loop is None or not loop.map:
        return None
    # Each pass contains these calls, and had a process of its own.
    return "kept" if median(loop.map) < SLOW_AGAIN * memory.first_s * memory.calls else None


def _children_may_starve(state: State) -> bool:
    """Whether child processes may have waited for a CPU that others had, which is not known of those that have ended.

    So on a machine without a free CPU it can't be told whether they wait.
    """
    noise = state.noise
    others_s, _ = beside_us(noise)
    if noise is None or others_s is None or not noise.host_busy_s or (children_share(state.serial) or 0.0) < FEW:
        return False
    busy, others = noise.host_busy_s / noise.wall_s, others_s / noise.wall_s
    return others > A_TENTH and busy > (noise.host_cpus or 1) - 1 + A_TENTH


def on_cpu(loop: Configuration | None) -> float | None:
    """The share of its time that a plain loop was on a CPU, over 1 where it used several; None if that isn't known.

    With its child processes: while a program that it started computes, it needs a CPU as if it did so itself. And with
    the time in which it was ready to run but others had the CPUs: what runs beside it makes no waiting work of it.
    """
    times = long_enough(loop)
    if times is None:
        return None
    used, share = times.cost_s / times.wall_s, (times.cost_s + times.ready_s) / times.wall_s
    # The main thread used one CPU at most, however many threads waited for one meanwhile. Where it did next to nothing,
    # others may have worked one after the other, so that only what they used says how many did at once.
    main_s = times.cpu_s - times.native_cpu_s
    at_once = times.cost_s / main_s if main_s > A_TENTH * times.cost_s else used
    return _of_threads(min(share, max(1.0, at_once)))


def used_cpu(loop: Configuration | None) -> float | None:
    """The same without the time in which it was only ready to run."""
    times = long_enough(loop)
    return None if times is None else _of_threads(times.cost_s / times.wall_s)


def tasks_on_cpu(config: Configuration) -> float | None:
    """The share of their time that the traced tasks of a pool were on a CPU, over 1 where one used several.

    None where it isn't known, or where tasks are so short that reading the clocks takes more CPU time than they do.
    """
    traced = config.traced
    if traced is None or not traced.tasks or traced.tasks_wall_s < SHORTEST_TASK_CPU_S * traced.tasks:
        return None
    # An event loop's thread also does the loop's own work, which is no task's.
    more = max(0.0, traced.tasks_cpu_s - traced.tasks_wall_s) if config.kind in IN_THREADS else 0.0
    return _of_threads((traced.cost_s - more) / traced.tasks_wall_s)


def _of_threads(share: float) -> float:
    """Where one thread was at work it is 1.0 at most; a little more is the clocks' and what else its process does."""
    return 1.0 if 1 < share <= ONE_CPU else share


def children_share(loop: Configuration | None) -> float | None:
    """The share of a plain loop's CPU time that its child processes used; None if that isn't known."""
    times = long_enough(loop)
    return times.children_cpu_s / times.cost_s if times and times.cost_s else None


def long_enough(loop: Configuration | None) -> LoopTimes | None:
    """The times of a plain loop whose passes together took long enough to tell where they went."""
    times = loop.loop if loop else None
    return times if loop and times and loop.passes * times.wall_s >= ENOUGH_S else None


def is_childrens_work(loop: Configuration | None) -> bool:
    """Whether most of a plain loop's CPU time was that of child processes, so that no GIL of this process matters."""
    return (children_share(loop) or 0.0) >= MOSTLY


def seconds_per_item(state: State) -> float | None:
    """What one item takes in the plain loop; None before it ran."""
    items, loop = state.items, state.serial
    return median(loop.map) / items if items and loop and loop.map else None


def loop_use(state: State) -> LoopUse | None:
    """The event loop's part in the work of an `async def`, one call after the other; None where it isn't known.

    That of the traced plain loop once it is there, before that of the trial, whose first call may differ.
    """
    loop, trial = state.serial, state.reference.trial if state.reference else None
    traced = loop.traced if loop else None
    if traced is None or traced.loop is None or traced.task_s is None:
        return trial.loop if trial else None
    # Calls that never suspend are one stretch together.
    return replace(traced.loop, longest_s=min(traced.loop.longest_s, traced.task_s.max))


def blocks_event_loop(state: State) -> bool:
    """Whether calls of an `async def` run one after the other, since they keep the loop for most of their time."""
    use, per_item = loop_use(state), seconds_per_item(state)
    if use is None or use.blocked_share < BLOCKS or per_item is None or per_item < SHORTEST_CALL_S:
        return False
    return overlapped(state) * use.blocked_share < OVERLAPS


def overlapped(state: State) -> float:
    """How many times as fast as the plain loop the fastest coroutines at once were; at least 1."""
    loop = state.serial
    pools = [config for config in state.pools if config.kind == "asyncio" and config.map]
    return max((median(loop.map) / median(config.map) for config in pools), default=1.0) if loop and loop.map else 1.0


def side_by_side(state: State, config: Configuration, usable_cpus: int) -> int:
    """How many items this configuration can have in work at once: its workers; if the work computes, up to the CPUs.

    An item that uses several CPUs by itself leaves room for fewer.
    """
    usable_cpus = config.hosts_cpus or usable_cpus
    if config.kind == "asyncio" and (blocks_event_loop(state) or _loops_thread_computes(state)):
        return 1
    if waits(state):
        return config.size
    python, each = state.python(config.python), on_cpu(state.loop_of(config.python, config.native_threads)) or 1.0
    if each < SEVERAL_CPUS:
        each = 1.0
    # Threads under the GIL can, for work that lets go of it; what one lock allows is seen in what their tasks used.
    if config.kind == "thread" and (python is None or python.gil is not False):
        used = cpus_used(config)
        return max(1, min(config.size, round(min(used, usable_cpus) / each))) if used is not None else 1
    return max(1, min(config.size, round(usable_cpus / each)))


def at_once(state: State, config: Configuration) -> int:
    """How many workers of a pool could run at once, had they the CPUs.

    Of workers that share one GIL it is one, unless their traced tasks used more CPUs than that allows; before they were
    traced it could be all of them.
    """
    python, used = state.python(config.python), cpus_used(config)
    gil = config.kind in SHARED_LOCK and (python is None or python.gil is not False)
    return 1 if gil and used is not None and used <= TAKES_TURNS[1] else config.size


def _loops_thread_computes(state: State) -> bool:
    return waits(state) is False and not is_childrens_work(state.serial)


def cpus_used(config: Configuration) -> float | None:
    """How many CPUs the tasks of the traced repetition kept busy together; None where it was not traced."""
    return config.traced.cost_s / config.traced.map_s if config.traced and config.traced.map_s else None


def budget(state: State, config: Configuration) -> Budget | None:
    """Medians of the timed repetitions, the map divided as in the traced one; None before both are there."""
    if config.serial:
        loop = config.loop
        return loop_budget(loop.wall_s, min(loop.cost_s, loop.wall_s)) if loop and loop.wall_s else None
    if not config.total or not config.traced or not config.traced.map_s:
        return None
    return pool_budget(config.start_s or 0.0, median(config.map), median(config.stop), config.traced, config.size)


def why_off_cpu(state: State, config: Configuration, usable_cpus: int) -> OffCpu | None:
    """Why the tasks of a configuration were off the CPU; None before it, and its Python's loop, were looked at."""
    loop, python = state.loop_of(config.python, config.native_threads), state.python(config.python)
    times, traced = loop.loop if loop else None, config.traced
    if loop is None or not loop.map or not times or not times.wall_s or not traced or not traced.map_s:
        return None
    return off_cpu(
        traced,
        loop_wall_s=times.wall_s / len(loop.map),
        loop_cpu_s=times.cost_s / len(loop.map),
        size=config.size,
        usable_cpus=usable_cpus,
        gil=config.kind in SHARED_LOCK and (python is None or python.gil is not False),
    )


def dispatch_share(spent: Budget) -> float:
    """The share of a map, start-up and shutdown left out, that went into handing items over and getting results."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.dispatch / mapped if mapped > 0 else 0.0


def tail_share(spent: Budget) -> float:
    """The share of a map in which workers had nothing left to do."""
    mapped = 1 - spent.startup - spent.shutdown
    return spent.idle / mapped if mapped > 0 else 0.0


def processes(config: Configuration) -> bool:
    return config.kind in IN_PROCESSES
