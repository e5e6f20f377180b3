"""Hosts as the orchestrator has them: real ones, and programs in their place that die, hang or talk nonsense."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.runner.context import RunContext, Stopped
from poolscope.runner.host.client import PROGRAM, Host, HostFailed, OrderRefused

from tests.waiting import until, until_gone

Start = Callable[..., Host]
Script = Callable[[str], str]
LIMIT_S = 30.0


@pytest.fixture
def start(context: RunContext) -> Iterator[Start]:
    """Starts hosts, and ends them after the test."""
    hosts = []

    def begin(executable: str = sys.executable, folder: str | None = None) -> Host:
        hosts.append(Host.start(context, "9.9", executable, folder, own_site=folder is not None))
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
    host: Host, folder: Path, text: str, name: str = "tasks:work@items", limit_s: float = LIMIT_S
) -> dict[str, Any]:
    """Have a host open a module with this text."""
    (folder / "tasks.py").write_text(text)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    order = {"name": name, "folder": str(folder), "work_ms": None, "items": 0, "rounds": None, "scratch": str(scratch)}
    return host.ask(limit_s, "opening", do="open", **order)


def passed(host: Host, kind: str, limit_s: float = LIMIT_S, **order: Any) -> dict[str, Any]:
    whole = {"kind": kind, "start_method": "", "size": 2, "chunksize": 0, "traced": False, "budget": 100}
    return host.ask(limit_s, f"a pass of {kind}", do="pass", **{**whole, **order})


def test_a_host_says_what_its_python_is(start: Start) -> None:
    about = start().ask(LIMIT_S, "the start", do="describe")
    assert about["version"] == ".".join(map(str, sys.version_info[:3]))
    assert about["kinds"]["thread"] is None
    assert ("3.14" in str(about["kinds"]["interpreter"])) == (sys.version_info < (3, 14))
    assert about["start_method"] in about["start_methods"]


def test_a_work_is_opened_looked_at_and_passed(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    found = opened(host, tmp_path, "def work(n): print(n); return n * n\nitems = range(4)\n")
    assert (found["count"], found["cut"], found["rounds"]) == (4, False, None)
    said = tmp_path / "said"
    seen = host.ask(LIMIT_S, "pre-flight", do="preflight", said=str(said))
    assert said.read_text() == "0\n1\n2\n3\n0\n"
    assert seen["printed"] == 10
    assert len(seen["call_s"]) == 4
    assert (seen["repeats_equal"], seen["raised"], seen["unpicklable"]) == (True, None, {})
    loop = passed(host, "serial")
    assert loop["map"] > 0
    assert loop["digest"]
    pool = passed(host, "process", traced=True)
    assert pool["same"] is True
    assert "digest" not in pool
    assert sum(len(spans) for _, spans in pool["lanes"]["workers"]) == 4
    assert pool["traced"]["tasks"] == 4
    assert len(pool["memory"]["per_worker"]) == 2


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
            f"#!{sys.executable}\nimport os, sys; os.write(int(sys.argv[-1]), b'{{\"a\": 1}}\\n')\n",
            "The process of Python 9.9 answered {'a': 1} during the start, which is not understood.",
        ),
    ],
    ids=["leaves", "is killed", "talks", "answers amiss"],
)
def test_what_is_no_host_fails_in_a_sentence(text: str, sentence: str, start: Start, script: Script) -> None:
    host = start(script(text))
    with pytest.raises(HostFailed) as failed:
        host.ask(LIMIT_S, "the start", do="describe")
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
        host.ask(0.01, "the start", do="describe")
    until_gone(tree)


def test_what_a_dead_host_started_is_ended_too(start: Start, script: Script, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    host = start(script(f"#!/bin/sh\nsleep 600 &\necho $! >{pids}.new; mv {pids}.new {pids}; kill -11 $$\n"))
    until(pids.exists, "its child")
    child = psutil.Process(int(pids.read_text()))
    # The child was given the pipe and holds it open, so that the limit alone tells; a pool's workers close theirs.
    with pytest.raises(HostFailed):
        host.ask(0.01, "the start", do="describe")
    until_gone([child])


def test_a_python_that_is_too_old_says_so_itself() -> None:
    out, into = os.pipe()
    program = (
        "import runpy, sys; sys.version_info = (3, 8, 1); "
        f"sys.argv = ['host', '0', '{into}']; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], pass_fds=[into], check=False)
    os.close(into)
    with os.fdopen(out) as answers:
        assert answers.read() == '{"refused": "It is Python 3.8; 3.11 or newer is needed."}\n'
    assert done.returncode == 1


def test_a_limit_counts_from_each_step(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    host.ask(LIMIT_S, "the start", do="describe")
    text = "import threading\ndef work(n): pass\ndef items(): threading.Event().wait()\n"
    with pytest.raises(HostFailed, match=r"^Making the items tasks:items took longer than the limit of 1 s"):
        opened(host, tmp_path, text, limit_s=1)


def test_a_function_that_crashes_the_process_is_told_by_signal_and_call(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "import os\ndef work(n):\n    if n: os.abort()\nitems = [0, 1]\n")
    with pytest.raises(HostFailed, match=r"was killed by SIGABRT during the call of item 1 \(1\)\.$"):
        host.ask(LIMIT_S, "pre-flight", do="preflight", said=str(tmp_path / "said"))


@pytest.mark.parametrize(
    ("kind", "sentence", "spoiled"),
    [
        ("serial", r"^tasks:work raised ValueError on item 1 \(1\): odd\.$", False),
        ("thread", r"^tasks:work raised ValueError: odd\.$", False),
        ("pool", r"^tasks:work raised ValueError: odd\.$", False),
    ],
)
def test_a_function_that_raises_is_refused_and_the_host_goes_on(
    kind: str, sentence: str, spoiled: bool, start: Start, tmp_path: Path
) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "def work(n):\n    if n % 2: raise ValueError('odd')\nitems = [0, 1]\n")
    with pytest.raises(OrderRefused, match=sentence) as refused:
        passed(host, kind)
    assert refused.value.spoiled == spoiled
    assert host.ask(LIMIT_S, "the start", do="describe")["version"]


def test_a_worker_that_dies_spoils_the_host(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(
        host,
        tmp_path,
        "import os\nmain = os.getpid()\ndef work(n):\n    if os.getpid() != main: os._exit(5)\nitems = [0]\n",
    )
    passed(host, "serial")
    with pytest.raises(OrderRefused, match="ended with exit code 5") as refused:
        passed(host, "process", start_method="fork", size=1)
    assert refused.value.spoiled


@pytest.mark.parametrize("start_method", ["fork", "forkserver", "spawn"])
def test_a_users_package_may_be_called_as_ours(start_method: str, start: Start, tmp_path: Path) -> None:
    package = tmp_path / "app"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "records.py").write_text("FACTOR = 3\n")
    (package / "tasks.py").write_text(
        "from app.records import FACTOR\n"
        "ready = []\n"
        "def connect(): ready.append(1)\n"
        "def work(n): return n * FACTOR * len(ready[:1])\n"
        "items = [1, 2]\n"
    )
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "", "app.tasks:work@items+connect")
    passed(host, "serial")
    for kind in ("process", "pool"):
        for traced in (False, True):
            assert passed(host, kind, start_method=start_method, traced=traced)["same"] is True


def test_global_state_is_seen_and_results_that_differ_are_told(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "seen = []\ndef work(n):\n    seen.append(n)\n    return len(seen)\nitems = [5, 6]\n")
    found = host.ask(LIMIT_S, "pre-flight", do="preflight", said=str(tmp_path / "said"))
    assert found["repeats_equal"] is False
    assert found["global_state"] == ["seen"]
    assert passed(host, "serial")["same"] is True
    again = passed(host, "serial")
    assert again["same"] is False
    assert again["detail"] == "The result of item 0 is 6, and 4 in the plain loop."


def test_an_async_function_is_awaited(start: Start, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(
        host, tmp_path, "import asyncio\nasync def work(n):\n    await asyncio.sleep(0)\n    return n\nitems = [1, 2]\n"
    )
    found = host.ask(LIMIT_S, "pre-flight", do="preflight", said=str(tmp_path / "said"))
    assert (found["is_async"], found["repeats_equal"], found["unpicklable"]) == (True, True, {})
    passed(host, "serial")
    assert passed(host, "asyncio", traced=True)["same"] is True


def test_a_stop_is_heard_while_a_host_works(start: Start, context: RunContext, tmp_path: Path) -> None:
    host = start(folder=str(tmp_path))
    opened(host, tmp_path, "import time\ndef work(n): time.sleep(600)\nitems = [1]\n")
    signal.signal(signal.SIGALRM, lambda *_: context.interrupt(Stopped()))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    with pytest.raises(Stopped):
        passed(host, "serial")
