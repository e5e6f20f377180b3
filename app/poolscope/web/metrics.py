"""Liveness, readiness and Prometheus' text format; the format is prometheus_client's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.web.app_state import AppState, app_state_of
from poolscope.web.models import Readiness

router = APIRouter(tags=["health"])


class Collector:
    """Reads the bench when it is scraped; nothing is counted in between."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state

    def collect(self) -> Iterable[Metric]:
        scheduler = self._app_state.scheduler
        running = Counter(run.experiment.name for run in scheduler.running())
        live = GaugeMetricFamily("poolscope_runs_running", "Runs that are running", labels=["experiment"])
        for name in EXPERIMENTS:
            live.add_metric([name], running[name])
        yield live
        yield GaugeMetricFamily("poolscope_runs_queued", "Runs that wait for their turn", value=scheduler.queued())
        yield GaugeMetricFamily("poolscope_viewers", "Open live streams", value=self._app_state.hub.viewers)
        streams = self._app_state.streams
        for name, what, count in (
            ("frames", "Frames of live streams", streams.frames),
            ("fragments_rendered", "Fragments rendered for live streams", streams.rendered),
            ("fragments_changed", "Rendered fragments that were different from before", streams.changed),
        ):
            yield CounterMetricFamily(f"poolscope_{name}", what, value=count)
        trouble = 1 if scheduler.journal.trouble else 0
        yield GaugeMetricFamily("poolscope_journal_trouble", "1 while runs are not being kept", value=trouble)


@router.get("/healthz", summary="Liveness: the server answers", response_class=PlainTextResponse)
async def healthz() -> str:
    return "ok\n"


@router.get(
    "/readyz",
    summary="Readiness: runs can be started and are being kept",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Runs are not being kept"}},
)
async def readyz(request: Request) -> Response:
    trouble = app_state_of(request).scheduler.journal.trouble
    return JSONResponse({"ready": not trouble, "trouble": trouble}, 503 if trouble else 200)


@router.get("/metrics", summary="Metrics as Prometheus text", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(app_state_of(request)))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
