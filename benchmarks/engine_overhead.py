"""What our wrapping of an engine costs: its map through Poolscope over the same chunks handed to the bare executor.

Tasks of 20 ms in two workers of loky and of dask, in one process and in turns. Both sides cut the items into the same
chunks and have warm workers; the ratio of a pair is the map's time through `measure` over that of the bare executor.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import perf_counter, sleep

import distributed
import loky
from _report import Claims, asked, heading, progress
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.pools.kinds import measure
from poolscope.runner.recorder import Recorder
from poolscope.workloads.work import Work, set_up

WORKERS, ITEMS, CHUNK, LENGTH_MS = 2, 40, 5, 20.0
PASSES = 3
READY_S = 0.1  # that a first task holds its worker, so that the other one takes the next
MOST = 1.05


def run_chunk(function: Callable[[int], object], chunk: Sequence[int]) -> list[object]:
    return [function(item) for item in chunk]


@contextmanager
def bare_dask() -> Iterator[Executor]:
    with (
        distributed.LocalCluster(
            n_workers=WORKERS,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client.get_executor(pure=False)


BARE: dict[str, Callable[[], AbstractContextManager[Executor]]] = {
    "loky": lambda: loky.ProcessPoolExecutor(WORKERS),
    "dask": bare_dask,
}


def bare(kind: str, work: Work) -> float:
    """Seconds of a map by a bare executor whose workers have done a task each before, the mean of PASSES."""
    chunks = [work.items[at : at + CHUNK] for at in range(0, ITEMS, CHUNK)]
    with BARE[kind]() as executor:
        for ready in [executor.submit(sleep, READY_S) for _ in range(WORKERS)]:
            ready.result()
        began = perf_counter()
        for _ in range(PASSES):
            tasks = [executor.submit(run_chunk, work.function, chunk) for chunk in chunks]
            results = [result for task in tasks for result in task.result()]
        seconds = (perf_counter() - began) / PASSES
    assert len(results) == ITEMS
    return seconds


def wrapped(kind: str, work: Work, recorder: Recorder, scratch: Path) -> float:
    """The same through Poolscope."""
    use = PoolUse(kind, WORKERS, chunksize=CHUNK)
    return measure(RunContext(recorder, scratch), use, work, passes=PASSES).map / 1e9


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("wb") as nowhere:
        scratch = Path(folder)
        recorder = Recorder(nowhere.fileno())
        work = set_up("sum-of-squares", LENGTH_MS, ITEMS, scratch)
        for kind in BARE:
            ratios = []
            for pair in range(2 if quick else 12):
                progress(f"{kind}: pair {pair + 1}")
                sides = [lambda kind=kind: bare(kind, work), lambda kind=kind: wrapped(kind, work, recorder, scratch)]
                times = [side() for side in (sides if pair % 2 else sides[::-1])]
                without, with_poolscope = times if pair % 2 else times[::-1]
                ratios.append(with_poolscope / without)
            progress("")
            claims.median_at_most(f"{kind}: map through Poolscope over the bare executor", ratios, MOST)
        recorder.close()
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
