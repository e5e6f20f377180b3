"""Whether the figures can be trusted: the same results everywhere, no output, a quiet machine, time enough.

The noise detectors are asked here, by whatever has to know whether something else on the machine spoiled a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolscope.experiments.disturbance import signs_in_words
from poolscope.experiments.pool_benchmark import remedies
from poolscope.experiments.pool_benchmark.findings.check import CheckResult
from poolscope.experiments.pool_benchmark.recommendation import (
    Recommendation,
    certainty,
    fewest_repetitions,
    is_settled,
    recommend,
)
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import at_once, is_known_to_wait, waits
from poolscope.protocol.kinds import ONE_THREAD_A_WORKER
from poolscope.protocol.payloads import DifferenceCode, TraceSummary
from poolscope.stats.comparison import WORTH_IT
from poolscope.stats.disturbance import (
    SHORTEST_TASK_CPU_S,
    By,
    Disturbance,
    TracedTasks,
    beside_us,
    disturbance,
    speed_range,
)
from poolscope.text.numbers import duration
from poolscope.text.sentences import Part, format_list

MOST_SLOW = 5  # items that a sentence names
WIDE = 0.5  # half of an interval over its middle: beyond, how far one is off says less than where it may lie
MOST_TASKS = 1000  # that the noise detectors are given of one configuration
# The causes that are told, where pools differ from the loop and where the loop's own results change.
TOLD: tuple[DifferenceCode, ...] = (
    "order",
    "hash-seed",
    "identity",
    "address",
    "clock",
    "same-random-state",
    "shared-generator",
    "main-globals",
    "shared-globals",
    "own-globals",
)
IN_THE_LOOP: Mapping[DifferenceCode, str] = {
    "random": "random in the loop",
    "clock": "clock in the loop",
    "address": "address in the loop",
    "token": "token in the loop",
    "own-globals": "own-globals in the loop",
}


def results_differ(state: State, usable_cpus: int) -> CheckResult:
    differing = [config for config in state.configs.values() if config.differs]
    repeats = [python.trial.repeats_equal for python in state.pythons if python.trial]
    # Where workers drew the same, that is the finding, whether or not the loop's own results change; then what is told.
    differing.sort(key=_order_of_causes)
    same_draws = bool(differing and differing[0].difference and differing[0].difference.code == "same-random-state")
    if not state.comparable and not same_draws:
        return _changing(state)
    if differing:
        config, why = differing[0], differing[0].difference
        others = {"others": len(differing) - 1} if len(differing) > 1 else {}
        facts = {"config": config, "detail": config.differs, "settings": len(differing), **others}
        if why is None or why.code not in TOLD:
            return CheckResult(True, "differ", facts)
        facts |= {"differing": why.differing, "first": why.item, "names": why.names, "repeated": why.repeated}
        facts["generators"] = format_list(why.names) or None
        facts |= {
            "pair": [f"{number}" for number in why.pair] if why.pair else None,
            "start_method": config.start_method,
        }
        return CheckResult(True, why.code, facts)
    rounded = [config for config in state.configs.values() if config.rounded is not None]
    if rounded:
        farthest = max(rounded, key=lambda config: config.rounded or 0.0)
        return CheckResult(
            False, "rounding", {"config": farthest, "largest": farthest.rounded, "settings": len(rounded)}
        )
    if not repeats or None in repeats:
        return CheckResult(None, "unknown")
    return CheckResult(False, "same", {"settings": 0})


def _order_of_causes(config: Configuration) -> int:
    code = config.difference.code if config.difference else None
    return 0 if code == "same-random-state" else 1 if code in TOLD else 2


def _changing(state: State) -> CheckResult:
    """Results that are others at each call, in the plain loop too."""
    trials = [python.trial for python in state.pythons if python.trial]
    why = next((trial.repeat_difference for trial in trials if trial.repeat_difference), None)
    code = IN_THE_LOOP.get(why.code) if why else None
    if why is None or code is None:
        return CheckResult(True, "no call repeats", {"settings": 0})
    return CheckResult(True, code, {"settings": 0, "names": why.names, "generators": format_list(why.names) or None})


def keeps_global_state(state: State, usable_cpus: int) -> CheckResult:
    """Counters, caches and the like: they are no fault, but they make a pool do other work than the loop does."""
    if not any(python.trial for python in state.pythons):
        return CheckResult(None, "unknown")
    if not state.changed:
        return CheckResult(False, "none", {"globals": 0})
    return CheckResult(True, "changes", {"globals": len(state.changed), "names": state.changed})


def slow_items(state: State, usable_cpus: int) -> CheckResult:
    """Items that took longer than each may, and were left out."""
    slow = next((python.slow for python in state.pythons if python.slow), None)
    if slow is None:
        return CheckResult(False, "no limit")
    facts: dict[str, Any] = {"limit_s": slow.limit_s, "count": slow.count, "left_out": len(slow.items)}
    if not slow.items:
        return CheckResult(False, "none slow", facts)
    longest = sorted(slow.items, key=lambda item: -item.seconds)[:MOST_SLOW]
    named = [f"item {item.number} ({item.item}) after {duration(item.seconds)}" for item in longest]
    facts |= {"named": format_list(named), "rest": len(slow.items) - len(named) or None, "first": slow.items[0].number}
    return CheckResult(True, "slow", facts)


def prints(state: State, usable_cpus: int) -> CheckResult:
    known = [python.trial.printed for python in state.pythons if python.trial]
    if not known:
        return CheckResult(None, "unknown")
    facts = {"tried_bytes": max(known), "bytes": state.printed}
    if max(known):
        return CheckResult(True, "prints", facts)
    return CheckResult(None, "later", facts) if state.printed else CheckResult(False, "silent", facts)


def judge_disturbance(state: State, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the first round has been read."""
    noise = state.noise
    if noise is None:
        return None
    others_cpu_s, throttled_rise = beside_us(noise)
    computes = waits(state) is False
    return disturbance(
        # Of work that we don't know, the time that a task spends off the CPU may be its own.
        _traced(state) if is_known_to_wait(state) is False else (),
        # Workers that wait take no CPU from anybody; only the main process does.
        workers=max((at_once(state, config) for config in state.pools), default=1) if computes else 1,
        usable_cpus=usable_cpus,
        host_cpus=noise.host_cpus or usable_cpus,
        wall_s=noise.wall_s,
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
        effective_cpus=state.cpu.effective.get(str(usable_cpus)) if state.cpu and computes else None,
        server_cpu_s=noise.server_cpu_s,
        server_alone_cpu_s=noise.server_alone_cpu_s,
    )


