"""What the function does in a call, which decides which kinds of pools can help it, and what its times are worth.

Whether threads took turns, for the GIL or for a lock; whether waiting work would do with threads or asyncio; whether a
coroutine gives the event loop back; whether the work is done by child processes. And what no map's time shows: a call
may return before it is done, remember its result or change its item; and items may have to be made beforehand.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.breakeven import SHORTEST_TASK_S
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, fastest, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import (
    BLOCKS,
    COMPUTES,
    FEW,
    MOSTLY,
    SEVERAL_CPUS,
    SHARES_LOOP,
    SHORTEST_CALL_S,
    WAITS,
    blocks_event_loop,
    children_share,
    cpus_used,
    is_childrens_work,
    is_known_to_wait,
    loop_use,
    on_cpu,
    overlapped,
    seconds_per_item,
    waits,
    why_off_cpu,
    why_unfounded,
)
from poolscope.protocol.payloads import LazyKind, LoopUse
from poolscope.stats.intervals import ratio
from poolscope.text.sentences import Part

LIGHT = ("thread", "asyncio")
# The share of the CPUs that they could have had from which on they are said to have run side by side.
SIDE_BY_SIDE = 0.75
# Threads that are at work one at a time gain no more than this, and a task of theirs takes so many times as long.
NO_GAIN, STRETCHED = 1.25, 1.5
AS_FAST = 0.95  # what a light kind may lose to a heavy one
# What it is, and what to do about it.
LAZY: dict[LazyKind, tuple[str, str]] = {
    "generator": ("a generator", "return a list"),
    "iterator": ("an iterator", "return a list"),
    "coroutine": ("a coroutine", "await it"),
    "awaitable": ("an awaitable", "await it"),
    "async generator": ("an async generator", "return an async list"),
    "future": ("a future", "wait for it"),
    "task graph": ("a task graph", "compute it"),
    "callable": ("a function", "call it"),
    "property": ("a property", "read it"),
    "context manager": ("a context manager", "enter it"),
    "process": ("a process", "wait for the process"),
    "thread": ("a thread", "join the thread"),
}
ALIKE = 1.5  # times as long as a repeated call a first one may take
WORTH_A_SET_UP = 0.10  # of a pass: what the first call alone prepares, and takes no longer, is not worth a word
# Of a single call with the items made for it: a tenth can be felt. Below some milliseconds it is the clock's.
MUCH, SHORT_S = 0.10, 5e-3
MUCH_MEMORY = 64 * 2**20
TWO_FIGURES_AGREE = 4  # the growth of a process may show less than the items have, but not by so much


def gil_held(state: State, usable_cpus: int) -> CheckResult:
    config = _threads(state, usable_cpus)
    if config is None and (in_turn := _coroutines_in_turn(state, usable_cpus)):
        return in_turn
    if config is None:
        free = [python for python in state.pythons if python.gil is False]
        if free and not any(python.gil for python in state.pythons):
            return CheckResult(False, "no GIL")
        trial = state.reference.trial if state.reference else None
        pointless = any(config.kind == "thread" for config in state.pools) or (trial is not None and trial.is_async)
        return CheckResult(None, "untraced", remedy={} if pointless else remedies.kinds(state, "thread"))
    used, could = cpus_used(config) or 0.0, min(config.size, usable_cpus)
    loop = state.loop_of(config.python, config.native_threads)
    share = on_cpu(loop)
    facts = {"config": config, "cpus_used": used, "cpus_there": float(could), "loop_on_cpu": share}
    if share is None or could < 2 or (config.seconds_per_task or 0.0) < SHORTEST_TASK_S:
        return CheckResult(None, "unclear", facts)
    if waits(state):
        stretched = _stretched_in_turn(loop, config) if used <= WAITS * could else None
        if stretched is None:
            return CheckResult(False, "waits", facts)
        facts["stretched"] = stretched
        if was_disturbed(state, usable_cpus) and not _others_gain(state, loop):
            return CheckResult(None, "in turn, disturbed", facts)
        return CheckResult(True, "in turn", facts, lost_share=1 - 1 / config.size)
    if used >= SIDE_BY_SIDE * could:
        return CheckResult(False, "side by side", facts)
    if is_childrens_work(loop):
        return CheckResult(False, "child processes", facts)
    if share >= SEVERAL_CPUS:
        return CheckResult(False, "several CPUs", facts)
    if was_disturbed(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    off = why_off_cpu(state, config, usable_cpus)
    if off is None or off.reason != "gil" or share < COMPUTES:
        return CheckResult(None, "other cause", facts)
    others = any(other.kind not in LIGHT for other in state.pools)
    more = {} if others else remedies.kinds(state, "process")
    return CheckResult(True, "one at a time", facts, more, lost_share=1 - used / could)


def _coroutines_in_turn(state: State, usable_cpus: int) -> CheckResult | None:
    """Coroutines that give the event loop back and wait for each other all the same; None where none are seen to."""
    traced = [config for config in state.pools if config.kind == "asyncio" and config.size > 1 and config.traced]
    config = max(traced, key=lambda config: config.size, default=None)
    if config is None or not waits(state) or blocks_event_loop(state):
        return None
    loop = state.loop_of(config.python, config.native_threads)
    stretched = _stretched_in_turn(loop, config)
    if stretched is None:
        return None
    facts = {"config": config, "stretched": stretched}
    if was_disturbed(state, usable_cpus):
        return CheckResult(None, "in turn, disturbed", facts)
    return CheckResult(True, "coroutines in turn", facts, lost_share=1 - 1 / config.size)


def _stretched_in_turn(loop: Configuration | None, config: Configuration) -> float | None:
    """How many times as long a task took as in the plain loop, where threads together were no faster than that."""
    traced = config.traced
    if loop is None or traced is None or not traced.tasks or not loop.map or not config.map:
        return None
    gain = ratio(loop.map, config.map)
    stretched = traced.tasks_wall_s / median(loop.map)  # both of all items
    return stretched if gain.high is not None and gain.high < NO_GAIN and stretched >= STRETCHED else None


def _others_gain(state: State, loop: Configuration | None) -> bool:
    """Whether processes beside them, in the same rounds, did several at once."""
    others = [config for config in eligible_configs(state) if config.kind not in LIGHT]
    return loop is not None and any((ratio(loop.map, config.map).low or 0.0) >= STRETCHED for config in others)


def _threads(state: State, usable_cpus: int) -> Configuration | None:
    """Traced threads under the GIL, as many as there are CPUs for if there are such."""
    traced = [
        config
        for config in state.pools
        if config.kind == "thread" and config.size > 1 and config.seconds_per_task and _has_gil(state, config)
    ]
    return min(traced, key=lambda config: abs(config.size - usable_cpus), default=None)


def _has_gil(state: State, config: Configuration) -> bool:
    python = state.python(config.python)
    return bool(python and python.gil)


def light_kinds_suffice(state: State, usable_cpus: int) -> CheckResult:
    share, waiting = on_cpu(state.serial), waits(state)
    facts: dict[str, Any] = {"loop_on_cpu": share}
    if share is None:
        return CheckResult(None, "unknown", facts)
    if blocks_event_loop(state):
        return CheckResult(False, "event loop blocked", facts)
    # Where child processes wait as well, waiting is all there is to say.
    programs = is_childrens_work(state.serial) and waiting is False
    facts["why"] = Part("programs work" if programs else "work waits")
    if waiting is False and not programs:
        return CheckResult(False, "known to compute" if state.params.built_in else "computes", facts)
    if waiting is None:
        return CheckResult(None, "both", facts)
    if may_have_starved(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    pools = [config for config in eligible_configs(state) if not config.serial]
    light = [config for config in pools if config.kind in LIGHT]
    heavy = [config for config in pools if config.kind not in LIGHT]
    if not light:
        return CheckResult(None, "no light kind", facts, remedies.kinds(state, *(LIGHT[:1] if programs else LIGHT)))
    if not heavy:
        return CheckResult(None, "no heavy kind", facts)
    return _compared(fastest(light), fastest(heavy), facts)


def may_have_starved(state: State, usable_cpus: int) -> bool:
    """Whether what looks like waiting may be waiting for a CPU: others had them, and for how long is not known."""
    times = state.serial.loop if state.serial else None
    known = is_known_to_wait(state) is not None or bool(times and times.ready_s)
    return not known and was_disturbed(state, usable_cpus)


def _compared(light: Configuration, heavy: Configuration, facts: dict[str, Any]) -> CheckResult:
    gain = ratio(heavy.map, light.map)
    facts |= {"light": light, "heavy": heavy, "gain": gain}
    if gain.low is None or gain.high is None:
        return CheckResult(None, "too few", facts)
    if gain.high < 1:
        return CheckResult(False, "slower", facts)
    if gain.low < AS_FAST:
        return CheckResult(None, "wide", facts)
    measured = [config.memory.per_worker for config in (light, heavy) if config.memory and config.memory.per_worker]
    each = [max(0.0, median(workers)) for workers in measured]
    facts |= {"light_around_s": median(light.around), "heavy_around_s": median(heavy.around)}
    if len(each) == 2:
        facts |= {"light_memory": each[0], "heavy_memory": each[1]}
    return CheckResult(True, "suffices", facts)


def event_loop_blocked(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if trial is None:
        return CheckResult(None, "unknown")
    if not trial.is_async:
        return CheckResult(False, "no coroutine")
    use, per_item = loop_use(state), seconds_per_item(state)
    if use is None or per_item is None:
        return CheckResult(None, "unknown")
    at_once = max((config.size for config in eligible_configs(state) if config.kind == "asyncio"), default=None)
    facts: dict[str, Any] = {
        "blocked_share": use.blocked_share,
        "longest_s": use.longest_s,
        "seconds_per_item": per_item,
        "at_once": at_once,
        "overlapped": overlapped(state),
    }
    if use.blocked_share <= SHARES_LOOP:
        return CheckResult(False, "shares", facts)
    if per_item < SHORTEST_CALL_S:
        return CheckResult(None, "short", facts)
    if use.blocked_share < BLOCKS:
        return CheckResult(None, "partly", facts)
    if not blocks_event_loop(state):
        return CheckResult(None, "overlaps", facts)
    facts["instead"] = Part(_instead(state, use))
    lost_share = max(0.0, 1 - 1 / ((at_once or 1) * use.blocked_share))
    return CheckResult(True, _instead(state, use), facts, lost_share=lost_share)


def _instead(state: State, use: LoopUse) -> str:
    """By what the steps are long, which decides what would help."""
    if is_childrens_work(state.serial):
        return "programs"
    on_cpu = use.cpu_s / use.blocked_s if use.blocked_s else 0.0
    return "computes" if on_cpu >= COMPUTES else "waits" if on_cpu <= WAITS else "both"


def child_processes(state: State, usable_cpus: int) -> CheckResult:
    loop, share, busy = state.serial, children_share(state.serial), on_cpu(state.serial)
    times = loop.loop if loop else None
    if loop is None or times is None or share is None or busy is None or not state.items:
        return CheckResult(None, "unknown")
    calls = len(loop.map) * state.items
    facts: dict[str, Any] = {
        "children_s": times.children_cpu_s / calls,
        "own_s": times.cpu_s / calls,
        "children_share": share,
        "children_on_cpu": share * busy,
    }
    if share < FEW:
        return CheckResult(False, "few", facts)
    if waits(state) is None and was_disturbed(state, usable_cpus):
        return CheckResult(None, "disturbed", facts)
    if share * busy <= WAITS:
        return CheckResult(False, "wait", facts)
    if share < MOSTLY or busy < COMPUTES:
        return CheckResult(None, "both", facts)
    trial = state.reference.trial if state.reference else None
    threads = any(config.kind == "thread" for config in state.pools) or (trial is not None and trial.is_async)
    more = remedies.sizes([1, usable_cpus]) | ({} if threads else remedies.kinds(state, "thread"))
    return CheckResult(True, "compute", facts, more)


# What no map's time shows


def call_facts(state: State) -> dict[str, Any]:
    """What the trial found about calls, for sentences; {} without one."""
    trial = state.reference.trial if state.reference else None
    if trial is None:
        return {}
    facts: dict[str, Any] = {"function": trial.function}
    if (lazy := trial.lazy) is not None:
        facts |= {
            "thing": Part(LAZY[lazy.kind][0]),
            "name": lazy.name,
            "within": lazy.within,
            "call_s": lazy.call_s,
            "consumed": lazy.consumed,
            "consumed_s": lazy.consumed_s,
            "complete": lazy.complete,
            "taken": Part("all of it" if lazy.complete else "a part of it") if lazy.consumed_s is not None else None,
            "instead": Part(LAZY[lazy.kind][1]),
        }
        if lazy.kind in ("process", "thread"):
            facts |= {"found": Part("left running"), "making": Part("starting it")}
    if (memory := trial.remembered) is not None:
        facts |= {
            "first_s": memory.first_s,
            "again_s": memory.again_s,
            "calls": memory.calls,
            "changed": list(state.changed) or None,
        }
    return facts


def results_lazy(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if trial is None or not trial.call_s:
        return CheckResult(None, "unknown")
    if trial.lazy is None:
        return CheckResult(False, "complete")
    return CheckResult(True, trial.lazy.kind, call_facts(state))


def results_remembered(state: State, usable_cpus: int) -> CheckResult:
    trial, loop = state.reference.trial if state.reference else None, state.serial
    if trial is None or not trial.again_s:
        return CheckResult(None, "unknown")
    memory = trial.remembered
    if memory is None:
        both = (trial.call_s[: len(trial.again_s)], trial.again_s)
        first, again = (median(calls[1:] or calls) for calls in both)
        alike: dict[str, Any] = {"first_s": first, "again_s": again, "calls": len(trial.again_s[1:]) or None}
        return CheckResult(False, "alike", alike) if first < ALIKE * again else CheckResult(None, "unclear", alike)
    facts = call_facts(state) | {"times_as_long": memory.first_s / max(memory.again_s, 1e-9)}
    if memory.how in ("once", "per thread") and loop is not None and loop.map:
        facts |= {"pass_s": median(loop.map)}
        if memory.first_s - memory.again_s < WORTH_A_SET_UP * facts["pass_s"]:
            return CheckResult(False, "little", facts)
    return CheckResult(True, "kept outside" if why_unfounded(state) == "kept" else memory.how, facts)


def items_changed(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if trial is None or not trial.call_s:
        return CheckResult(None, "unknown")
    change = trial.changed
    if change is None:
        return CheckResult(False, "unchanged") if trial.items_known else CheckResult(None, "can't compare")
    facts: dict[str, Any] = {
        "function": trial.function,
        "item": change.item,
        "type": change.kind,
        "part": change.part,
    }
    lost = ("copies and is lost", "made anew and is lost")
    sent = ("copies and stays", "made anew and stays") if change.returned else lost
    # What can't be pickled does not come to a process at all.
    copies, made_anew = ("copies", "made anew") if "item" in trial.unpicklable else sent
    facts["passes"] = Part(copies if change.copied else made_anew)
    return CheckResult(True, "changed" if change.returned else "nothing returned", facts)


def items_made_beforehand(state: State, usable_cpus: int) -> CheckResult:
    trial = state.reference.trial if state.reference else None
    if state.params.built_in:
        return CheckResult(False, "at hand")
    if trial is None or trial.made is None:
        return CheckResult(None, "unknown")
    made = trial.made
    pickled = trial.item_bytes * trial.count if trial.item_bytes is not None else None
    facts: dict[str, Any] = {"items": trial.count, "made_s": made.seconds, "memory": made.memory, "pickled": pickled}
    if not made.lazy:
        return CheckResult(False, "at hand", facts)
    recommendation = recommend(state)
    config = (recommendation.config or recommendation.best) if recommendation else state.serial
    if config is None or not config.total:
        return CheckResult(None, "unknown", facts)
    call_s = median(config.total)
    share = made.seconds / (made.seconds + call_s)
    facts |= {"config": config, "call_s": call_s, "share": share}
    long, large = share >= MUCH and made.seconds >= SHORT_S, made.memory >= MUCH_MEMORY
    if made.full:
        return CheckResult(True, "full", facts, lost_share=share)
    if long or large:
        code = "long and large" if long and large else "long" if long else "large"
        return CheckResult(True, code, facts, lost_share=share if long else None)
    if pickled is not None and pickled >= MUCH_MEMORY and pickled > TWO_FIGURES_AGREE * made.memory:
        return CheckResult(None, "figures differ", facts)
    return CheckResult(False, "cheap", facts)
