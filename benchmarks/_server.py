"""A Poolscope that is really served, as `poolscope serve` does it: a process, a data folder and a port of its own."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

COMMAND = (sys.executable, "-c", "from poolscope.cli import main; main()", "serve")
CHECKOUT = Path(__file__).resolve().parent.parent
BROWSER = CHECKOUT / ".venv" / "browser"


class Server:
    """A server that answers. `process` is the server alone, without its runners."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.api = httpx.Client(base_url=self.url, timeout=60)

    def begin(self, experiment: str, **params: Any) -> str:
        """Start a run; returns its id."""
        answer = self.api.post("/api/runs", json={"experiment": experiment, "params": params})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/api/runs/{run_id}").raise_for_status().json()
        return found

    def stop(self, run_id: str) -> None:
        """Stop a run and wait until it has ended."""
        self.api.post(f"/api/runs/{run_id}/stop").raise_for_status()
        while self.run(run_id)["status"] in ("queued", "running"):
            time.sleep(0.02)

    def until_loaded(self) -> None:
        """Wait until it has loaded SciPy, which it does some seconds after its start, and which takes memory."""
        while not any("/scipy/special/" in mapped.path for mapped in self.process.memory_maps()):
            time.sleep(0.1)

    def cpu_s(self) -> float:
        """CPU time of the server so far, its runners not counted."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def own_bytes(self) -> int:
        """Memory that only the server has (unique set size): what would be free if it ended."""
        return int(self.process.memory_full_info().uss)


@contextmanager
def served(command: Sequence[str] = COMMAND, **settings: str) -> Iterator[Server]:
    """A server for as long as it is needed, on the loopback interface."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("POOLSCOPE_")},
            "POOLSCOPE_STARTS_PER_MINUTE": "100000",
            "POOLSCOPE_DATA": str(Path(folder) / "data"),
            **{f"POOLSCOPE_{name.upper()}": value for name, value in settings.items()},
        }
        started = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert started.stdout is not None
            said = started.stdout.readline()
            address = re.search(r"http://\S+:(\d+)", said)
            if address is None:
                raise RuntimeError(f"the server did not start: {said}")
            server = Server(psutil.Process(started.pid), int(address[1]))
            yield server
            server.api.close()
        finally:
            started.terminate()
            started.wait(20)


def raise_open_files() -> int:
    """As many open files as this user may have; a viewer is one at each end. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def browser() -> str:
    """The path of the browser that the tests use; `make browser` brings it."""
    if not BROWSER.exists():
        raise SystemExit("No browser is noted in .venv/browser: run `make browser` first.")
    return BROWSER.read_text().strip()
