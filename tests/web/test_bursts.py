"""A class opens the bench at once: the pages are drawn one after the other, and others are answered in between."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
from poolscope.main import create_app
from poolscope.settings import Settings

PAGES = 6


async def test_the_loop_turns_between_two_benches(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data": tmp_path, "pythons": "none", "demo": True}
    transport = httpx.ASGITransport(create_app(Settings(**settings)))
    turns, drawn = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:

        async def look() -> None:
            answer = await client.get("/", headers={"Accept": "text/html"})
            assert answer.status_code == 200
            drawn.append(turns)

        beside = asyncio.create_task(others())
        await asyncio.gather(*(look() for _ in range(PAGES)))
        beside.cancel()
    assert all(later > earlier for earlier, later in itertools.pairwise(drawn)), drawn
