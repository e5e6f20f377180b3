"""Runs that never took place, put into the journal of a server, which shows them as it does those of a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Record, to_line
from poolscope.runs.journal import Journal


def kept(
    folder: Path,
    experiment: str,
    params: Mapping[str, Any],
    records: Sequence[Record],
    conditions: Mapping[str, Any] | None = None,
) -> str:
    """Put a finished run into the journal in a data folder; returns its id."""

    async def write() -> str:
        journal = Journal(folder / "poolscope.sqlite")
        await journal.open()
        about = EXPERIMENTS[experiment]
        asked = parse(about.params, params).model_dump(mode="json")
        run_id = await journal.create(about.prefix, experiment, asked, "2026-01-01T00:00:00.000+00:00", {})
        assert run_id is not None
        await journal.append(run_id, 1, [to_line(record) for record in records])
        here = dict(conditions or {})
        await journal.save(run_id, status="finished", started="2026-01-01T00:00:00.000+00:00", conditions=here)
        await journal.close()
        return run_id

    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop at work in the thread of the tests
        return beside.submit(asyncio.run, write()).result()