def was_disturbed(state: State, usable_cpus: int) -> bool:
    """Whether a disturbance is shown; one that can't be told is none."""
    judged = judge_disturbance(state, usable_cpus)
    return judged is not None and judged.disturbed is True


def who_had_the_cpus(state: State, usable_cpus: int) -> By | None:
    """Whose processes used as much as half of the CPUs that the run could have used; None where nobody's did."""
    judged = judge_disturbance(state, usable_cpus)
    sign = judged.in_the_way if judged is not None else None
    return sign.by if sign is not None and sign.numbers["others_cpus"] >= usable_cpus / 2 else None


def _traced(state: State) -> list[TracedTasks]:
    """The loop and the processes: threads wait for the GIL, which is nobody's disturbance.

    So do a cluster's workers, whose own threads receive items and send results meanwhile.
    """
    noise = state.noise
    serial = state.serial
    counted = len(serial.map) * serial.passes * (state.items or 0) if serial else 0
    loop = [TracedTasks(1, _alike(noise.loop_wall_s, noise.loop_cpu_s, counted))] if noise else []
    processes = (config for config in state.pools if config.kind in ONE_THREAD_A_WORKER)
    return loop + [_tasks(config.size, config.traced) for config in processes if config.traced]


def _tasks(workers: int, traced: TraceSummary) -> TracedTasks:
    return TracedTasks(workers, _alike(traced.tasks_wall_s, traced.tasks_cpu_s, traced.tasks), handed_out=True)


