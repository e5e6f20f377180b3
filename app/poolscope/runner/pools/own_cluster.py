"""dask clusters on loopback that live for a whole run, each in a process of its own, and stand still between turns.

    host ── OwnClusters ─▶ this module's process: scheduler, nannies ──▶ one process a worker
       └── distributed.Client, one a repetition ──▶ scheduler

In a process of its own, since a scheduler in the measuring one would take its GIL from whatever else is measured there,
and what is forked from a process with such threads may hang. It stands still, stopped by a signal, while others have
their turn: even idle workers take some percent of a CPU each. It ends when the process that started it does.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import signal
import tempfile
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from time import perf_counter_ns
from typing import Any

from poolscope.machine.cpu_clock import descends, process_table
from poolscope.runner.pools import handshake
from poolscope.runner.pools.handshake import PoolFailed

CLOSE_LIMIT_S = 5.0


class OwnClusters:
    """The clusters of a run, one for each number of workers that is asked for. Call `end` whatever happens.

    One large cluster would do for all, were tasks not scheduled in another way once they are confined to some of its
    workers: dask then queues nothing, and a task whose workers have all died waits for ever instead of failing.
    """

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch
        self._clusters: dict[int, OwnCluster] = {}

    def of(self, workers: int) -> OwnCluster:
        """One of so many workers that is up, started now where there is none yet. Raises PoolFailed."""
        cluster = self._clusters.setdefault(workers, OwnCluster(workers, self._scratch))
        if cluster.process is None:
            cluster.start()
        return cluster

    def end(self) -> None:
        for cluster in self._clusters.values():
            cluster.end()


class OwnCluster:
    """One cluster. What it writes goes into a new folder in `scratch`, and is removed with it."""

    def __init__(self, workers: int, scratch: str) -> None:
        self.workers = workers
        self.address = ""
        self.start_ns = 0  # from nothing, its imports included, until all workers had come
        self.process: BaseProcess | None = None
        self._scratch = scratch
        self._folder = ""
        self._pipe: Connection | None = None

    def start(self) -> None:
        """Start it. Raises PoolFailed."""
        spawn = multiprocessing.get_context("spawn")
        began = perf_counter_ns()
        self._folder = tempfile.mkdtemp(prefix="dask-", dir=self._scratch)
        self._pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=keep_cluster, args=(self.workers, self._folder, theirs), name="cluster")
        self.process.start()
        theirs.close()
        import_module("distributed")  # meanwhile; a script pays for that once as well
        found = None
        with suppress(EOFError):
            found = self._pipe.recv() if self._pipe.poll(handshake.START_LIMIT_S) else None
        if found is None:
            self.end()
            raise PoolFailed(
                f"A dask cluster of {self.workers} workers did not start within {handshake.START_LIMIT_S:.0f} s."
            )
        self.address, came = found
        self.start_ns = came - began

    def go_on(self) -> None:
        """Let it work, until it is told to stand still."""
        self._signal(signal.SIGCONT)

    def stand_still(self) -> None:
        """Take no CPU time at all, as far as its processes can be found."""
        self._signal(signal.SIGSTOP)

    def pids(self) -> list[int]:
        """The cluster's process and all that it has started; without /proc its own alone."""
        first = self.process.pid if self.process is not None else None
        if first is None:
            return []
        parents, _ = process_table()
        return [first, *(pid for pid in parents if pid != first and descends(pid, first, parents))]

    def end(self) -> None:
        """End all of it in bounded time; then it may be started anew."""
        if self.process is None or self._pipe is None:
            return
        self.go_on()
        left = self.pids()
        self._pipe.close()
        self.process.join(CLOSE_LIMIT_S)
        for pid in left if self.process.exitcode is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.join()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.process = self._pipe = None

    def _signal(self, number: int) -> None:
        # A worker that is just being started in the place of another one may be missed until the next turn.
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def keep_cluster(workers: int, folder: str, pipe: Connection) -> None:
    """The cluster's process: start it, say where it is and since when, and end it when the other side is gone."""
    dask, distributed = import_module("dask"), import_module("distributed")
    # It may have stood still for longer than a scheduler waits for a sign of life.
    with dask.config.set({"distributed.scheduler.worker-ttl": None}), local_cluster(distributed, workers, folder) as up:
        pipe.send((up.scheduler_address, perf_counter_ns()))
        with suppress(EOFError, OSError):
            pipe.recv()


def local_cluster(distributed: Any, workers: int, folder: str) -> Any:
    """As a user would start one, with a process of one thread for each worker."""
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        local_directory=folder,
        silence_logs=logging.CRITICAL,
    )
