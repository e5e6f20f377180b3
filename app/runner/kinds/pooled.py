"""multiprocessing.Pool as one of the kinds; app.runner.pools does it."""

from __future__ import annotations

from collections.abc import Sequence

from app.runner import memory, pools
from app.runner.kinds.passage import Passage, parted
from app.runner.stage import Stage
from app.runner.work import Work


def through_a_pool(stage: Stage, start_method: str, size: int, chunksize: int, work: Work, tracing: bool) -> Passage:
    setting = pools.Setting(start_method, chunksize=chunksize)
    seen: list[memory.Memory] = []

    def look(pids: Sequence[int]) -> None:
        seen.append(memory.of_processes(pids))

    function = pools.traced(work.function) if tracing else work.function
    done = pools.through_a_pool(stage, setting, size, function, work.items, work.setup, look if tracing else None)
    passage = Passage(
        start=done.start,
        first_ready=done.first_ready,
        map=done.map,
        stop=done.stop,
        asked=done.asked,
        workers=done.pids,
        results=done.results,
        collections=done.collections,
    )
    return parted(passage, seen[0]) if seen else passage
