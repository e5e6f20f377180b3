"""A runner that waits with its imports done, so that the next click is answered at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from poolscope.runs.runner_process import Runner


class PrewarmedRunner:
    """At most one waiting runner, of the interpreter `python` running `program` with `preload` imported."""

    def __init__(self, python: str, program: Path, preload: Sequence[str]) -> None:
        self._python, self._program, self._preload = python, program, preload
        self._spare: asyncio.Task[Runner] | None = None

    def warm(self) -> None:
        """Have a spare started, if there is none."""
        if self._spare is None:
            self._spare = asyncio.create_task(self._start())

    async def take(self) -> Runner:
        """The spare, or a runner started now. Raises OSError when none can be started."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError):
                runner = await spare
                if runner.exit_code is None:
                    return runner
                await runner.reap(0.0)
        return await self._start()

    async def close(self) -> None:
        """End the spare."""
        spare, self._spare = self._spare, None
        if spare is not None:
            with contextlib.suppress(OSError):
                await (await spare).reap(0.0)

    async def _start(self) -> Runner:
        return await Runner.start(self._preload, python=self._python, program=self._program)
