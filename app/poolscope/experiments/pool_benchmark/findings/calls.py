"""What calls and their items do that no map's time shows.

A call may return before it is done, remember its result or change its item; and items may have to be made beforehand.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.work import why_unfounded
from poolscope.protocol.payloads import LazyKind
from poolscope.text.sentences import Part

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
        first, again = (median(calls[1:] or calls) for calls in (trial.call_s[: len(trial.again_s)], trial.again_s))
        facts = {"first_s": first, "again_s": again}
        return CheckResult(False, "alike", facts) if first < ALIKE * again else CheckResult(None, "unclear", facts)
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
