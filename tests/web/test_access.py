"""The token and the visitor's cookie: who is let in, what they hold, and what another one's word is worth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.main import create_app
from poolscope.settings import Settings
from poolscope.web.access import kept_secret

from tests.served import WITHOUT_TLS
from tests.web.conftest import BY_BROWSER

TOKEN = "a token of sixteen characters and more"
Open = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def asked(tmp_path: Path) -> Open:
    """Clients of an application with these settings, which is not really served."""

    @asynccontextmanager
    async def make(address: str = "http://localhost:8000", **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(**{"data": tmp_path, "pythons": "none", **settings}))
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url=address, verify=WITHOUT_TLS) as client:
            yield client

    return make


async def test_without_a_token_only_what_says_nothing_is_open(asked: Open) -> None:
    async with asked(token=TOKEN) as client:
        for path in ("/", "/runs", "/api/experiments", "/live", "/metrics", "/openapi.json", "/guide"):
            answer = await client.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"] == "Bearer"
        assert (await client.post("/api/runs", json={"experiment": "shared-list"})).status_code == 401
        for path in ("/healthz", "/readyz", "/static/live.js", "/charts/drift.vl.json"):
            assert (await client.get(path)).status_code in (200, 503), path


async def test_a_program_brings_the_token_in_a_header(asked: Open) -> None:
    async with asked(token=TOKEN) as client:
        for kind in ("Bearer", "token"):
            answer = await client.get("/api/experiments", headers={"Authorization": f"{kind} {TOKEN}"})
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
        for wrong in (f"Bearer {TOKEN}x", "Bearer ", "Bearer ä", f"Basic {TOKEN}"):
            answer = await client.get("/api/experiments", headers={b"Authorization": wrong.encode()})
            assert answer.status_code == 401


async def test_a_browser_brings_it_once_by_the_link_and_the_address_keeps_nothing_of_it(asked: Open) -> None:
    async with asked(token=TOKEN) as client:
        answer = await client.get("/runs", params={"token": TOKEN, "status": "failed"}, headers=BY_BROWSER)
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?status=failed")
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert TOKEN not in cookie
        assert (await client.get("/runs", headers=BY_BROWSER)).status_code == 200
    async with asked(token=f"{TOKEN}, a newer one") as another:
        another.cookies = client.cookies
        assert (await another.get("/runs")).status_code == 401


async def test_a_page_has_a_field_for_the_token_and_leads_back(asked: Open) -> None:
    async with asked(token=TOKEN) as client:
        page = await client.get("/runs/sl-0001", headers=BY_BROWSER)
        assert page.status_code == 401
        assert 'action="/login"' in page.text
        assert 'name="token"' in page.text
        assert 'value="/runs/sl-0001"' in page.text
        wrong = await client.post("/login", data={"token": "another", "next": "/runs"}, headers=BY_BROWSER)
        assert wrong.status_code == 401
        assert "set-cookie" not in wrong.headers
        let_in = await client.post("/login", data={"token": TOKEN, "next": "/runs"}, headers=BY_BROWSER)
        assert (let_in.status_code, let_in.headers["location"]) == (303, "/runs")
        assert (await client.get("/api/runs")).status_code == 200


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil.example"])
async def test_the_way_back_leads_nowhere_else(asked: Open, to: str) -> None:
    async with asked(token=TOKEN) as client:
        answer = await client.post("/login", data={"token": TOKEN, "next": to})
        assert httpx.URL("http://localhost:8000").join(answer.headers["location"]).host == "localhost"


async def test_another_sites_page_can_use_neither_the_cookie_nor_the_field(asked: Open) -> None:
    async with asked(token=TOKEN) as client:
        await client.get("/", params={"token": TOKEN})
        foreign = {"Origin": "https://evil.example"}
        for path in ("/runs", "/login", "/api/runs"):
            assert (await client.post(path, headers=foreign)).status_code == 403
        refused = await client.post("/login", headers={"Origin": "http://["})
        assert refused.status_code == 403


async def test_over_tls_the_cookie_is_for_tls_alone(asked: Open) -> None:
    async with asked(token=TOKEN, trusted_proxies="192.0.2.7") as client:
        answer = await client.get("/", params={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in answer.headers["set-cookie"].split("; ")
    async with asked(token=TOKEN) as client:
        answer = await client.get("/", params={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" not in answer.headers["set-cookie"].split("; ")


async def test_a_visitor_of_the_demo_gets_a_random_name_once(asked: Open) -> None:
    async with asked(demo=True) as client:
        first = await client.get("/", headers=BY_BROWSER)
        assert {"HttpOnly", "SameSite=Lax"} <= set(first.headers["set-cookie"].split("; "))
        assert "set-cookie" not in (await client.get("/", headers=BY_BROWSER)).headers
        client.cookies.clear()
        assert "set-cookie" not in (await client.get("/api/runs")).headers
        assert "set-cookie" not in (await client.get("/static/live.js", headers=BY_BROWSER)).headers
        forged = {"Cookie": "poolscope-visitor-8000=v-somebody.aaaaaa.bbbbbb"}
        assert "set-cookie" in (await client.get("/", headers={**BY_BROWSER, **forged})).headers
    async with asked() as client:
        assert "set-cookie" not in (await client.get("/", headers=BY_BROWSER)).headers


def test_the_key_of_the_cookies_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = kept_secret(path)
    assert kept_secret(path) == made
    assert len(made) == 64
    assert path.stat().st_mode & 0o077 == 0
    assert kept_secret(tmp_path / "nowhere" / "secret") != kept_secret(tmp_path / "nowhere" / "secret")
