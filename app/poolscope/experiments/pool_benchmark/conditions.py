"""Conditions on a run's result, such as 'speedup<1.5': read strictly, and judged by what the intervals show.

A condition holds, does not hold, or (None) can't be told: a difference counts only where an interval excludes the
contrary, and a disturbed run shows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from statistics import median
from typing import Any, Protocol

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.parameters import quoted
from poolscope.experiments.pool_benchmark.findings.validity import was_disturbed
from poolscope.experiments.pool_benchmark.messages import condition_sentence
from poolscope.experiments.pool_benchmark.params import ALL, SYNONYMS
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.work import why_unfounded
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import PlannedConfiguration
from poolscope.stats.intervals import Ratio, ratio
from poolscope.text.numbers import interval_of

FORMS = (
    "speedup<1.5, winner=process, winner!=process,pool, slower:RUN, slower>10%:RUN (a run's id, or a file with its "
    "JSON) or undecided"
)
MARGIN = 0.05  # of a slow-down whose size was not said
# What makes a configuration: the fields of its plan, as the JSON calls them too, but for those that come of the others.
FOLLOWING = ("key", "chunk_used", "spare_workers", "method")
IDENTITY = {part.name: part.default for part in fields(PlannedConfiguration) if part.name not in FOLLOWING}
NUMBER = r"(\d{1,6}(?:\.\d{1,6})?)"


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """What became of a condition; `sentence` says so with its numbers."""

    text: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether it holds, and why, as a code of `messages` and its facts."""

    holds: bool | None
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Condition(Protocol):
    """One condition. `run` names the saved run that it compares with, '' where there is none."""

    @property
    def run(self) -> str: ...

    def judge(self, state: State, recommendation: Recommendation, earlier: EarlierRun | None) -> Judged: ...


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """The times of a saved run in seconds, by what makes a configuration."""

    name: str
    work: tuple[object, ...]
    machine: tuple[object, ...]
    times: Mapping[tuple[object, ...], tuple[float, ...]]


# The conditions


@dataclass(frozen=True, slots=True)
class SpeedupBelow:
    """The recommended pool, or the fastest where none is, is less than `bound` times as fast as the plain loop."""

    bound: float
    run: str = ""

    def judge(self, state: State, recommendation: Recommendation, earlier: EarlierRun | None) -> Judged:
        gain, config = recommendation.gain, recommendation.config
        shown = recommendation.best if config is None or config.serial else config
        facts = {"config": shown, "gain": gain, "ci": interval_of(gain) or None}
        if gain.low is None or gain.high is None:
            return Judged(None, "few repetitions", facts)
        if gain.high < self.bound:
            return Judged(True, "speed-up", facts)
        # The best of many may just be the luckiest, unless it is recommended.
        return Judged(False if gain.low >= self.bound and config is not None else None, "speed-up", facts)


@dataclass(frozen=True, slots=True)
class WinnerIs:
    """The recommended kind is one of these, or with `negated` none of them."""

    kinds: tuple[str, ...]
    negated: bool
    run: str = ""

    def judge(self, state: State, recommendation: Recommendation, earlier: EarlierRun | None) -> Judged:
        config = recommendation.config
        if config is None:
            return Judged(None, "no winner")
        if config.kind in self.kinds:
            return Judged(not self.negated, "winner", {"config": config})
        tied = [other for other in recommendation.others if other.kind in self.kinds]
        if tied:
            return Judged(None, "tied", {"config": config, "other": tied[0]})
        return Judged(self.negated, "winner", {"config": config})


@dataclass(frozen=True, slots=True)
class SlowerThan:
    """The plain loop or the recommended pool takes longer by more than `margin` than it did in a saved run."""

    run: str
    margin: float

    def judge(self, state: State, recommendation: Recommendation, earlier: EarlierRun | None) -> Judged:
        assert earlier is not None, f"{self.run} is read before anything is started"
        facts: dict[str, Any] = {"run": earlier.name}
        if earlier.work != work_of(state):
            return Judged(None, "other work", facts)
        if earlier.machine != machine_of(state):
            return Judged(None, "other machine", facts)
        config = recommendation.config or recommendation.best
        found = []
        for one in dict.fromkeys(filter(None, (state.serial, config))):
            before = earlier.times.get(identity(one))
            if before and one.map:
                found.append((one, ratio(one.map, before), median(before)))
        if not found:
            return Judged(None, "nothing in common", facts)
        shown = [slower(change, self.margin) for _, change, _ in found]
        # What is shown counts before what can't be told, and that before what is shown to be as fast as before.
        worst = max(range(len(found)), key=lambda at: (shown[at] is True, shown[at] is None, found[at][1].value))
        one, change, before_s = found[worst]
        facts |= {"config": one, "change": change, "now_s": median(one.map), "before_s": before_s}
        return Judged(shown[worst], "change", {**facts, "ci": interval_of(change) or None})


