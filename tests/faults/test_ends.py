"""A server that is asked to end does: streams closed cleanly, runs interrupted, exit status 0, nothing left."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
import pytest

from tests.faults.conftest import begin, works_again
from tests.served import COMMAND, served
from tests.waiting import BOUND_S, until, until_gone


def test_signals_end_the_server_its_runs_and_its_streams_however_many_come() -> None:
    with served() as server:
        runs = [begin(server, experiment) for experiment in ("shared-list", "factorials")]
        ends = {path: Follower(server.url + path) for path in ("/live", f"/api/runs/{runs[0].id}/records")}
        for follower in ends.values():
            until(lambda follower=follower: follower.got, "the first bytes")  # type: ignore[misc]

        assert server.terminate() == 0
        for path, follower in ends.items():
            follower.thread.join(BOUND_S)
            assert follower.ended == "cleanly", f"{path}: {follower.ended}"
        for run in runs:
            run.until_nothing_is_left()
        server.until_nothing_is_left()

        server.start()
        for run in runs:
            ended = server.run(run.id)
            assert ended["status"] == "interrupted"
            assert ended["error"] == "The server ended while this run was live. Its records are kept."
        works_again(server, "factorials")

        last = begin(server, "pool-sizes")  # which has a host of its own
        assert server.end(signal.SIGINT) == 130
        last.until_nothing_is_left()
        server.until_nothing_is_left()

        # A second signal in the middle of the end leaves nothing behind either.
        server.start()
        assert server.run(last.id)["status"] == "interrupted"
        run = begin(server, "pool-sizes")
        children = psutil.Process(server.process.pid).children(recursive=True)

        server.end(signal.SIGTERM, signal.SIGTERM)
        run.until_nothing_is_left()
        until_gone(children)
        server.until_nothing_is_left()


# What never ends: in the event loop, at its end, and in a thread that Python would join.
HANGING = """
import asyncio, time
from poolscope.cli import main, serve
from poolscope.runs.scheduler import Scheduler
from poolscope.stats import comparison
{hangs}
main()
"""


@pytest.mark.parametrize(
    ("hangs", "told"),
    [
        (
            "serve.END_LIMIT_S = 0.5; Scheduler.close = lambda self, **_: asyncio.sleep(600)",
            "the next start cleans up",
        ),
        ("comparison.warm = lambda: time.sleep(600)", ""),
    ],
    ids=["the-scheduler", "what-is-loaded"],
)
def test_whatever_hangs_the_server_ends(hangs: str, told: str, tmp_path: Path) -> None:
    program = [sys.executable, "-c", HANGING.format(hangs=hangs), "serve", "--port", "0", "--data", str(tmp_path)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            assert "is running at" in server.stdout.readline()
            server.terminate()
            _, said = server.communicate(timeout=BOUND_S)
        finally:
            server.kill()
    assert server.returncode == 0, said
    assert told in said
    until(lambda: not list(Path(tempfile.gettempdir()).glob(f"poolscope-{server.pid}-*")), "the scratch folder's end")


def test_a_restart_lets_live_runs_end_refuses_new_ones_and_begins_those_that_wait() -> None:
    measured = {"sizes": [2], "workload": "square-sleep", "work_ms": 50, "last": 4, "repeats": 3}
    with served(restart_seconds="60") as server:
        live = server.begin("shared-list", seconds=3)
        first, waiting = server.begin("pool-sizes", **measured), server.begin("pool-sizes", **measured)
        watching = Follower(f"{server.url}/live")
        until(lambda: watching.got, "the first frame")

        asked = datetime.now(UTC)
        server.process.send_signal(signal.SIGTERM)
        until(lambda: server.api.get("/readyz").status_code == 503, "the beginning of the end")
        refused = server.api.post("/api/runs", json={"experiment": "shared-list", "params": {}})
        assert refused.status_code == 503
        assert int(refused.headers["Retry-After"]) > 0
        assert refused.json()["title"] == "The server is ending"
        assert server.api.get("/healthz").status_code == 200

        assert server.end() == 0
        watching.thread.join(BOUND_S)
        assert watching.ended == "cleanly"
        assert b"\nretry: " in watching.tail
        server.until_nothing_is_left()

        server.start()
        assert [server.ended(run_id)["status"] for run_id in (live, first, waiting)] == ["finished"] * 3
        assert asked < datetime.fromisoformat(server.run(live)["ended"]), "it was live when the end began"
        assert server.run(first)["ended"] <= server.run(waiting)["started"]


class Follower:
    """Reads a stream in a thread and notes how it ended: by the last chunk of the answer, or by a lost line."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.got = 0
        self.tail = b""
        self.ended = "not yet"
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self) -> None:
        try:
            with httpx.stream("GET", self._address, timeout=BOUND_S) as answer:
                for part in answer.iter_bytes():
                    self.got += len(part)
                    self.tail = (self.tail + part)[-200:]
            self.ended = "cleanly"
        except httpx.HTTPError as error:
            self.ended = repr(error)


def serve(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """A server that can't start, from the command line."""
    return subprocess.run(
        [*COMMAND, *options],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=BOUND_S,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "app")},
    )


def test_a_data_file_that_is_something_else_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "poolscope.sqlite").write_text("this is no database, however long it may be\n" * 100)
    done = serve(tmp_path, "--port", "0", "--data", str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "file is not a database" in done.stderr
