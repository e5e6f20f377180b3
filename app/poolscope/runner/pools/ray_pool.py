"""ray's multiprocessing.Pool: actors as workers, on a cluster that is there, else on a ray of the run's own.

This process connects with each pool and disconnects after it; each pool has new workers. Its `map` keeps to the chunk
size that it is given, and deals chunks out in turn, whoever is free: so of as many first tasks as there are workers
each goes to another one.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any

from poolscope.protocol.kinds import PoolUse, kind_of_cluster
from poolscope.protocol.payloads import ShippedOnce
from poolscope.runner.context import WorkerDied
from poolscope.runner.pools import worker_side
from poolscope.runner.pools.engines import Answer, EnginePool, in_turns
from poolscope.runner.pools.handshake import PoolFailed, needed_by_workers
from poolscope.runner.pools.measurement import Call, Unmonitored
from poolscope.runner.pools.own_cluster import OwnCluster
from poolscope.workloads.work import Work


class RayPool(EnginePool):
    pool: Any = None

    def __init__(self, use: PoolUse, work: Work) -> None:
        self.own: OwnCluster | None = None
        self.address = work.cluster if kind_of_cluster(work.cluster) == "ray" else ""
        if not self.address:
            if work.own_clusters is None:
                raise PoolFailed("ray was given no cluster.")
            cluster: OwnCluster = work.own_clusters.ray()
            self.own, self.cluster_start = cluster, cluster.start_ns
            self.address = cluster.address
        super().__init__(use, work)

    def open(self) -> None:
        self.ray = import_module("ray")
        if self.own is not None:
            self.own.go_on()
        try:
            with signals_kept():
                self.connect()
            self.pool = import_module("ray.util.multiprocessing").Pool(self.size)
            if self.own is not None:
                self.ours = self.own.pids()
        except BaseException:
            self.disconnect()
            raise

    def connect(self) -> None:
        try:
            # A client of a cluster elsewhere takes no option of ray.init but the address.
            quiet = {"configure_logging": False, "log_to_driver": False} if self.own else {}
            self.ray.init(self.address, **quiet)
        except (OSError, RuntimeError, ImportError) as error:
            raise PoolFailed(f"The ray cluster {self.address} can't be used: {error}.") from None
        cpus = int(self.ray.cluster_resources().get("CPU", 0))
        if cpus < self.size:
            raise PoolFailed(f"The ray cluster {self.address} has {cpus} CPUs; it admits no pool of {self.size}.")

    def how_far(self) -> None:
        """Its Pool keeps what it knows to itself."""

    def first_answers(self, answer: Callable[..., Answer], limit_s: float) -> list[Answer]:
        needed = [needed_by_workers(self.work)] * self.size
        given = self.pool.map_async(partial(answer, self.work.setup), needed, chunksize=1)
        try:
            answers: list[Answer] = given.get(limit_s)
        except multiprocessing.TimeoutError:
            raise TimeoutError from None
        return answers

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        return lambda: list(self.pool.map(function, items, chunksize=self.chunk))

    @contextmanager
    def explaining(self, monitor: Unmonitored) -> Iterator[None]:
        try:
            with super().explaining(monitor):
                yield
        except self.ray.exceptions.RayActorError as broken:
            raise WorkerDied(
                f"ray lost a worker of {self.size} while its pool was {monitor.phase}: {type(broken).__name__}. "
                "The pool neither replaces it nor tries its tasks again. What was measured before is kept."
            ) from None

    def ship_once(self) -> ShippedOnce:
        """The same map in turns with everything sent in every task, and with function and items kept in ray's store."""
        items, function = self.work.items, self.work.call
        chunks = [items[at : at + self.chunk] for at in range(0, len(items), self.chunk)]
        began = perf_counter()
        kept = self.ray.put(function), [self.ray.put(chunk) for chunk in chunks]
        put_s = perf_counter() - began

        def mapped(run: Callable[..., Any], given: Any, parts: Sequence[Any]) -> None:
            self.pool.starmap(run, [(given, part) for part in parts], chunksize=1)

        sent_s, kept_s = in_turns(
            partial(mapped, worker_side.run_chunk, function, chunks), partial(mapped, run_kept_chunk, *kept)
        )
        return ShippedOnce(put_s, sent_s, kept_s)

    def close(self) -> None:
        self.pool.close()
        self.pool.join()
        self.disconnect()

    def give_up(self) -> None:
        with suppress(Exception):
            self.pool.terminate()
        with suppress(Exception):
            self.disconnect()

    def disconnect(self) -> None:
        self.ray.shutdown()
        if self.own is not None:
            self.own.stand_still()


def run_kept_chunk(function: Any, items: Any) -> list[Any]:
    """In a worker of ray: get both from its store, which ray itself does only for arguments that stand alone."""
    ray = import_module("ray")
    return worker_side.run_chunk(*ray.get([function, items]))


@contextmanager
def signals_kept() -> Iterator[None]:
    """Within it, ray may take signals over, as its init does in the main thread; ours are back after it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
