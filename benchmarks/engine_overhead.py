"""What our wrapping of an engine costs: its map through Poolscope over the same chunks handed to the bare executor.

Tasks of 20 ms in two workers of loky and of dask, in turns. Both sides cut the items into the same chunks, send the
same function, and begin with workers that have imported it and have done work; both sides use one dask cluster, by a
client of their own each time. The ratio of a pair is the map's time through `measure` over that of the bare executor.

Maps of 3 s are looked at once a second, how far they are. Of these the ratio of a pair is the time with looks over that
without; joblib is among them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter

import distributed
import loky
from _report import Claims, asked, heading, progress
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.pools import map_watch
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.own_cluster import OwnClusters
from poolscope.runner.pools.worker_side import run_chunk
from poolscope.runner.recorder import Recorder
from poolscope.workloads.work import Work, set_up

WORKERS, ITEMS, CHUNK, LENGTH_MS = 2, 40, 5, 20.0
PASSES = 3
MOST = 1.05
WATCHED, LONG_ITEMS, MOST_WATCHED = ("loky", "joblib", "dask"), 300, 1.01
NEVER_S = 3600.0


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


def wrapped(kind: str, work: Work, recorder: Recorder, scratch: Path, passes: int = PASSES) -> float:
    """The same through Poolscope, whose workers have answered and imported the work before."""
    use = PoolUse(kind, WORKERS, chunksize=CHUNK)
    return measure(RunContext(recorder, scratch), use, work, passes=passes).map / 1e9


def looked_at(kind: str, work: Work, recorder: Recorder, scratch: Path, every_s: float) -> float:
    """Seconds of one map that is looked at so often."""
    map_watch.EVERY_S = every_s
    return wrapped(kind, work, recorder, scratch, passes=1)


def ratio_of_pair(pair: int, one: Callable[[], float], other: Callable[[], float]) -> float:
    """One over the other, of which every second pair has the other first."""
    if pair % 2:
        first = other()
        return one() / first
    return one() / other()


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims, pairs = Claims(quick), 2 if quick else 12
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("wb") as nowhere:
        scratch = Path(folder)
        recorder = Recorder(nowhere.fileno())
        clusters = OwnClusters(folder)
        work = replace(set_up("sum-of-squares", LENGTH_MS, ITEMS, scratch), own_clusters=clusters)
        for kind in BARE:
            ratios = []
            for pair in range(pairs):
                progress(f"{kind}: pair {pair + 1}")
                through, plain = partial(wrapped, kind, work, recorder, scratch), partial(bare, kind, work)
                ratios.append(ratio_of_pair(pair, through, plain))
            claims.median_at_most(f"{kind}: map through Poolscope over the bare executor", ratios, MOST)
        long = replace(set_up("sum-of-squares", LENGTH_MS, LONG_ITEMS, scratch), own_clusters=clusters)
        every_s = map_watch.EVERY_S
        for kind in WATCHED:
            ratios = []
            for pair in range(pairs):
                progress(f"{kind}, looked at: pair {pair + 1}")
                with_looks, without = (
                    partial(looked_at, kind, long, recorder, scratch, each_s) for each_s in (every_s, NEVER_S)
                )
                ratios.append(ratio_of_pair(pair, with_looks, without))
            claims.median_at_most(f"{kind}: a map that is looked at over one that is not", ratios, MOST_WATCHED)
        progress("")
        clusters.end()
        recorder.close()
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
