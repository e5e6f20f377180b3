"""After a crash: ends what the server left running, marks those runs interrupted and removes their scratch folders."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from poolscope.errors import MalformedRecord
from poolscope.experiments.experiment import Experiments
from poolscope.protocol.records import End, from_line, to_line
from poolscope.runs.journal import Journal, StoredRun
from poolscope.runs.process_tree import is_alive, kill_session, was_left_behind
from poolscope.runs.run import Status, later, now

INTERRUPTED = "The server ended while this run was live. Its records up to then are kept."


RESUMED_WITHIN_S = 900.0  # later nobody waits for it any more


def left_waiting(owner: Mapping[str, Any]) -> dict[str, Any]:
    """The owner of a run that waits for the next server, as the journal has it."""
    return {**owner, "left": time.time()}


def waits_for_a_start(row: StoredRun) -> bool:
    """Whether a server that ended has left a run waiting, not long ago."""
    left = row.owner.get("left")
    return row.status == Status.QUEUED and isinstance(left, float) and abs(time.time() - left) < RESUMED_WITHIN_S


async def recover(journal: Journal, experiments: Experiments) -> list[str]:
    """Interrupt every live run whose server is gone; returns their ids.

    Those of a server that lives are left alone, and so are those that were left waiting for the next.
    """
    interrupted = []
    for row in await journal.live():
        if is_alive(row.owner.get("server", {})) or waits_for_a_start(row):
            continue
        runner = row.owner.get("runner")
        if runner is not None:
            await asyncio.to_thread(_end, runner)
        if row.experiment in experiments:
            experiments[row.experiment]  # now its results can be read
        seconds = await _end_log(journal, row.id)
        ended = later(seconds, row.started) if row.started else now()
        await journal.save(row.id, status=Status.INTERRUPTED.value, ended=ended, error=INTERRUPTED)
        interrupted.append(row.id)
    await asyncio.to_thread(clear_scratch)
    return interrupted


async def _end_log(journal: Journal, run_id: str) -> float:
    """Give the records the end that the runner could not say; its stamp is that of the last one before.

    Returns the seconds from the first to the last of them, in which the run is known to have been alive.
    """
    lines = await journal.lines(run_id)
    with contextlib.suppress(IndexError, MalformedRecord):
        first, last = from_line(lines[0]), from_line(lines[-1])
        if not isinstance(last, End):
            await journal.append(run_id, len(lines) + 1, [to_line(End(last.t, Status.INTERRUPTED.value, INTERRUPTED))])
        return (last.t - first.t) / 1e9
    return 0.0


def _end(runner: Mapping[str, Any]) -> None:
    """Kill a runner's session. The leader may be dead and its workers not: their session's id is still the leader's,
    and the kernel gives that id to no new process while one of them lives."""
    if is_alive(runner) or not psutil.pid_exists(runner["pid"]):
        kill_session(runner["pid"])


def clear_scratch(folder: Path | None = None) -> None:
    """Remove scratch folders whose server is gone; the folder's name tells the server's process id."""
    for path in (folder or Path(tempfile.gettempdir())).glob("poolscope-*-*"):
        if path.is_dir() and was_left_behind(path):
            shutil.rmtree(path, ignore_errors=True)
