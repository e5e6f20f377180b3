"""Clusters of dask and ray on loopback that live for a whole run, each in a process of its own.

    host ── OwnClusters ─▶ this module's process: scheduler, nannies ──▶ one process a worker
       └── distributed.Client or ray.init, one a repetition ──▶ scheduler

In a process of its own, since a scheduler in the measuring one would take its GIL from whatever else is measured there,
and what is forked from a process with such threads may hang. It stands still, stopped by a signal, while others have
their turn: even idle workers take some percent of a CPU each. It ends when the process that started it does.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.machine.cpu_clock import descends, process_table
from poolscope.runner.pools.handshake import PoolFailed

START_LIMIT_S = 60.0  # ray takes 9 s on a machine of its own, and was seen to take 24 s beside others
CLOSE_LIMIT_S = 5.0
# The CPUs that a ray of our own says to have. It admits a pool only where it has one for each worker, and then takes
# none of them for it; so this promises nothing, and is more than any pool has workers.
RAY_CPUS = 1024


class OwnClusters:
    """The clusters of a run: of dask one for each number of workers, of ray one. Call `end` whatever happens.

    One large cluster of dask would do for all, were tasks not scheduled in another way once they are confined to some
    of its workers: dask then queues nothing, and a task whose workers have all died waits for ever instead of failing.
    Ray starts new workers for each pool.
    """

    def __init__(self, scratch: str) -> None:
        self._scratch = scratch
        self._clusters: dict[tuple[str, int], OwnCluster] = {}

    def dask(self, workers: int) -> OwnCluster:
        """One of so many workers that is up, started now where there is none yet. Raises PoolFailed."""
        return self._of("dask", workers)

    def ray(self) -> OwnCluster:
        """The same of ray, which has no workers yet."""
        return self._of("ray", 0)

    def _of(self, kind: str, workers: int) -> OwnCluster:
        cluster = self._clusters.setdefault((kind, workers), OwnCluster(kind, workers, self._scratch))
        if cluster.process is None:
            cluster.start()
        return cluster

    def end(self) -> None:
        for cluster in self._clusters.values():
            cluster.end()


class OwnCluster:
    """One cluster. What it writes goes into a new folder in `scratch`, and is removed with it."""

    def __init__(self, kind: str, workers: int, scratch: str) -> None:
        self.kind = kind
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
        self._folder = tempfile.mkdtemp(prefix=f"{self.kind}-", dir=self._scratch)
        self._pipe, theirs = spawn.Pipe()
        package, keep = KINDS[self.kind]
        self.process = spawn.Process(target=keep, args=(self.workers, self._folder, theirs), name="cluster")
        self.process.start()
        theirs.close()
        import_module(package)  # meanwhile; a script pays for that once as well
        found = None
        with suppress(EOFError):
            found = self._pipe.recv() if self._pipe.poll(START_LIMIT_S) else None
        if found is None:
            self.end()
            raise PoolFailed(
                f"A {self.kind} cluster{f' of {self.workers} workers' if self.workers else ''} did not start within "
                f"{START_LIMIT_S:.0f} s."
            )
        self.address, came = found
        self.start_ns = came - began

    def go_on(self) -> None:
        """Let it work, until it is told to stand still."""
        self._signal(signal.SIGCONT)

    def stand_still(self) -> None:
        """Take no CPU time at all, as far as its processes can be found."""
        # Twice: raylets and nannies may have been starting a process at the first look, and can't after it.
        self._signal(signal.SIGSTOP)
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
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def keep_dask(workers: int, folder: str, pipe: Connection) -> None:
    """A dask cluster's process: start it, say where it is and since when, and end it when the other side is gone."""
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


def keep_ray(_workers: int, folder: str, pipe: Connection) -> None:
    """The same of ray, whose environment is `ray_environment`.

    Its sockets stand in its folder, and the path of a socket is 107 bytes at most, fewer than a scratch folder's may
    have: so they are reached through this process, which lives as long as they do.
    """
    os.chdir(folder)
    here = f"/proc/{os.getpid()}/cwd"
    # The workers import the user's modules, and ours; ray hands them the script's own folder alone.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    ray = import_module("ray")
    up = ray.init(
        "local",
        num_cpus=RAY_CPUS,
        num_gpus=0,
        include_dashboard=False,
        configure_logging=False,
        log_to_driver=False,
        _temp_dir=here if Path(here).exists() else folder,
    )
    try:
        pipe.send((up.address_info["gcs_address"], perf_counter_ns()))
        with suppress(EOFError, OSError):
            pipe.recv()
    finally:
        ray.shutdown()


def ray_environment() -> dict[str, str]:
    """For a ray of our own and who connects to it; set it before anything imports ray, which reads it then.

    It listens on loopback alone, as it does under macOS and Windows by itself, lets nobody in without a secret, which
    it would else leave in the user's home, and reports to nobody.
    """
    return {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


Keeper = Callable[[int, str, Connection], None]
KINDS: dict[str, tuple[str, Keeper]] = {"dask": ("distributed", keep_dask), "ray": ("ray", keep_ray)}