def _alike(wall: float | None, cpu: float | None, count: int) -> tuple[tuple[float, float], ...]:
    """So many tasks of equal length; many are counted as fewer and longer ones of the same totals, very short ones not.

    Only totals are kept, and only they are judged.
    """
    if not (wall and cpu and count) or cpu / count < SHORTEST_TASK_CPU_S:
        return ()
    kept = min(count, MOST_TASKS)
    return ((wall / kept, cpu / kept),) * kept


def run_was_disturbed(state: State, usable_cpus: int) -> CheckResult:
    judged = judge_disturbance(state, usable_cpus)
    if judged is None:
        return CheckResult(None, "unread")
    facts = {
        "wall_over_cpu": judged.wall_over_cpu,
        "others_cpus": judged.others_cpus,
        "server_cpus": judged.server_cpus,
        "signs": signs_in_words(judged),
    }
    more = _more_time(state) if judged.disturbed else {}
    return CheckResult(judged.disturbed, "judged" if judged.signs else "silent", facts, more)


def _more_time(state: State) -> dict[str, Any]:
    """The remedy of more rounds; none where they would hardly change the answer."""
    recommendation = recommend(state)
    return {} if recommendation and is_settled(state, recommendation) else remedies.more_repetitions(state)


def cpu_speed_changed(state: State, usable_cpus: int) -> CheckResult:
    """Whether the CPUs were slower at times for a reason outside of this machine, or for their clock."""
    known = speed_range(state.noise.fixed_loop_s) if state.noise else None
    if waits(state) is not False:
        return CheckResult(None, "waits")
    if known is None:
        return CheckResult(None, "too few")
    facts = {**known._asdict(), "loops": len(state.noise.fixed_loop_s) if state.noise else 0}
    if not known.changed:
        return CheckResult(False, "steady", facts)
    if was_disturbed(state, usable_cpus):  # by programs that share the CPUs' caches, and may be all there is to it
        return CheckResult(None, "disturbed", facts)
    more = _more_time(state)
    return CheckResult(True, "changed", facts | {"longer": Part("or for longer") if more else None}, more)


def unsettled(state: State, usable_cpus: int) -> CheckResult:
    """Whether the answer would be surer for more rounds, and what they would buy."""
    recommendation = recommend(state)
    if recommendation is None:
        return CheckResult(None, "unmeasured")
    known = certainty(state, recommendation)
    facts: dict[str, Any] = {"config": recommendation.shown, "rounds": known.rounds}
    more = remedies.more_repetitions(state)
    if known.half_width is None:
        facts["repetitions"], facts["least_repeated"] = fewest_repetitions(state, recommendation.shown)
        if state.outcome == "failed":
            return CheckResult(None, "broken off", facts)  # what it lacked is not time
        return CheckResult(True, "no interval", facts, more)
    facts |= {"low": recommendation.gain.low, "high": recommendation.gain.high}
    if known.spent_s is not None:
        facts |= {"spent_s": known.spent_s}
    if known.settled:
        facts |= _what_settles(recommendation, known.half_width)
        disturbed = was_disturbed(state, usable_cpus)
        return CheckResult(False, "settled, disturbed" if disturbed else "settled", facts)
    facts |= {"half_width": known.half_width}
    if known.more_s is not None:
        facts |= {"more_s": known.more_s, "half_width_then": known.half_width_then}
        facts["narrower"] = 1 - (known.half_width_then or 0.0) / known.half_width
    code = "wide" if known.half_width > WIDE else "open"
    return CheckResult(True if state.outcome else None, code, facts, more if state.outcome else {})


def _what_settles(recommendation: Recommendation, half_width: float) -> dict[str, Any]:
    """Of a pool to use how well its gain is known; where there is none, how far the best can't get for that.

    What is far from a gain may be known as roughly as it likes.
    """
    match recommendation.maps.outcome:
        case "loop":
            return {"settles": Part("none is faster"), "least_loss": recommendation.gain.inverse().low}
        case "no clear winner":
            return {"settles": Part("none gains"), "worth_it": WORTH_IT - 1}
        case _:
            return {"settles": Part("figures"), "half_width": half_width}
