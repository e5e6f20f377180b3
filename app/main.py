"""create_app: builds the parts and joins them; no logic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from app.experiments.offers import Offers
from app.experiments.which_pool.admission import own_work
from app.measure import intervals
from app.runs import pythons
from app.runs.bench import Bench
from app.runs.journal import Journal
from app.settings import Settings
from app.web import actions, api, live, metrics, pages, problems
from app.web.assets import Assets
from app.web.guards import Guards
from app.web.guide import pages as guide
from app.web.site import VERSION, Site, folder, look


def offered(settings: Settings) -> Offers:
    """What these settings offer, before other Pythons are looked for. Raises BadParameters."""
    return Offers(own_work(settings.workloads), folder=str(Path.cwd()))


def create_app(settings: Settings) -> FastAPI:
    """The whole application; its bench opens and closes with it. Raises BadParameters for offers that make no sense."""
    wished = pythons.wished(settings.pythons)
    journal = Journal(settings.journal_path, limit_mib=settings.journal_mib)
    bench = Bench(
        journal,
        offers=replace(offered(settings), searching=True),
        look=look,
        live_limit=settings.live_limit,
        queue_limit=settings.queue_limit,
        starts_per_minute=settings.pace,
        keep_runs=settings.keep_runs,
    )
    site = Site(bench, demo=settings.demo, viewers=settings.viewers)
    site.hub = live.Hub(site)

    async def look_around() -> None:
        found = await pythons.find(*wished)
        bench.offers = replace(bench.offers, pythons=pythons.by_label(found), searching=False)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await bench.open()
        looking = asyncio.create_task(look_around())
        warming = asyncio.create_task(asyncio.to_thread(intervals.warm))
        yield
        looking.cancel()
        await asyncio.wait((looking, warming))
        await bench.close()

    app = FastAPI(title="Poolscope", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.site = site
    problems.install(app)
    for room in (pages, guide, actions, live, api, metrics):
        app.include_router(room.router)
    app.mount("/static", Assets(directory=folder("static")))
    app.mount("/charts", Assets(directory=folder("templates") / "charts"))
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Guards, hosts=settings.allowed_hosts.split(","))
    return app
