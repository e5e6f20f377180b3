"""The checks that a which-pool run goes through; each holds, does not, or can't be told, with its numbers."""

from __future__ import annotations

from app.experiments.verdicts import Finding
from app.experiments.which_pool.samples import State


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check, in the order in which they matter; none before the plain loop and a pool have a sample."""
    return ()
