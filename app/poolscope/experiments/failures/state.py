"""What a failures run means: its outcomes as JSON and rows, the matrix, a verdict, and what the sentinel found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.experiments.failures.catalogue import FAULTS, SCENARIOS, TOOLS
from poolscope.experiments.failures.samples import NOT_TRIED, UNTOLD, Case, State, fold, initial
from poolscope.experiments.findings import Finding, Verdict
from poolscope.text.language import format_list

__all__ = ["Case", "State", "as_json", "findings", "fold", "initial", "matrix", "rows", "verdict"]

NOWHERE = "nowhere"
KINDS = ("processes", "zombies", "segments", "semaphores", "threads", "descriptors")


def as_json(state: State) -> dict[str, Any]:
    """The contract's `state`: a row a chosen scenario, told by its first case, and all its cases in `cases`."""
    return {
        "scenarios": [_scenario(name, state.of(name)) for name in state.scenarios],
        "matrix": matrix(state),
        "left": left(state),
        "done": state.done,
        "total": state.total,
    }


def _scenario(name: str, cases: list[Case]) -> dict[str, Any]:
    scenario = SCENARIOS[name]
    first: dict[str, Any] = {
        "outcome": "not run yet",
        "surfaced_in": "",
        "exception": None,
        "kept": [],
        "lost": [],
        "orphans": [],
        "seconds": None,
    }
    told = [_case(case) for case in cases]
    return {
        **first,
        **(told[0] if told else {}),
        "scenario": name,
        "title": scenario.title,
        "explanation": scenario.explanation,
        "cases": told,
    }


def _case(case: Case) -> dict[str, Any]:
    seen = case.surfaced
    exception = {"type": seen.type, "message": seen.message, "traceback": seen.traceback} if seen else None
    facts = {
        name: case.facts[name]
        for name in ("usable", "exitcode", "graph", "stacks", "log", "bytes", "grew", "stderr", "error_callback")
        if name in case.facts
    }
    return {
        "case": case.case,
        "outcome": case.outcome,
        "sentence": case.sentence,
        "surfaced_in": seen.surfaced_in if seen else NOWHERE,
        "exception": exception,
        "noticed_s": case.noticed_s,
        "kept": case.kept,
        "lost": case.lost,
        "cleaned": case.facts.get("cleaned", ""),
        "orphans": case.orphans,
        "left": case.left,
        "exit": case.facts.get("exit"),
        "seconds": case.seconds,
        "moments": [
            {"at": (m.t - case.began) / 1e9, "text": m.text, "state": m.state, "actor": m.actor} for m in case.moments
        ],
        "facts": facts,
    }


def matrix(state: State) -> list[dict[str, Any]]:
    """The same fault under each kind of pool: one entry a cell that has been run."""
    cells = {case.case: case for case in state.of("side-by-side")}
    found = []
    for fault in FAULTS:
        for tool in TOOLS:
            if (case := cells.get(f"{fault} / {tool}")) is not None:
                seen = case.surfaced
                found.append(
                    {
                        "fault": fault,
                        "tool": tool,
                        "outcome": case.outcome,
                        "exception": seen.type if seen else None,
                        "surfaced_in": seen.surfaced_in if seen else NOWHERE,
                        "kept": len(case.kept),
                        "lost": len(case.lost),
                    }
                )
    return found


def left(state: State) -> dict[str, list[str]]:
    """What the sentinel found after any case, by kind, each thing with its case."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for key, case in state.cases.items():
        for kind, things in case.left.items():
            found[kind] += [f"{thing} ({key})" for thing in things]
    return found


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """A row a case."""
    header = ("scenario", "case", "outcome", "surfaced in", "exception", "kept", "lost", "orphans", "seconds", "what")
    return header, [
        (
            case.scenario,
            case.case,
            case.outcome,
            case.surfaced.surfaced_in if case.surfaced else NOWHERE,
            case.surfaced.type if case.surfaced else "",
            "; ".join(case.kept),
            "; ".join(case.lost),
            "; ".join(case.orphans),
            "" if case.seconds is None else case.seconds,
            case.sentence,
        )
        for case in state.cases.values()
    ]


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """One scenario: its own outcome. Several: in how many cases nobody would have been told. None while it runs."""
    ended = [case for case in state.cases.values() if case.seconds is not None and case.outcome not in NOT_TRIED]
    if not state.outcome or not ended:
        return None
    if len(state.scenarios) == 1 and len(state.of(state.scenarios[0])) == 1:
        return Verdict(ended[0].sentence, SCENARIOS[ended[0].scenario].explanation)
    untold = [case for case in ended if case.outcome in UNTOLD]
    named = list(dict.fromkeys(SCENARIOS[case.scenario].title for case in untold))
    headline = f"In {len(untold)} of {len(ended)} cases nobody who waited was told."
    if not untold:
        headline = "Nobody waited in vain" + (f" in any of {len(ended)} cases." if len(ended) > 1 else ".")
    rest = [f"These were: {format_list(named if len(named) < 6 else [*named[:4], 'others'])}."] if named else []
    rest.append(_left_in_words(state))
    return Verdict(headline, " ".join(rest))


def _left_in_words(state: State) -> str:
    found = {kind: things for kind, things in left(state).items() if things}
    if not found:
        return "After each case nothing was left: no process, zombie, segment, semaphore, thread or descriptor."
    return (
        "Left and then ended: " + "; ".join(f"{kind}: {', '.join(things[:3])}" for kind, things in found.items()) + "."
    )


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """What the sentinel proves, and cases that went wrong themselves."""
    ended = [case for case in state.cases.values() if "left" in case.facts]
    if not state.outcome or not ended:
        return ()
    counts = {kind: float(len(things)) for kind, things in left(state).items()}
    found = [Finding("nothing is left behind", not any(counts.values()), _left_in_words(state), counts)]
    broken = [case for case in ended if case.outcome == "broken"]
    if broken:
        said = "; ".join(f"{case.scenario}: {case.sentence}" for case in broken)
        found.append(Finding("every case told its outcome", False, said, {"broken": float(len(broken))}))
    return tuple(found)
