"""Scripted visitors: each looks, starts, stops, changes, harms and leaves at random, as people who explore do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

# To make one takes tens of milliseconds: 300 visitors would not come at once if each had its own.
TLS = ssl.create_default_context()
# Runs that are over in a moment, and one that lasts until somebody stops it.
RUNS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("shared-list", {"delay_min": 0.01, "delay_max": 0.03, "seconds": 0.5}),
    ("shared-list", {"delay_min": 0.05, "delay_max": 0.1, "seconds": 20}),
    ("factorials", {"first": 1, "last": 30, "workers": 2}),
    ("factorials", {"first": 900, "last": 960, "workers": 2, "kind": "process"}),
    ("pool-sizes", {"sizes": [1, 2], "repeats": 2, "last": 4}),
    ("which-pool", {"workload": "square", "items": 20, "kinds": ["thread"], "sizes": [1, 2], "repeats": 2}),
)
PAGES = ("/", "/runs", "/guide", "/guide/failing-safely", "/api", "/api/experiments", "/metrics", "/readyz")
OF_A_RUN = ("", "/at?t=0.2", "/chart.json")
OF_THE_API = ("", "/records", "/trace", "/csv", "/script")
NONSENSE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/api/runs", {"json": {"experiment": "shared-list", "params": {"seconds": "soon"}}}),
    ("POST", "/api/runs", {"content": b"\xff{"}),
    ("POST", "/runs", {"data": {"experiment": "no-such-thing"}}),
    ("GET", "/runs/nobody", {}),
    ("PUT", "/api/runs", {}),
    ("POST", "/runs/nobody/stop", {"headers": {"HX-Current-URL": "http://["}}),
)


@dataclass
class Visits:
    """What all visitors did and got: answers by action and status, and whatever no server should do."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    frames: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return sum(self.answers.values())

    def started(self) -> int:
        return self.answers["start", 201] + self.answers["form", 303]


class ScriptedVisitor:
    """One who does something, thinks for a while, and does the next thing."""

    def __init__(self, url: str, number: int, visits: Visits, think_s: float) -> None:
        self._random = random.Random(number)
        self._visits = visits
        self._think_s = think_s
        self._runs: list[str] = []
        self._stream: asyncio.Task[None] | None = None
        self._client = httpx.AsyncClient(base_url=url, timeout=60, headers={"Accept": "text/html"}, verify=TLS)

    async def stay(self, until: float, things: int) -> None:
        """Do so many things, or visit until that moment of the monotonic clock."""
        doings: tuple[tuple[int, Callable[[], Awaitable[None]]], ...] = (
            (6, self._look),
            (4, self._start),
            (2, self._start_by_form),
            (3, self._follow),
            (3, self._examine),
            (2, self._stop),
            (1, self._change),
            (1, self._kill),
            (1, self._delete),
            (2, self._talk_nonsense),
        )
        weights, actions = zip(*doings, strict=True)
        async with self._client:
            await self._ask("look", "GET", "/")  # as all do who come with a browser; it tells them apart by a cookie
            while time.monotonic() < until and things > 0:
                things -= 1
                await self._random.choices(actions, weights)[0]()
                await asyncio.sleep(self._random.expovariate(1 / self._think_s))
            await self._leave_stream()

    async def _ask(self, action: str, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            answer = await self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            self._visits.faults.append(f"{method} {path}: {error!r}")
            return None
        self._visits.answers[action, answer.status_code] += 1
        # What a limit refuses says when to come again; any other 5xx is a fault.
        if answer.status_code >= 500 and "retry-after" not in answer.headers:
            self._visits.faults.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    async def _look(self) -> None:
        await self._ask("look", "GET", self._random.choice(PAGES))

    async def _start(self) -> None:
        experiment, params = self._random.choice(RUNS)
        answer = await self._ask("start", "POST", "/api/runs", json={"experiment": experiment, "params": params})
        if answer is not None and answer.status_code == 201:
            self._runs.append(answer.json()["id"])

    async def _start_by_form(self) -> None:
        form = {"experiment": "shared-list", "seconds": "1", "delay_min": "0.05", "delay_max": "0.1"}
        answer = await self._ask("form", "POST", "/runs", data=form)
        if answer is not None and answer.status_code == 303:
            self._runs.append(answer.headers["location"].removeprefix("/runs/"))

    async def _follow(self) -> None:
        """Open the page's stream, or close the one that is open."""
        if self._stream is not None:
            await self._leave_stream()
            return
        run_id = self._some_run()
        path = f"/live?run={run_id}" if run_id and self._random.random() < 0.5 else "/live"
        self._stream = asyncio.create_task(self._read(path))

    async def _read(self, path: str) -> None:
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream("GET", path) as stream:
                self._visits.answers["follow", stream.status_code] += 1
                async for line in stream.aiter_lines():
                    self._visits.frames += line.startswith("id:")

    async def _leave_stream(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.cancel()
            await asyncio.wait({stream})

    def _some_run(self) -> str:
        return self._random.choice(self._runs[-5:]) if self._runs else ""

    async def _of_run(self, action: str, method: str, path: str, **more: Any) -> None:
        if run_id := self._some_run():
            await self._ask(action, method, path.format(run_id), **more)

    async def _examine(self) -> None:
        paths = [f"/runs/{{}}{end}" for end in OF_A_RUN] + [f"/api/runs/{{}}{end}" for end in OF_THE_API]
        path = self._random.choice(paths)
        if path.endswith("/records"):  # of a live run they would last as long as the run
            await self._of_run("stop", "POST", "/api/runs/{}/stop")
        await self._of_run("examine", "GET", path, headers={"Accept": "application/x-ndjson, text/html"})

    async def _stop(self) -> None:
        await self._of_run("stop", "POST", "/runs/{}/stop")

    async def _change(self) -> None:
        await self._of_run("change", "PATCH", "/api/runs/{}/controls", json={"delay_max": self._random.random()})

    async def _kill(self) -> None:
        await self._of_run("kill", "POST", "/api/runs/{}/faults", json={"worker": self._random.randint(1, 3)})

    async def _delete(self) -> None:
        await self._of_run("delete", "DELETE", "/api/runs/{}")

    async def _talk_nonsense(self) -> None:
        method, path, more = self._random.choice(NONSENSE)
        await self._ask("nonsense", method, path, **more)


async def visit(
    url: str, *, visitors: int, seconds: float, think_s: float, things: int = sys.maxsize, seed: int = 0
) -> Visits:
    """Have so many visitors come at once and stay for so long, or until each has done so many things.

    With the same seed they do the same things.
    """
    visits, until = Visits(), time.monotonic() + seconds
    several = [ScriptedVisitor(url, seed + number, visits, think_s) for number in range(visitors)]
    await asyncio.gather(*(each.stay(until, things) for each in several))
    return visits
