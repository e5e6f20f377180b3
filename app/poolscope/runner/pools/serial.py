"""The plain loop: one call after the other in the main thread, which everything else is measured against."""

from __future__ import annotations

import gc
import threading
from time import perf_counter_ns, process_time_ns

from poolscope.machine import memory
from poolscope.runner.context import RunContext
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.measurement import Measurement, parted
from poolscope.runner.pools.mp_pool import check_set_up, collections_so_far, traced
from poolscope.workloads.work import Work


def measure_loop(stage: RunContext, work: Work, tracing: bool) -> Measurement:
    """The same function over the same items in this process, under the same manners as a pool's."""
    function = traced(work.function, worker_side.traced_beside) if tracing else work.function
    gc.collect()
    collections = collections_so_far()
    before = memory.of_self() if tracing else 0
    with stage.recorder.quiet(), stage.interruptible():
        check_set_up([worker_side.trouble_of(work.setup)])
        cpu = process_time_ns()
        asked = perf_counter_ns()
        results = [function(item) for item in work.items]
        got = perf_counter_ns()
        cpu = process_time_ns() - cpu
    measurement = Measurement(
        start=0,
        first_ready=0,
        map=got - asked,
        stop=0,
        asked=asked,
        workers=(threading.get_native_id(),),
        results=results,
        collections=collections_so_far() - collections,
        cpu=cpu,
    )
    return parted(measurement, memory.of_this_process(1, before)) if tracing else measurement
