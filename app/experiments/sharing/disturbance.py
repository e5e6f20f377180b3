"""Asks the noise detectors whether something else on the machine spoiled a sharing run."""

from __future__ import annotations

from app.experiments.sharing.samples import State
from app.measure.noise import Disturbance, disturbance


def disturbed(state: State, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the run's end, when they are read.

    Operations on shared data wait for each other by nature, so only what others used can tell, not how long ours took.
    """
    noise = state.noise
    if not noise:
        return None
    busy, own = noise.get("host_busy_s"), noise.get("own_cpu_s")
    before, after = noise.get("throttled_before"), noise.get("throttled_after")
    return disturbance(
        (),
        workers=max(2, state.params.workers),  # most hand-overs have two sides however few workers are asked for
        usable_cpus=usable_cpus,
        host_cpus=noise.get("host_cpus") or usable_cpus,
        wall_s=noise["wall_s"],
        others_cpu_s=None if busy is None or own is None else max(0.0, busy - own),
        throttled_rise=None if before is None or after is None else after - before,
    )
