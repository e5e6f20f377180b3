"""Which kind of pool, how large and with what chunks, in a sentence that the intervals support."""

from __future__ import annotations

from app.experiments.verdicts import Verdict
from app.experiments.which_pool.samples import State


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """None until every setting has the few repetitions that an interval takes, or the run is over with less."""
    return None
