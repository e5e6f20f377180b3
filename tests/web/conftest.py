"""A real server in a thread, on a free port, with a data folder of its own and real runners; and clients for it."""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from poolscope import main
from poolscope.main import create_app
from poolscope.runs import scheduler
from poolscope.settings import Settings
from poolscope.web.app_state import AppState
from poolscope.web.connections import BoundedHttp

from tests.served import WITHOUT_TLS
from tests.waiting import BOUND_S, until

# A run of the shared list that is over in a moment, and one that goes on until it is stopped.
BRIEF = {"seconds": 0.2, "delay_min": 0.001, "delay_max": 0.002}
ENDLESS = {"seconds": 600, "delay_min": 0.01, "delay_max": 0.02}
SHORT: Mapping[str, Mapping[str, Any]] = {
    "shared-list": {**BRIEF, "producers": 2, "consumers": 2},
    "factorials": {"first": -1, "last": 30, "workers": 2},
    "pool-sizes": {"sizes": [1, 2], "repeats": 2},
    "sharing": {"tools": ["none", "lock", "pipe"], "operations": 50, "workers": 2, "repeats": 1},
    "which-pool": {"workload": "square", "items": 20, "kinds": ["thread"], "sizes": [1, 2], "repeats": 2},
    "failures": {"scenarios": ["thread-uncaught", "time-limit"], "task": 0.2, "limit": 0.1},
}
BY_BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
BY_HTMX = {**BY_BROWSER, "HX-Request": "true"}
# A server that lasts no longer starts no runner, and makes nothing ready, that nobody will need.
NO_SOONER_S = 600.0
PIECE = re.compile(r'<hx-partial hx-target="#([^"]+)" hx-swap="outerMorph">(.*?)</hx-partial>', re.DOTALL)


@dataclass(frozen=True)
class Serving:
    """A server that answers."""

    app: FastAPI
    address: str

    @property
    def app_state(self) -> AppState:
        app_state: AppState = self.app.state.app_state
        return app_state

    def client(self, **headers: str) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=BOUND_S, headers=headers, verify=WITHOUT_TLS)


Serve = Callable[..., AbstractContextManager[Serving]]


@contextmanager
def serving(folder: Path, buffer: int = 0, **settings: Any) -> Iterator[Serving]:
    """Serve the application with these settings; `buffer` makes its sockets keep but so many bytes."""
    given = {"starts_per_minute": 100_000, "pythons": "none", **settings}
    app = create_app(Settings(data=folder, **given))
    config = uvicorn.Config(app, http=BoundedHttp, log_config=None, access_log=False, lifespan="on", ws="none")
    config.timeout_graceful_shutdown = 3  # as the command line has it
    server = uvicorn.Server(config)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, pytest.MonkeyPatch.context() as patched:
        patched.setattr(scheduler, "PREWARM_DELAY_S", NO_SOONER_S)
        patched.setattr(scheduler.Scheduler, "_prewarm", lambda _: None)
        patched.setattr(main, "WARM_AFTER_S", NO_SOONER_S)
        if buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            until(lambda: server.started or not thread.is_alive(), "the server")
            assert server.started
            yield Serving(app, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves with settings of one's own; calls of one test share the data folder."""

    def make(buffer: int = 0, **settings: Any) -> AbstractContextManager[Serving]:
        return serving(tmp_path, buffer, **settings)

    return make


class FinishedRuns(NamedTuple):
    """A data folder that no server has open, and its runs as the API gives them, by experiment."""

    folder: Path
    runs: dict[str, dict[str, Any]]


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory: pytest.TempPathFactory) -> FinishedRuns:
    """A finished run of every experiment, which all modules share that look at such: each has a copy of the folder."""
    folder = tmp_path_factory.mktemp("finished")
    with serving(folder) as server, server.client() as client:
        started = {name: start(client, name, **params) for name, params in SHORT.items()}
        return FinishedRuns(folder, {name: ended(client, run["id"]) for name, run in started.items()})


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for all tests of a module; it has the finished runs, if any of them asks for these."""
    folder = tmp_path_factory.mktemp("data")
    tests = [item for item in request.session.items if item.path == request.path and isinstance(item, pytest.Function)]
    if any("finished" in test.fixturenames for test in tests):
        shutil.copytree(request.getfixturevalue("finished_runs").folder, folder, dirs_exist_ok=True)
    with serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Serving) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="module")
def browser(server: Serving) -> Iterator[httpx.Client]:
    """A client that asks for pages, as a browser without JavaScript does."""
    with server.client(**BY_BROWSER) as client:
        yield client


@pytest.fixture
def finished(finished_runs: FinishedRuns) -> dict[str, dict[str, Any]]:
    """A finished run of every experiment, as the API gives it."""
    return finished_runs.runs


@contextmanager
def live_list(client: httpx.Client) -> Iterator[dict[str, Any]]:
    run = running(client, start(client, "shared-list", **ENDLESS)["id"])
    yield run
    client.post(f"/api/runs/{run['id']}/stop")
    ended(client, run["id"])


@pytest.fixture
def endless(client: httpx.Client) -> Iterator[dict[str, Any]]:
    """A shared list that runs for as long as the test."""
    with live_list(client) as run:
        yield run


@pytest.fixture(scope="module")
def lasting(client: httpx.Client) -> Iterator[dict[str, Any]]:
    """A shared list that runs for as long as the tests of a module, none of which may end it."""
    with live_list(client) as run:
        yield run


def start(client: httpx.Client, experiment: str, **params: Any) -> dict[str, Any]:
    """Start a run by the API."""
    answer = client.post("/api/runs", json={"experiment": experiment, "params": params})
    assert answer.status_code == 201, answer.text
    run: dict[str, Any] = answer.json()
    return run


def told(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """A run as the API gives it now."""
    answer = client.get(f"/api/runs/{run_id}")
    assert answer.status_code == 200, answer.text
    run: dict[str, Any] = answer.json()
    return run


def ended(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """A run once it is over: its records close when they are complete."""
    client.get(f"/api/runs/{run_id}/records", headers={"Accept": "application/x-ndjson"})
    return told(client, run_id)


def running(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """A run once it has said something."""
    with client.stream("GET", f"/api/runs/{run_id}/records") as stream:
        next(events(stream))
    return told(client, run_id)


class Event(NamedTuple):
    """One event of a stream; what it does not say is ''."""

    id: str
    event: str
    data: str


def events(stream: httpx.Response) -> Generator[Event, None, None]:
    """The events of a stream as a browser would hear them; comments are left out. Closed, it closes the stream."""
    assert stream.status_code == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    told: dict[str, list[str]] = {}
    for line in stream.iter_lines():
        if line:
            name, _, value = line.partition(":")
            told.setdefault(name, []).append(value.removeprefix(" "))
        else:
            fields = {name: "\n".join(values) for name, values in told.items()}
            if fields.keys() & {"id", "event", "data"}:
                yield Event(fields.get("id", ""), fields.get("event", ""), fields.get("data", ""))
            told = {}


def frames(stream: httpx.Response) -> Generator[Event, None, None]:
    """The frames of a page's stream, without its beats."""
    return (event for event in events(stream) if event.event != "beat")


def fragments(html: str) -> dict[str, str]:
    """What a frame, or an answer to htmx, puts in which places."""
    return dict(PIECE.findall(html))
