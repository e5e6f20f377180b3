"""Asks the noise detectors whether something else on the machine spoiled a sharing run."""

from __future__ import annotations

from poolscope.experiments.sharing.state import SharingState
from poolscope.stats.disturbance import Disturbance, beside_us, disturbance


def disturbed(state: SharingState, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the run's end, when they are read.

    Operations on shared data wait for each other by nature, so only what others used can tell, not how long ours took.
    """
    noise = state.noise
    if noise is None:
        return None
    others_cpu_s, throttled_rise = beside_us(noise)
    return disturbance(
        (),
        workers=max(2, state.params.workers),  # most hand-overs have two sides however few workers are asked for
        usable_cpus=usable_cpus,
        host_cpus=noise.host_cpus or usable_cpus,
        wall_s=noise.wall_s,
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
        server_cpu_s=noise.server_cpu_s,
    )
