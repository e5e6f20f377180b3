"""Work that uses processes of its own is measured wherever plain Python can do it, and leaves nobody behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterSession
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.runner.context import RunContext

from tests.cases.measuring import HERE, LIMIT_S, StartHost, measured, shared_host, start_host
from tests.runner.conftest import context
from tests.waiting import until

__all__ = ["context", "shared_host", "start_host"]


@pytest.mark.parametrize("function", ["in_pool", "in_executor", "two_levels", "in_threads"])
def test_a_forked_worker_uses_processes_of_its_own(shared_host: StartHost, function: str) -> None:
    host = shared_host(f"nested:{function}@few")
    measured(host, "serial")
    assert measured(host, "process", "fork").same is True
    assert measured(host, "thread").same is True
    if function == "in_pool":  # so does one that was started otherwise
        for start_method in ("forkserver", "spawn"):
            assert measured(host, "process", start_method, size=1).same is True, start_method


def test_a_forked_worker_starts_a_fork_server_though_its_parent_has_one(shared_host: StartHost) -> None:
    host = shared_host("nested:in_fork_server@few")
    measured(host, "serial")
    assert measured(host, "process", "fork", size=1).same is True


def test_a_pool_that_the_work_keeps_is_not_taken_for_the_measured_one(start_host: StartHost) -> None:
    host = start_host("nested:in_kept_pool@few")
    measured(host, "serial")
    assert measured(host, "thread").same is True
    assert measured(host, "process", "spawn").same is True
    assert measured(host, "serial").same is True  # it was not ended with the others


def test_a_pool_that_calls_keep_is_made_anew_by_forked_workers(context: RunContext, tmp_path: Path) -> None:
    work = BenchmarkWork("nested:in_kept_threads@few", str(HERE))
    session = InterpreterSession(context, InterpreterPath("9.9", sys.executable), work, tmp_path, LIMIT_S)
    try:
        session.enter()
        assert session.trial is not None
        assert session.trial.threads_of_calls
        for config in (("serial",), ("process", 2, "fork"), ("serial",)):
            assert session.measure(planned("9.9", *config, items=2), HowToMeasure()).same is True
    finally:
        session.end()


def test_coroutines_use_pools_in_threads(shared_host: StartHost) -> None:
    host = shared_host("nested:in_loop@few")
    measured(host, "serial")
    assert measured(host, "asyncio").same is True


def test_no_process_of_a_nested_pool_is_left(start_host: StartHost) -> None:
    before = set(psutil.Process().children(recursive=True))
    host = start_host("nested:two_levels@few")
    measured(host, "process", "fork")
    (own,) = set(psutil.Process().children()) - before
    until(lambda: not own.children(recursive=True))
    assert own.pid != os.getpid()
