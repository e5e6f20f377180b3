"""ray's Pool with real workers, where ray is installed: it is 285 MB, so it is in no lock, and CI has none."""

from __future__ import annotations

import importlib.util
import os
import platform
from functools import partial
from pathlib import Path

import psutil
import pytest
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools.kinds import measure
from poolscope.runner.pools.own_cluster import OwnClusters, ray_environment
from poolscope.workloads.compute import square
from poolscope.workloads.work import Work

from tests.waiting import until_gone, until_stopped

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,  # not imported: it reads the environment that the test has yet to set
        reason="ray is not installed: pip install ray, on a Python that it has wheels for",
    ),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]

ITEMS = range(40)


def ends_its_worker(n: int) -> int:
    if n == 7:
        os._exit(3)
    return n


def raises(n: int) -> int:
    if n == 7:
        raise ValueError("seven")
    return n


def times(factor: int, n: int) -> int:
    return factor * n


@pytest.mark.timeout(180)
def test_pools_of_a_run_share_a_ray_that_stands_still_between_them(
    context: RunContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ray_environment().items():
        monkeypatch.setenv(name, value)
    clusters = OwnClusters(str(tmp_path))
    work = Work(square, ITEMS, own_clusters=clusters)
    factor = 3
    by_value = Work(lambda n: factor * n, ITEMS, own_clusters=clusters)
    try:
        first = measure(context, PoolUse("ray", 2), work)
        pids = clusters.ray().pids()
        until_stopped(pids)
        sockets = [each for pid in pids for each in psutil.Process(pid).net_connections("tcp")]
        traced = measure(context, PoolUse("ray", 1), work, traced=True)
        sent_by_value = measure(context, PoolUse("ray", 1), by_value)
        with pytest.raises(ValueError, match="seven"):
            measure(context, PoolUse("ray", 1), Work(raises, ITEMS, own_clusters=clusters))
        with pytest.raises(WorkerDied, match="ray lost a worker of 2 while its pool was mapping"):
            measure(context, PoolUse("ray", 2), Work(ends_its_worker, ITEMS, own_clusters=clusters))
        after = measure(context, PoolUse("ray", 2), Work(partial(times, 2), ITEMS, own_clusters=clusters))
        left = [psutil.Process(pid) for pid in clusters.ray().pids()]
    finally:
        clusters.end()
    assert first.results == traced.results == [n * n for n in ITEMS]
    assert sent_by_value.results == [3 * n for n in ITEMS]
    assert after.results == [2 * n for n in ITEMS]
    assert (len(set(first.workers)), len(set(traced.workers)), len(set(after.workers))) == (2, 1, 2)
    assert first.cluster_start == traced.cluster_start > 0
    assert traced.hosts == (platform.node(),)
    assert {task.worker for task in traced.tasks} == set(traced.workers)
    assert traced.memory is not None
    assert len(traced.memory.per_worker) == 1
    assert traced.shipped is not None
    assert len(traced.shipped.sent_s) == len(traced.shipped.kept_s) > 0
    assert first.carried is not None
    assert min(first.carried.sent, first.carried.received) > 0
    assert {each.laddr.ip for each in sockets if each.status == "LISTEN"} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    until_gone(left)
    assert list(tmp_path.iterdir()) == []