@dataclass(frozen=True, slots=True)
class Undecided:
    """The run was disturbed, or found no clear winner."""

    run: str = ""

    def judge(self, state: State, recommendation: Recommendation, earlier: EarlierRun | None) -> Judged:
        config = recommendation.config
        return Judged(True, "no winner") if config is None else Judged(False, "winner", {"config": config})


def slower(change: Ratio, margin: float) -> bool | None:
    """Whether a time is shown to have grown by more than the margin."""
    if change.low is None or change.high is None:
        return None
    return True if change.low > 1 + margin else False if change.high <= 1 + margin else None


# Reading


def conditions(texts: Sequence[str]) -> list[tuple[str, Condition]]:
    """The conditions as they were written and read. Raises BadParameters for one that is none."""
    read = [(text, condition(text)) for text in texts]
    errors = [
        ParameterError("--fail-if", f"--fail-if must be of the form {FORMS}; {quoted(text)} is not.")
        for text, found in read
        if found is None
    ]
    if errors:
        raise BadParameters(tuple(errors))
    return [(text, found) for text, found in read if found is not None]


def condition(text: str) -> Condition | None:
    """The condition that a text means; None for one that means nothing."""
    text = text.strip()
    if found := re.fullmatch(rf"speed-?up\s*<\s*{NUMBER}", text):
        return SpeedupBelow(float(found[1])) if float(found[1]) > 0 else None
    if found := re.fullmatch(r"winner\s*(!=|==?)\s*(.+)", text):
        kinds = [kind_called(word) for word in found[2].split(",")]
        return WinnerIs(tuple(filter(None, kinds)), found[1] == "!=") if all(kinds) else None
    if found := re.fullmatch(rf"slower(?:\s*>\s*{NUMBER}\s*%)?\s*:\s*(\S.*)", text):
        return SlowerThan(found[2], MARGIN if found[1] is None else float(found[1]) / 100)
    return Undecided() if text == "undecided" else None


def kind_called(word: str) -> str | None:
    """The kind that a word means; 'loop' is the plain loop."""
    word = word.strip().lower()
    kind = SERIAL if word == "loop" else SYNONYMS.get(word)
    return None if kind == ALL else kind


# Judging


def judge(text: str, asked: Condition, state: State, usable_cpus: int, earlier: EarlierRun | None) -> ConditionResult:
    """Whether a condition holds of a run that has ended."""
    recommendation = recommend(state)
    if was_disturbed(state, usable_cpus):
        judged = Judged(True if isinstance(asked, Undecided) else None, "disturbed")
    elif recommendation is None:
        judged = Judged(True if isinstance(asked, Undecided) else None, "nothing measured")
    elif why_unfounded(state):
        judged = Judged(True if isinstance(asked, Undecided) else None, "unfounded")
    else:
        judged = asked.judge(state, recommendation, earlier)
    outcome = {True: "holds", False: "does not hold", None: "unknown"}[judged.holds]
    return ConditionResult(text, judged.holds, condition_sentence(state, text, outcome, judged.code, judged.facts))


def identity(config: Configuration) -> tuple[object, ...]:
    """What makes a configuration in another run, too."""
    return tuple(getattr(config, name) for name in IDENTITY)


def work_of(state: State) -> tuple[object, ...]:
    """What two runs must have in common to be compared: the work, the length of a call and the items."""
    return (state.params.workload, state.params.work_ms, state.items)


def machine_of(state: State) -> tuple[object, ...]:
    """What two runs' machines must have in common."""
    return (state.machine.usable_cpus, state.machine.cpu) if state.machine else ()


def earlier_run(name: str, document: Any) -> EarlierRun:
    """A run's times out of its JSON. Raises BadParameters for what is no run of the pool benchmark."""
    try:
        return _earlier_run(name, document)
    except (LookupError, TypeError, ValueError, AttributeError):
        raise BadParameters(
            (ParameterError("--fail-if", f"{name} is no run of which-pool as `poolscope measure --json` prints it."),)
        ) from None


def _earlier_run(name: str, document: Any) -> EarlierRun:
    state, params, conditions = document["state"], document["params"], document["conditions"]
    machine = (conditions["usable_cpus"], conditions["cpu"])
    if document["experiment"] == "pool-sizes":
        work = (params["workload"], params["work_ms"], params["last"] - params["first"] + 1)
        method = params["start_method"] or ""
        cells = [
            {
                "kind": "pool",
                "size": each["pool_size"],
                "chunksize": params["chunksize"],
                "start_method": method,
                "python": "",
                "wall_s": each["map_s"],
            }
            for each in state["sizes"]
        ]
        loops = [{"python": "", "wall_s": state["serial"]}]
    else:
        work = (params["workload"], params["work_ms"], state["items"])
        cells, loops = state["cells"], state["loops"]
    # A file of an earlier version knows fewer of the fields: then they had no other value.
    times = {
        tuple(each.get(part, default) for part, default in IDENTITY.items()): each["wall_s"]["samples"]
        for each in [*({"kind": SERIAL, **loop} for loop in loops), *cells]
    }
    return EarlierRun(name, work, machine, {key: tuple(map(float, samples)) for key, samples in times.items()})
