"""The state of a failures run as JSON and as tables: its outcomes, the matrix, and what the sentinel found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from poolscope.experiments.failures.catalogue import FAULTS, SCENARIOS, SIDE_BY_SIDE, TOOLS
from poolscope.experiments.failures.messages import case_sentence
from poolscope.experiments.failures.payloads import CaseLeftovers, LockGraph
from poolscope.experiments.failures.state import Case, FailuresState
from poolscope.protocol import codec

NOWHERE = "nowhere"
KINDS = tuple(each.name for each in fields(CaseLeftovers))


def as_json(state: FailuresState) -> dict[str, Any]:
    """The contract's `state`: a row a chosen scenario, for which its first case stands, and all its `cases`."""
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
    shown = [_case(case) for case in cases]
    return {
        **first,
        **(shown[0] if shown else {}),
        "scenario": name,
        "title": scenario.title,
        "explanation": scenario.explanation,
        "cases": shown,
    }


def _case(case: Case) -> dict[str, Any]:
    seen = case.surfaced
    exception = {"type": seen.type, "message": seen.message, "traceback": seen.traceback} if seen else None
    return {
        "case": case.case,
        "outcome": case.ending,
        "sentence": case_sentence(case),
        "surfaced_in": seen.surfaced_in if seen else NOWHERE,
        "exception": exception,
        "noticed_s": case.noticed_s,
        "kept": list(case.kept),
        "lost": list(case.lost),
        "cleaned": case.observed.cleaned.sentence if case.observed.cleaned else "",
        "orphans": list(case.orphans),
        "left": {kind: list(things) for kind, things in case.left.items()},
        "exit": codec.to_json(case.observed.exited) if case.observed.exited else None,
        "seconds": case.seconds,
        "moments": [
            {"at": (m.t - case.began) / 1e9, "text": m.text, "state": m.state, "actor": m.actor} for m in case.moments
        ],
        "facts": _facts(case),
    }


def _facts(case: Case) -> dict[str, Any]:
    """What only some cases observe, by name; what a case did not look at is left out."""
    seen = case.observed
    found: dict[str, Any] = {
        "usable": seen.usable,
        "graph": None if seen.graph is None else _graph(seen.graph),
        "stacks": dict(seen.stacks) or None,
        "log": [codec.to_json(error) for error in seen.logged] or None,
        "bytes": codec.to_json(seen.output) if seen.output else None,
        "grew": seen.grown,
        "stderr": seen.stderr or None,
        "error_callback": None if seen.error_callbacks is None else list(seen.error_callbacks),
    }
    exit_code = {"exitcode": seen.exit_code.code} if seen.exit_code else {}
    return {name: value for name, value in found.items() if value is not None} | exit_code


def _graph(graph: LockGraph) -> dict[str, Any]:
    edges = [{"from": edge.waiter, "lock": edge.lock, "to": edge.owner} for edge in graph.edges]
    return {"edges": edges, "cycle": list(graph.cycle)}


def matrix(state: FailuresState) -> list[dict[str, Any]]:
    """The same fault under each kind of pool: one entry a cell that has been run."""
    cells = {case.case: case for case in state.of(SIDE_BY_SIDE)}
    found = []
    for fault in FAULTS:
        for tool in (*TOOLS, *state.params.engines):
            if (case := cells.get(f"{fault} / {tool}")) is not None:
                seen = case.surfaced
                found.append(
                    {
                        "fault": fault,
                        "tool": tool,
                        "outcome": case.ending,
                        "exception": seen.type if seen else None,
                        "surfaced_in": seen.surfaced_in if seen else NOWHERE,
                        "kept": len(case.kept),
                        "lost": case.tasks - len(case.kept),
                    }
                )
    return found


def left(state: FailuresState) -> dict[str, list[str]]:
    """What the sentinel found after any case, by kind, each thing with its case."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for key, case in state.cases.items():
        for kind, things in case.left.items():
            found[kind] += [f"{thing} ({key})" for thing in things]
    return found


def rows(state: FailuresState) -> tuple[Sequence[str], list[Sequence[object]]]:
    """A row a case."""
    header = ("scenario", "case", "outcome", "surfaced in", "exception", "kept", "lost", "orphans", "seconds", "what")
    return header, [
        (
            case.scenario,
            case.case,
            case.ending,
            case.surfaced.surfaced_in if case.surfaced else NOWHERE,
            case.surfaced.type if case.surfaced else "",
            "; ".join(case.kept),
            "; ".join(case.lost),
            "; ".join(case.orphans),
            "" if case.seconds is None else case.seconds,
            case_sentence(case),
        )
        for case in state.cases.values()
    ]
