"""create_app: builds the parts and joins them; no logic."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from poolscope import __version__
from poolscope.experiments.experiment import Installation
from poolscope.experiments.narrowing import narrowed
from poolscope.experiments.pool_benchmark.measure_command import program
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.machine import interpreters
from poolscope.runs import earlier_journals
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.journal import Journal
from poolscope.runs.redaction import redaction_of_this_installation
from poolscope.runs.run_cgroups import RunCgroups, find_subtree
from poolscope.runs.scheduler import Scheduler
from poolscope.settings import Settings, usual_data_folder
from poolscope.stats import comparison
from poolscope.web import access, actions, api, metrics, pages, problems, stream
from poolscope.web.access import Identification, is_loopback, kept_secret, proxies_of
from poolscope.web.app_state import AppState
from poolscope.web.assets import Assets, folder
from poolscope.web.guide import routes as guide
from poolscope.web.open_streams import OpenStreams
from poolscope.web.requests import Guards, RequestLog
from poolscope.web.views import VIEWS

log = logging.getLogger(__name__)

# After the start, when pages have been opened. A measured run that comes sooner loads SciPy before it begins.
WARM_AFTER_S = 5.0


def called_here(installation: Installation, settings: Settings) -> Installation:
    """With how commands on the page call this program and where they keep runs, unless others than its user see it."""
    alone = settings.host == "localhost" or is_loopback(settings.host)
    if settings.demo or not alone:
        return installation
    data = settings.data.absolute()
    return replace(installation, program=program(), data="" if data == usual_data_folder() else str(data))


def create_app(settings: Settings) -> FastAPI:
    """The whole application; its scheduler opens and closes with it. Raises BadParameters for senseless settings."""
    # Strangers get what is built in, and this Python.
    offered = ("", "", "") if settings.demo else (settings.workloads, settings.executors, settings.cluster)
    wanted = interpreters.parse_setting("none" if settings.demo else settings.pythons)
    journal = Journal(
        settings.journal_path,
        limit_mib=settings.journal_mib,
        name=settings.journal_path.name if settings.demo else "",
    )

    def warm() -> None:
        comparison.warm()
        app.openapi()  # takes a fifth of a second, which whoever asks for it first would else take from everybody

    scheduler = Scheduler(
        journal,
        experiments=narrowed(EXPERIMENTS, settings.run_limits),
        installation=replace(
            called_here(offered_installation(*offered), settings), searching=True, engines=not settings.demo
        ),
        live_limit=settings.live_limit,
        live_of_visitor=settings.live_of_visitor,
        queue_limit=settings.queue_limit,
        queued_of_visitor=settings.queued_of_visitor,
        starts_per_minute=settings.starts_per_minute,
        starts_of_address=settings.starts_of_address,
        gone_after_s=settings.gone_after if settings.demo else None,
        keep_runs=settings.keep_runs,
        budget=ResourceBudget.of_machine(settings.busy_limit, settings.process_limit, settings.memory_mib),
        run_s=settings.run_s or None,
        run_cpu_s=settings.cpu_s_of_one_run,
        records_mib=settings.records_mib,
        for_strangers=settings.demo,
        run_cgroups=RunCgroups(find_subtree()),
        redact=redaction_of_this_installation(settings.journal_path.parent) if settings.demo else None,
        warm=warm,
    )
    identification = Identification(
        settings.secret or kept_secret(settings.journal_path.with_name(f"{settings.journal_path.name}-secret")),
        token=settings.token,
        apart=settings.demo,
        proxies=proxies_of(settings.trusted_proxies),
    )
    open_streams = OpenStreams(settings.viewers, settings.streams_of_visitor)
    app_state = AppState(scheduler, identification, open_streams)
    app_state.hub = stream.Hub(app_state)

    async def find_pythons() -> None:
        found = await interpreters.find(*wanted)
        scheduler.installation = replace(scheduler.installation, pythons=interpreters.by_label(found), searching=False)
        await scheduler.resume()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await scheduler.open(take_over=True)
        if journal.set_aside:
            log.warning(earlier_journals.in_words(str(journal.path), [str(journal.set_aside)]))
        finding = asyncio.create_task(find_pythons())
        loading = asyncio.get_running_loop().call_later(WARM_AFTER_S, scheduler.warming.start)
        yield
        loading.cancel()
        finding.cancel()
        await asyncio.wait({finding})
        await scheduler.close()

    app = FastAPI(title="Poolscope", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.app_state = app_state
    problems.install(app)
    for room in (pages, guide, access, actions, stream, api, metrics):
        app.include_router(room.router)
    for view in VIEWS.values():
        if view.routes is not None:
            app.include_router(view.routes)
    app.mount("/static", Assets(directory=folder("static")))
    app.mount("/charts", Assets(directory=folder("templates") / "charts"))

    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(access.Access, app_state=app_state)
    app.add_middleware(Guards, hosts=settings.allowed_hosts.split(","))
    app.add_middleware(RequestLog, refusals=app_state.refusals)
    return app
