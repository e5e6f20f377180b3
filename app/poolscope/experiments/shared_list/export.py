"""The state of a shared list as JSON and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from poolscope.experiments.shared_list import messages
from poolscope.experiments.shared_list.judgement import disagreements
from poolscope.experiments.shared_list.state import SharedListState, state_of


def as_json(state: SharedListState) -> dict[str, Any]:
    """The contract's `state` of a shared list, and a few fields more."""
    counts, lock = state.counts, state.lock
    return {
        "list": list(state.items),
        "length": counts.length,
        "added": counts.added,
        "removed": counts.removed,
        "empty_polls": counts.empty_polls,
        "expected_length": state.expected_length,
        "consistent": state.consistent,
        "lost": {
            "updates": state.lost_updates,
            "robbed": counts.robbed,
            "really_added": counts.really_added,
            "really_removed": counts.really_removed,
            "disagreements": [messages.disagreement(pair) for pair in disagreements(state)],
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
            "owner": lock.seen.owner,
            "waiting": list(lock.seen.waiting),
            "acquisitions": lock.seen.acquisitions,
            "contended": lock.seen.contended,
            "contended_share": lock.share_contended,
            "wait_s": {"median": lock.wait.quantile(0.5), "p99": lock.wait.quantile(0.99)},
            "hold_s": {"median": lock.hold.quantile(0.5), "p99": lock.hold.quantile(0.99)},
        },
        "log": [line for _, line in log(state)],
        "steps": state.all_steps,
        "left_out": state.left_out,
        "controls": {"delay_min": state.delay_min, "delay_max": state.delay_max, "paused": state.paused},
        "ran_s": state.ran_s,
        "longest": {"length": state.longest[0], "at": (state.longest[1] - state.t0) / 1e9},
    }


def log(state: SharedListState) -> list[tuple[int, str]]:
    """The newest steps in words, with their stamps."""
    return [(step.t, messages.log_line(step)) for step in state.steps]


def rows(state: SharedListState) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The result as a table: a row a thread."""
    table: list[Sequence[object]] = [
        (name, state.roles.get(name, ""), state.operations.get(name, 0)) for name in state.lanes.actors
    ]
    return ("thread", "role", "operations"), table
