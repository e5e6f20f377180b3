"""A class opens the bench at once: it is drawn once, or one after the other, and others are answered in between."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.main import create_app
from poolscope.settings import Settings
from poolscope.web import pages

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
            answer = await client.get("/?defaults=factorials", headers={"Accept": "text/html"})
            assert answer.status_code == 200
            drawn.append(turns)

        beside = asyncio.create_task(others())
        await asyncio.gather(*(look() for _ in range(PAGES)))
        beside.cancel()
    assert all(later > earlier for earlier, later in itertools.pairwise(drawn)), drawn


async def test_who_has_no_runs_yet_gets_what_was_drawn_and_compressed_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, draw = [], pages.draw_bench

    async def noted(*given: Any) -> Any:
        drawn.append(given[1])
        return await draw(*given)

    monkeypatch.setattr(pages, "draw_bench", noted)
    monkeypatch.setattr("poolscope.web.fragments.MACHINE_S", 600)
    settings: dict[str, Any] = {"data": tmp_path, "pythons": "none", "demo": True}
    app = create_app(Settings(**settings))

    async def look(encoding: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as visitor:
            return await visitor.get("/", headers={"Accept": "text/html", "Accept-Encoding": encoding})

    async with app.router.lifespan_context(app):  # with its journal: one that can't be read is told on the page
        answers = await asyncio.gather(*(look(encoding) for encoding in ("gzip", "identity", "gzip")))
    assert len(drawn) == 1
    assert [answer.headers.get("Content-Encoding") for answer in answers] == ["gzip", None, "gzip"]
    assert {answer.headers["Vary"] for answer in answers} == {"Accept-Encoding"}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["Set-Cookie"] for answer in answers}) == 3  # each is a visitor of his own


async def test_the_apis_document_is_made_before_anybody_asks_for_it(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"data": tmp_path, "pythons": "none"}
    app = create_app(Settings(**settings))
    assert app.openapi_schema is None, "it would delay the start"
    await app.state.app_state.scheduler.warming.finish()
    assert app.openapi_schema is not None
