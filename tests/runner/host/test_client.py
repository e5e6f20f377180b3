"""Hosts as the orchestrator has them: real ones, and programs in their place that die, hang or talk nonsense."""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import poolscope
import psutil
import pytest
from poolscope.protocol import codec
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.commands import HostAnswer, MeasureOnce, OpenWork, OrderFailed, WorkOpened
from poolscope.protocol.kinds import PoolUse
from poolscope.protocol.payloads import ImportedPlace, MeasurementReport
from poolscope.protocol.records import Fault, Record, Span
from poolscope.runner.context import RunContext, Stopped
from poolscope.runner.host.client import PACKAGE, HostProcess
from poolscope.runner.host.errors import HostFailed, OrderRefused
from poolscope.runner.worker_registry import WorkerRegistry

from tests.waiting import until, until_gone

Start = Callable[..., HostProcess]
Script = Callable[[str], str]
LIMIT_S = 30.0


@pytest.fixture
def start(context: RunContext) -> Iterator[Start]:
    """Starts hosts, and ends them after the test."""
    hosts = []

    def begin(executable: str = sys.executable, folder: str | None = None) -> HostProcess:
        hosts.append(HostProcess.start(context, "9.9", executable, folder, own_site=folder is not None))
        return hosts[-1]

    yield begin
    for host in hosts:
        host.end()


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A program that can be taken for a Python."""

    def written(text: str) -> str:
        path = tmp_path / "python"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    return written


def opened(
    host: HostProcess, folder: Path, text: str, name: str = "tasks:work@items", limit_s: float = LIMIT_S
) -> WorkOpened:
    """Have a host open a module with this text."""
    (folder / "tasks.py").write_text(text)
    return host.open_work(OpenWork(BenchmarkWork(name, str(folder)), str(folder)), limit_s)


def measured(
    host: HostProcess, kind: str, *, size: int = 2, start_method: str = "", method: str = "map", **order: Any
) -> MeasurementReport:
    use = PoolUse(kind, size, start_method, method=method)
    return host.measure(MeasureOnce(use, **{"spans": 100, **order}), LIMIT_S, f"a pass of {kind}")


def test_a_host_says_what_its_python_is(start: Start) -> None:
    facts = start().describe()
    assert facts.version == ".".join(map(str, sys.version_info[:3]))
    assert facts.kinds["thread"] is None
    assert ("3.14" in str(facts.kinds["interpreter"])) == (sys.version_info < (3, 14))
    assert facts.start_method in facts.start_methods


def test_a_work_is_opened_tried_and_measured(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    found = opened(host, tmp_path, "def work(n): print(n); return n * n\nitems = range(4)\n")
    assert (found.count, found.cut) == (4, False)
    assert found.imports == (ImportedPlace("tasks", "tasks", str(tmp_path)),)
    assert found.made is not None
    assert found.made.lazy
    output = tmp_path / "output"
    trial = host.try_work(output, LIMIT_S)
    assert output.read_text() == "0\n1\n2\n3\n" * 2
    assert (trial.printed, len(trial.call_s)) == (16, 4)
    assert (trial.repeats_equal, trial.raised, trial.unpicklable) == (True, None, {})
    loop = measured(host, "serial", results=3)
    assert loop.map > 0
    assert loop.digest
    assert loop.results is not None
    assert (loop.results.count, loop.results.first) == (4, (0, 1, 4))
    pool = measured(host, "process", traced=True)
    assert pool.same is True
    assert pool.digest is None
    assert sum(len(lane.spans) for lane in pool.lanes) == 4
    assert pool.traced is not None
    assert pool.traced.tasks == 4
    assert pool.memory is not None
    assert len(pool.memory.per_worker) == 2
    unordered = measured(host, "pool", traced=True, method="imap_unordered")
    assert unordered.same is True
    assert {span.item for lane in unordered.lanes for span in lane.spans} == {""}


def test_a_built_in_work_is_calibrated_once_for_all(start: Start, tmp_path: Path) -> None:
    found = start().open_work(OpenWork(BenchmarkWork("sum-of-squares", "", 0.1, 3, 7), str(tmp_path)), LIMIT_S)
    assert found.count == 3
    assert found.calibration is not None
    assert found.calibration.one_call_s is not None
    host, rounds = start(), found.calibration.rounds
    again = host.open_work(OpenWork(BenchmarkWork("sum-of-squares", "", 0.1, 3, 7), str(tmp_path), rounds), LIMIT_S)
    assert again.calibration is not None
    assert (again.calibration.rounds, again.calibration.one_call_s) == (rounds, None)
    assert measured(host, "serial", traced=True).lanes[0].spans[0].item == "7"


def test_a_python_that_is_not_there_can_not_be_started(start: Start) -> None:
    with pytest.raises(HostFailed, match=r"^Python 9\.9 can't be started: .*No such file or directory"):
        start("/no/such/python")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("#!/bin/sh\nexit 3\n", "The process of Python 9.9 ended with exit code 3 during the start."),
        ("#!/bin/sh\nkill -9 $$\n", "The process of Python 9.9 was killed by SIGKILL"),
        (
            f"#!{sys.executable}\nimport os, sys; os.write(int(sys.argv[-1]), b'hello\\n')\n",
            "The process of Python 9.9 answered b'hello' during the start, which is not understood.",
        ),
        (
            f"#!{sys.executable}\nimport os, sys\n"
            'os.write(int(sys.argv[-1]), b\'{"name": "a", "value": {}}\\n\')\n',
            'The process of Python 9.9 answered b\'{"name": "a", "value": {}}\' during the start, which is not',
        ),
        (
            f"#!{sys.executable}\nimport os, sys\n"
            'os.write(int(sys.argv[-1]), b\'{"name": "opened", "value": {"count": 1}}\\n\')\n',
            "The process of Python 9.9 answered 'opened' during the start, which is not understood.",
        ),
    ],
    ids=["leaves", "is killed", "talks", "answers amiss", "answers another question"],
)
def test_what_is_no_host_fails_in_a_sentence(text: str, sentence: str, start: Start, script: Script) -> None:
    host = start(script(text))
    with pytest.raises(HostFailed) as failed:
        host.describe()
    assert str(failed.value).startswith(sentence)
    assert not host.alive


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(
    start: Start, script: Script, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    host = start(script(f"#!/bin/sh\nsleep 600 &\necho $! $$ >{pids}.new; mv {pids}.new {pids}; exec sleep 600\n"))
    until(pids.exists, "its children")
    tree = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    with pytest.raises(HostFailed, match=r"^The start took longer than the limit of 0\.01 s, so it was ended\.$"):
        host.describe(0.01)
    until_gone(tree)


def test_what_a_dead_host_started_is_ended_too(start: Start, script: Script, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    host = start(script(f"#!/bin/sh\nsleep 600 &\necho $! >{pids}.new; mv {pids}.new {pids}; kill -11 $$\n"))
    until(pids.exists, "its child")
    child = psutil.Process(int(pids.read_text()))
    # The child was given the pipe and holds it open, so that the limit alone tells; a pool's workers close theirs.
    with pytest.raises(HostFailed):
        host.describe(0.01)
    until_gone([child])


def test_a_python_that_is_too_old_says_so_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    out, into = os.pipe()
    monkeypatch.setattr(sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(sys, "argv", ["host", "0", str(into)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(PACKAGE / "runner" / "host"), run_name="__main__")
    os.close(into)
    with os.fdopen(out) as answers:
        answer = codec.from_line(HostAnswer, answers.read())
    assert answer == OrderFailed("It is Python 3.8; 3.11 or newer is needed.", spoiled=True)
    assert left.value.code == 1


def test_a_limit_counts_from_each_step(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    host.describe()
    text = "import threading\ndef work(n): pass\ndef items(): threading.Event().wait()\n"
    with pytest.raises(HostFailed, match=r"^Making the items tasks:items took longer than the limit of 1 s"):
        opened(host, tmp_path, text, limit_s=1)


def test_a_function_that_crashes_the_process_is_told_by_signal_and_call(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "import os\ndef work(n):\n    if n: os.abort()\nitems = [0, 1]\n")
    with pytest.raises(HostFailed, match=r"was killed by SIGABRT during the call of item 1 \(1\)\.$"):
        host.try_work(tmp_path / "output", LIMIT_S)


def test_a_function_that_raises_is_refused_and_the_host_goes_on(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "def work(n):\n    if n % 2: raise ValueError('odd')\nitems = [0, 1]\n")
    for kind, sentence in (
        ("serial", "tasks:work raised ValueError on item 1 (1): odd."),
        ("thread", "tasks:work raised ValueError: odd."),
        ("pool", "tasks:work raised ValueError: odd."),
    ):
        with pytest.raises(OrderRefused) as refused:
            measured(host, kind)
        assert (str(refused.value), refused.value.spoiled) == (sentence, False)
    assert host.describe().version


def test_a_worker_that_dies_spoils_the_host(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(
        host,
        tmp_path,
        "import os\nmain = os.getpid()\ndef work(n):\n    if os.getpid() != main: os._exit(5)\nitems = [0]\n",
    )
    measured(host, "serial")
    with pytest.raises(OrderRefused, match="ended with exit code 5") as refused:
        measured(host, "process", start_method="fork", size=1)
    assert refused.value.spoiled


def test_a_users_package_may_have_any_name_but_ours(start: Start, tmp_path: Path) -> None:
    for name in ("app", "runner"):
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "records.py").write_text("FACTOR = 3\n")
    (tmp_path / "app" / "tasks.py").write_text(
        "from runner.records import FACTOR\n"
        "ready = []\n"
        "def connect(): ready.append(1)\n"
        "def work(n): return n * FACTOR * len(ready[:1])\n"
        "items = [1, 2]\n"
    )
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "", "app.tasks:work@items+connect")
    measured(host, "serial")
    for start_method in ("forkserver", "spawn"):
        assert measured(host, "pool", size=1, start_method=start_method, traced=True).same is True
    (tmp_path / "poolscope.py").write_text("def work(n): return n\nitems = [1]\n")
    with pytest.raises(OrderRefused, match=r"^poolscope in .* has the name of the program that measures"):
        opened(host, tmp_path, "", "poolscope:work@items")


def test_another_poolscope_among_the_users_packages_is_not_used(start: Start, tmp_path: Path) -> None:
    venv.create(tmp_path / "theirs", symlinks=True)
    (site,) = (tmp_path / "theirs").glob("lib/python*/site-packages")
    (site / "poolscope" / "runner").mkdir(parents=True)
    for package in (site / "poolscope", site / "poolscope" / "runner"):
        (package / "__init__.py").write_text("raise ImportError('this is another version')\n")
    (site / "of_theirs.py").write_text("FACTOR = 3\n")
    host = start(str(tmp_path / "theirs" / "bin" / "python"), folder=str(tmp_path))
    text = (
        "import os, of_theirs, poolscope\n"
        "def work(n): return n * of_theirs.FACTOR, os.path.realpath(poolscope.__file__)\n"
        "items = [1, 2]\n"
    )
    opened(host, tmp_path, text)
    first = measured(host, "serial", results=1).results
    assert first is not None
    assert Path(poolscope.__file__).name in str(first.first[0])
    for kind, start_method in (("pool", "spawn"), ("process", "forkserver"), ("thread", "")):
        assert measured(host, kind, size=1, start_method=start_method).same is True


def test_global_state_is_seen_and_results_that_differ_are_told(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "seen = []\ndef work(n):\n    seen.append(n)\n    return len(seen)\nitems = [5, 6]\n")
    trial = host.try_work(tmp_path / "output", LIMIT_S)
    assert trial.repeats_equal is False
    assert trial.global_state == ("seen",)
    assert measured(host, "serial").same is True
    again = measured(host, "serial")
    assert again.same is False
    assert again.detail == "The result of item 0 is 7, and 5 in the plain loop."


def test_an_async_function_is_awaited(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(
        host, tmp_path, "import asyncio\nasync def work(n):\n    await asyncio.sleep(0)\n    return n\nitems = [1, 2]\n"
    )
    trial = host.try_work(tmp_path / "output", LIMIT_S)
    assert (trial.is_async, trial.repeats_equal, trial.unpicklable) == (True, True, {})
    measured(host, "serial")
    assert measured(host, "asyncio", traced=True).same is True


def test_a_stop_is_heard_while_a_host_works(start: Start, context: RunContext, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    begun = tmp_path / "begun"
    opened(host, tmp_path, f"import time\ndef work(n): open({str(begun)!r}, 'w'); time.sleep(600)\nitems = [1]\n")

    def stop() -> None:
        until(begun.exists, "the work")
        context.interrupt(Stopped())

    stopping = threading.Thread(target=stop)
    stopping.start()
    with pytest.raises(Stopped):
        measured(host, "serial")
    stopping.join()


def test_a_worker_in_a_host_can_be_killed_by_its_number(start: Start, context: RunContext, tmp_path: Path) -> None:
    records: list[Record] = []
    context.worker_registry = WorkerRegistry(records.append)
    host = start(folder=str(tmp_path))
    marks = [tmp_path / "at-1", tmp_path / "at-2"]
    opened(host, tmp_path, "import time\ndef work(n): open(f'at-{n}', 'x'); time.sleep(600)\nitems = [1, 2]\n")

    def kill() -> None:
        # Once both are at work. A request that comes before waits, but not for as long as a busy machine may take.
        until(lambda: all(mark.exists() for mark in marks), "workers at work")
        context.worker_registry.kill(2, 7)

    killing = threading.Thread(target=kill)
    killing.start()
    with pytest.raises(OrderRefused, match=r"^Worker 2 of 2 \(process \d+\) was killed on request while"):
        measured(host, "process", start_method="fork", lane="9.9 process fork 2 c0")
    killing.join()
    (fault,) = [record for record in records if isinstance(record, Fault)]
    assert (fault.worker, fault.of, fault.request) == (2, 2, 7)
    assert {record.lane for record in records if isinstance(record, Span)} == {"9.9 process fork 2 c0"}
    context.worker_registry.close()
    assert len([record for record in records if isinstance(record, Fault)]) == 1
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
