"""A Poolscope that is really served: a process of its own, with a data folder, scratch folder and port of its own."""

from __future__ import annotations

import re
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import psutil
from poolscope.runs.process_tree import session

from tests.waiting import BOUND_S, lives, until, until_gone

ADDRESS = re.compile(r"http://\S+:(\d+)")
# Making SciPy and the API's document ready takes a second of CPU time, five seconds after the start; few tests need
# either, and whoever needs one first has it made then.
PROGRAM = "from poolscope import main as parts; parts.WARM_AFTER_S = 600; from poolscope.cli import main; main()"
COMMAND = (sys.executable, "-c", PROGRAM, "serve")
# The tests of a module start more runs than one person would.
ROOMY = {"starts_per_minute": "10000"}
# For clients of plain HTTP: each would else load all certificates, which takes 25 ms.
WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Served:
    """One server in a folder of its own. It can be killed and started again, then on the same port and data."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        program: str = PROGRAM,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self.scratch = folder / "tmp"
        self.data = folder / "data"
        self.scratch.mkdir()
        self.port = 0
        self._settings = {**ROOMY, **settings}
        self._environment = environment
        self._command = (sys.executable, "-c", program, "serve")
        self._log = folder / "log"
        self.expected: list[str] = []  # what the log may hold
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        # Nothing of the developer's own settings gets in.
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.scratch)}
        environment |= {f"POOLSCOPE_{name.upper()}": value for name, value in self._settings.items()}
        environment |= {
            **self._environment,
            "POOLSCOPE_DATA": str(self.data),
            "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "app"),
        }
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._command, "--port", str(self.port)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        found = ADDRESS.search(said)
        assert found, f"it did not start: {said}{self.log()}"
        self.port = int(found[1])
        self.api = httpx.Client(base_url=self.url, timeout=BOUND_S, verify=WITHOUT_TLS)

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        """End it as a power cut would."""
        self.end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end; returns its exit status."""
        return self.end(signal.SIGTERM)

    def end(self, *by: signal.Signals) -> int:
        """Send it signals and wait until it has gone; returns its exit status."""
        self.api.close()
        for each in by:
            self.process.send_signal(each)
        code = self.process.wait(BOUND_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    # What the tests ask of it

    def begin(self, experiment: str, **params: Any) -> str:
        """Start a run; returns its id."""
        answer = self.api.post("/api/runs", json={"experiment": experiment, "params": params})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        answer = self.api.get(f"/api/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for a run's end; returns the run. It works below other processes, of which tests have many at a time."""
        # Its stream of records closes when they are complete. Asking for the run again and again instead would take a
        # tenth of a CPU from it; that is left for where no stream is to be had.
        after_all = {"Last-Event-ID": "9" * 18}
        with self.api.stream("GET", f"/api/runs/{run_id}/records", headers=after_all, timeout=3 * BOUND_S) as records:
            for _ in records.iter_raw():
                pass
        until(lambda: self.run(run_id)["status"] not in ("queued", "running"), f"the end of {run_id}", 3 * BOUND_S)
        return self.run(run_id)

    def done(self, experiment: str, **params: Any) -> str:
        """Start a run and wait for its end; returns its id."""
        run_id = self.begin(experiment, **params)
        ended = self.ended(run_id)
        assert ended["status"] == "finished", ended["error"]
        return run_id

    def stop(self, run_id: str) -> None:
        self.api.post(f"/api/runs/{run_id}/stop")
        self.ended(run_id)

    def stop_all(self) -> None:
        """End all runs that are live, so that the next test finds a quiet bench."""
        for status in ("queued", "running"):
            for run in self.api.get("/api/runs", params={"status": status, "limit": 500}).json():
                self.stop(run["id"])

    def viewers(self) -> int:
        found = re.search(r"^poolscope_viewers (\d+)", self.api.get("/metrics").text, re.MULTILINE)
        assert found
        return int(found[1])

    # What it holds, and what is left of it

    def own_bytes(self) -> int:
        """Memory that only the server has (unique set size): what would be free if it ended."""
        return int(psutil.Process(self.process.pid).memory_full_info().uss)

    def processes(self) -> list[psutil.Process]:
        """Every process that came of it, the server itself left out: they all have its scratch folder for theirs."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR", "").startswith(str(self.scratch)) and lives(process):
                    found.append(process)
            except psutil.Error:
                continue
        return [process for process in found if process.pid != self.process.pid]

    def runners(self) -> list[int]:
        """Process ids of those that lead a session of their own."""
        return [process.pid for process in self.processes() if session(process.pid)]

    def until_nothing_is_left(self) -> None:
        """Wait until no process and no scratch folder of it remains."""
        until_gone(self.processes())
        assert self.processes() == []
        until(lambda: not list(self.scratch.iterdir()), f"the end of {list(self.scratch.iterdir())}")


@contextmanager
def served(
    program: str = PROGRAM, environment: Mapping[str, str] = MappingProxyType({}), /, **settings: str
) -> Iterator[Served]:
    """A server for as long as it is needed; a line in its log that nobody expected is a failure.

    `program` is what it runs: one that changes something of Poolscope before calls its `main` itself. `environment` is
    what it has beside its settings: nothing of ours gets in.
    """
    # A short path: the runners make sockets below it.
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        server = Served(Path(folder), settings, program, environment)
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.terminate()
            left = server.processes()
            for process in left:
                process.kill()
        assert not left, f"it left {left}"
        complaints = [line for line in server.log().splitlines() if not any(part in line for part in server.expected)]
        assert not complaints, "\n".join(complaints)
