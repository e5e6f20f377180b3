"""Opens, tries and measures a module of this folder in a real host process, as a run does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.commands import MeasureOnce, OpenWork
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import MeasurementReport
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess

from tests.runner.conftest import made_context

HERE = Path(__file__).parent
LIMIT_S = 30.0

StartHost = Callable[..., HostProcess]


@pytest.fixture
def start_host(context: RunContext, tmp_path: Path) -> Iterator[StartHost]:
    """Starts a host that has opened a work of this folder, and ends it after the test."""
    hosts = []

    def begin(work: str, *later: str, star: bool = False) -> HostProcess:
        hosts.append(HostProcess.start(context, "9.9", sys.executable, str(HERE), own_site=True))
        hosts[-1].open_work(OpenWork(BenchmarkWork(work, str(HERE), star=star), str(tmp_path)), LIMIT_S)
        return hosts[-1]

    yield begin
    for host in hosts:
        host.end()


@pytest.fixture(scope="module")
def shared_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartHost]:
    """Opens works of this folder in the host that the tests before had, where it has called none of their functions.

    `later` are works that are to be opened there too; a `pure` function is as it was after any call. To start a host
    takes longer than most trials.
    """
    scratch = tmp_path_factory.mktemp("shared-host")
    hosts: list[HostProcess] = []
    called: set[str] = set()

    with made_context(scratch) as context:

        def begin(work: str, *later: str, star: bool = False, pure: bool = False) -> HostProcess:
            functions = set() if pure else {each.partition("@")[0] for each in (work, *later)}
            if not hosts or not hosts[-1].alive or called & functions:
                hosts.append(HostProcess.start(context, "9.9", sys.executable, str(HERE), own_site=True))
                called.clear()
            called.update(functions)
            hosts[-1].open_work(OpenWork(BenchmarkWork(work, str(HERE), star=star), str(scratch)), LIMIT_S)
            return hosts[-1]

        yield begin
        for host in hosts:
            host.end()


def measured(
    host: HostProcess, kind: str, start_method: str = "", size: int = 2, *, traced: bool = False
) -> MeasurementReport:
    return host.measure(MeasureOnce(PoolUse(kind, size, start_method), traced=traced), LIMIT_S, f"a pass of {kind}")
