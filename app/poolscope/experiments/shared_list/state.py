"""What a shared-list run means: its state as JSON and rows, and by import its fold, verdict and findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.experiments.shared_list.samples import State, fold, initial
from poolscope.experiments.shared_list.verdict import disagreements, findings, verdict

__all__ = ["State", "as_json", "findings", "fold", "initial", "rows", "state_of", "verdict"]


def as_json(state: State) -> dict[str, Any]:
    """The contract's `state` of a shared list, and a few fields more."""
    ledger, lock = state.ledger, state.lock
    return {
        "list": list(state.items),
        "length": ledger.length,
        "added": ledger.added,
        "removed": ledger.removed,
        "empty_polls": ledger.empty_polls,
        "expected_length": ledger.expected_length,
        "consistent": ledger.consistent,
        "lost": {
            "updates": ledger.lost_updates,
            "robbed": ledger.robbed,
            "really_added": ledger.really_added,
            "really_removed": ledger.really_removed,
            "disagreements": list(disagreements(state)),
        },
        "threads": [
            {
                "name": name,
                "role": state.roles.get(name, ""),
                "state": state_of(state, name),
                "operations": state.operations.get(name, 0),
            }
            for name in state.lanes.actors
        ],
        "lock": {
            "owner": lock.owner or None,
            "waiting": list(lock.waiting),
            "acquisitions": lock.acquisitions,
            "contended": lock.contended,
            "contended_share": lock.share_contended,
            "wait_s": {"median": lock.wait.quantile(0.5), "p99": lock.wait.quantile(0.99)},
            "hold_s": {"median": lock.hold.quantile(0.5), "p99": lock.hold.quantile(0.99)},
        },
        "log": [text for _, text in state.log],
        "steps": ledger.steps,
        "left_out": state.left_out,
        "controls": {"delay_min": state.delay_min, "delay_max": state.delay_max, "paused": state.paused},
        "ran_s": state.ran_s,
        "longest": {"length": state.longest[0], "at": (state.longest[1] - state.t0) / 1e9},
    }


def state_of(state: State, name: str) -> str:
    """The state that a thread is in now; 'done' once it has ended. Who does not rest is at work between two looks."""
    span = state.lanes.now.get(name)
    if span:
        return span.state
    return "done" if state.ended else "running" if state.delay_max == 0 and not state.paused else "sleeping"


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The result as a table: a row a thread."""
    table: list[Sequence[object]] = [
        (name, state.roles.get(name, ""), state.operations.get(name, 0)) for name in state.lanes.actors
    ]
    return ("thread", "role", "operations"), table
