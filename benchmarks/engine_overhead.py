"""What our wrapping of an engine costs: its map through Poolscope over the same chunks handed to the bare executor.

Tasks of 20 ms in two workers of loky and of dask, in turns. Both sides cut the items into the same chunks, send the
same function, and begin with workers that have imported it and have done work; both sides use one dask cluster, by a
client of their own each time. The ratio of a pair is the map's time through `measure` over that of the bare executor.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import distributed
import loky
from _report import Claims, asked, heading, progress
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.own_cluster import OwnClusters
from poolscope.runner.pools.worker_side import run_chunk
from poolscope.runner.recorder import Recorder
from poolscope.workloads.work import Work, set_up

WORKERS, ITEMS, CHUNK, LENGTH_MS = 2, 40, 5, 20.0
PASSES = 3
MOST = 1.05


@contextmanager
def bare_dask(work: Work) -> Iterator[Executor]:
    cluster = work.own_clusters.dask(WORKERS)
    cluster.go_on()
    with (
        distributed.Client(cluster.address, set_as_default=False) as client,
        client.get_executor(pure=False) as executor,
    ):
        yield executor


BARE: dict[str, Callable[[Work], AbstractContextManager[Executor]]] = {
    "loky": lambda _: loky.ProcessPoolExecutor(WORKERS),
    "dask": bare_dask,
}


def bare(kind: str, work: Work) -> float:
    """Seconds of a map by a bare executor, the mean of PASSES after one that brings all workers to work."""
    chunks = [work.items[at : at + CHUNK] for at in range(0, ITEMS, CHUNK)]
    with BARE[kind](work) as executor:
        for number in range(1 + PASSES):
            if number == 1:
                began = perf_counter()
            tasks = [executor.submit(run_chunk, work.function, chunk) for chunk in chunks]
            results = [result for task in tasks for result in task.result()]
        seconds = (perf_counter() - began) / PASSES
    assert len(results) == ITEMS
    return seconds


def wrapped(kind: str, work: Work, recorder: Recorder, scratch: Path) -> float:
    """The same through Poolscope, whose workers have answered and imported the work before."""
    use = PoolUse(kind, WORKERS, chunksize=CHUNK)
    return measure(RunContext(recorder, scratch), use, work, passes=PASSES).map / 1e9


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("wb") as nowhere:
        scratch = Path(folder)
        recorder = Recorder(nowhere.fileno())
        clusters = OwnClusters(folder)
        work = replace(set_up("sum-of-squares", LENGTH_MS, ITEMS, scratch), own_clusters=clusters)
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
        clusters.end()
        recorder.close()
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
