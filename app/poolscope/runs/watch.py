"""Looks once a second at what live runs really hold, and kills the one that must end so that the others can go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextvars import Context

from poolscope.runs.breach import LookedAt, find_breach
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.run import Run, Status
from poolscope.runs.runner_process import RunnerProcess
from poolscope.runs.usage import SessionUsage, usage_of

LOOK_S = 1.0

log = logging.getLogger(__name__)

LiveRuns = Mapping[str, tuple[Run, RunnerProcess]]


class RunWatch:
    """Watches live runs as long as there are any. `usage` is what the newest look has found, by run.

    `limit_s` is the time that one run may last, `cpu_limit_s` its CPU time, None for any.
    """

    def __init__(
        self,
        budget: ResourceBudget,
        limit_s: float | None,
        cpu_limit_s: float | None,
        live: Callable[[], LiveRuns],
    ) -> None:
        self.usage: Mapping[str, SessionUsage] = {}
        self._budget = budget
        self._limit_s, self._cpu_limit_s = limit_s, cpu_limit_s
        self._live = live
        self._suspended: dict[str, int] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Watch from now on, where that is not done already."""
        if self._loop is None or self._loop.done():
            # Without the context of whose run begins: a log line must not name another's request.
            self._loop = asyncio.create_task(self._follow(), context=Context())

    def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()

    async def _follow(self) -> None:
        while self._live():
            await asyncio.sleep(LOOK_S)
            try:
                await self.look()
            except Exception:  # one look that fails must not end the watch
                log.exception("The live runs could not be looked at.")
        self.usage, self._suspended = {}, {}

    async def look(self) -> None:
        """Look once, and end at most one run."""
        live = {run_id: each for run_id, each in self._live().items() if each[0].status is Status.RUNNING}
        found = await asyncio.to_thread(usage_of, [runner.pid for _, runner in live.values()])
        self.usage = {run_id: found[runner.pid] for run_id, (_, runner) in live.items()}
        self._suspended = {
            run_id: self._suspended.get(run_id, 0) + 1 for run_id, usage in self.usage.items() if usage.suspended
        }
        now = time.monotonic()
        looked_at = {
            run_id: LookedAt(run.params.demand, self.usage[run_id], self._suspended.get(run_id, 0), now - run.began)
            for run_id, (run, _) in live.items()
            if run.breach is None
        }
        breach = await asyncio.to_thread(find_breach, looked_at, self._budget, self._cpu_limit_s, self._limit_s)
        if breach is not None:
            run, runner = live[breach[0]]
            run.breach = breach[1]
            await runner.kill()
