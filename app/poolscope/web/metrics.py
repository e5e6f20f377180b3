"""Liveness, readiness and Prometheus' text format; the format is prometheus_client's."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.monitor import usage_of
from poolscope.web.access import app_state_of
from poolscope.web.app_state import AppState
from poolscope.web.models import Readiness

router = APIRouter(tags=["health"])

ENDING = "The server is ending."


@dataclass(frozen=True, slots=True)
class RunnersUsage:
    """What the runners of live runs and all that they started hold: processes, bytes of memory, and CPU seconds."""

    processes: int
    memory: int
    cpu_s: float

    @classmethod
    def of(cls, leaders: Collection[int]) -> RunnersUsage:
        """Of the sessions of these leaders. Blocks, for about a millisecond a process."""
        found = usage_of(leaders).values()
        return cls(
            sum(len(each.pids) for each in found),
            sum(each.shared_once for each in found),
            sum(each.cpu_s for each in found),
        )


class Collector:
    """Reads scheduler, journal and streams when it is scraped; `used` is what live runners take at the moment."""

    def __init__(self, app_state: AppState, used: RunnersUsage) -> None:
        self._app_state = app_state
        self._used = used

    def collect(self) -> Iterator[Metric]:
        yield from self._runs()
        yield from self._runners()
        yield from self._streams()
        yield from self._journal()
        refusals = CounterMetricFamily(
            "poolscope_refusals", "Requests that were refused, by status and reason", labels=["status", "reason"]
        )
        for (status, reason), count in self._app_state.refusals.items():
            refusals.add_metric([str(status), reason], count)
        yield refusals

    def _runs(self) -> Iterator[Metric]:
        scheduler = self._app_state.scheduler
        running = Counter(run.experiment.name for run in scheduler.running())
        live = GaugeMetricFamily("poolscope_runs_running", "Runs that are running", labels=["experiment"])
        for name in EXPERIMENTS:
            live.add_metric([name], running[name])
        yield live
        yield GaugeMetricFamily("poolscope_runs_queued", "Runs that wait for their turn", value=scheduler.queued())
        ended = CounterMetricFamily(
            "poolscope_runs_ended", "Runs that ended, by experiment and outcome", labels=["experiment", "outcome"]
        )
        for labels, count in scheduler.counts.ended.items():
            ended.add_metric(labels, count)
        yield ended
        for name, what, durations in (
            ("queue_wait", "How long runs waited before they began", scheduler.counts.waited),
            ("runner_start", "How long a run waited for its runner process", scheduler.counts.runner_start),
        ):
            yield HistogramMetricFamily(
                f"poolscope_{name}_seconds", what, buckets=durations.buckets, sum_value=durations.total_s
            )

    def _runners(self) -> Iterator[Metric]:
        for name, what, value in (
            ("processes", "Processes of the runs that are live", self._used.processes),
            ("memory_bytes", "Memory of the runs that are live, shared pages in equal parts", self._used.memory),
        ):
            yield GaugeMetricFamily(f"poolscope_runner_{name}", what, value=value)
        # The kernel adds up what ended children and their children took; the live ones are not among them yet.
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = ended.ru_utime + ended.ru_stime + self._used.cpu_s
        counts = self._app_state.scheduler.counts
        counts.cpu_s = max(counts.cpu_s, cpu_s)  # a counter never falls, though one may die between both looks
        yield CounterMetricFamily(
            "poolscope_runner_cpu_seconds", "CPU time of all runs, ended and live", value=counts.cpu_s
        )

    def _streams(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("poolscope_viewers", "Open live streams", value=self._app_state.hub.viewers)
        streams = self._app_state.streams
        for name, what, count in (
            ("frames", "Frames drawn for live streams", streams.frames),
            ("frames_skipped", "Frames that slow viewers did not get, newer ones in their place", streams.skipped),
            ("fragments_rendered", "Fragments rendered for live streams", streams.rendered),
            ("fragments_changed", "Rendered fragments that were different from before", streams.changed),
        ):
            yield CounterMetricFamily(f"poolscope_{name}", what, value=count)

    def _journal(self) -> Iterator[Metric]:
        journal = self._app_state.scheduler.journal
        trouble = 1 if journal.trouble else 0
        yield GaugeMetricFamily("poolscope_journal_trouble", "1 while runs are not being kept", value=trouble)
        yield GaugeMetricFamily("poolscope_journal_bytes", "Size of the journal on disk", value=journal.size())
        yield HistogramMetricFamily(
            "poolscope_journal_write_seconds",
            "How long a write to the journal took, with its wait for those before",
            buckets=journal.writes.buckets,
            sum_value=journal.writes.total_s,
        )


@router.get("/healthz", summary="Liveness: the server answers", response_class=PlainTextResponse)
async def healthz() -> str:
    return "ok\n"


@router.get(
    "/readyz",
    summary="Readiness: runs can be started and are being kept",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Runs are not being kept, or the server is ending"}},
)
async def readyz(request: Request) -> Response:
    scheduler = app_state_of(request).scheduler
    trouble = ENDING if scheduler.ending else scheduler.journal.trouble
    return JSONResponse({"ready": not trouble, "trouble": trouble}, 503 if trouble else 200)


@router.get("/metrics", summary="Metrics as Prometheus text", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    app_state = app_state_of(request)
    used = await asyncio.to_thread(RunnersUsage.of, app_state.scheduler.sessions())
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector(app_state, used))
    ProcessCollector(registry=registry)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
