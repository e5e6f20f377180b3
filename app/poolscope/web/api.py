"""The JSON API, with the names of the contract: runs, their records as a lossless stream, trace, CSV and script."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sse_starlette import EventSourceResponse, ServerSentEvent

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.run import Run, Status
from poolscope.web.access import app_state_of, own_run, owner_of, visitor_of
from poolscope.web.actions import MOST_WORKERS
from poolscope.web.exports import script, table_as_csv, trace
from poolscope.web.models import AnyRun, ExperimentAnswer, RunSummary, TraceAnswer
from poolscope.web.problems import refusals
from poolscope.web.stream import LAST_WORD_S, come_back

router = APIRouter(prefix="/api", responses=refusals(400, 401))


class StartRun(BaseModel):
    """A run to start."""

    model_config = ConfigDict(extra="forbid")

    # In the document alone: a name that is none of them is answered with 404 and all names.
    experiment: str = Field(
        description="One of those that /api/experiments lists.", json_schema_extra={"enum": list(EXPERIMENTS)}
    )
    params: dict[str, Any] = Field(default_factory=dict, description="What is left out has its default.")


@router.get(
    "/experiments",
    summary="The experiments with the JSON Schema of their parameters",
    response_model=list[ExperimentAnswer],
)
async def experiments(request: Request) -> Response:
    answers = [
        {
            "name": experiment.name,
            "title": experiment.title,
            "question": experiment.question,
            "parameters": experiment.params.model_json_schema(),
        }
        for experiment in app_state_of(request).scheduler.experiments.values()
    ]
    return JSONResponse(answers)


@router.post(
    "/runs",
    status_code=201,
    summary="Start a run; 422 starts nothing and says which parameter is wrong and why",
    response_model=AnyRun,
    responses=refusals(403, 404, 413, 422, 429, 503),
)
async def start(request: Request, body: StartRun) -> Response:
    run = await app_state_of(request).scheduler.start(body.experiment, body.params, visitor_of(request))
    return JSONResponse(run.as_json(), 201, headers={"Location": f"/api/runs/{run.id}"})


@router.get(
    "/runs",
    summary="Kept runs, in the demo one's own, newest first; before is the id to go on from",
    response_model=list[RunSummary],
    responses=refusals(422),
)
async def runs(
    request: Request,
    experiment: str = "",
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: str = "",
) -> Response:
    app_state = app_state_of(request)
    alive = {run.id: run for run in app_state.store.in_memory()}
    summaries = []
    rows = await app_state.scheduler.journal.runs(
        experiment=experiment, status=status or "", visitor=owner_of(request), limit=limit, before=before
    )
    for row in rows:
        run = alive.get(row.id)
        summaries.append(
            run.as_json(whole=False)
            if run
            else {
                "id": row.id,
                "experiment": row.experiment,
                "params": row.params,
                "status": row.status,
                "created": row.created,
                "started": row.started,
                "ended": row.ended,
                "conditions": row.conditions,
                "verdict": row.summary or None,
                "error": row.error,
                "kept": True,
                "queue": None,
                "shortage": None,
            }
        )
    return JSONResponse(summaries)


@router.get(
    "/runs/{run_id}",
    summary="One run with its conditions, state, verdict and findings",
    response_model=AnyRun,
    responses=refusals(404),
)
async def run(request: Request, run_id: str) -> Response:
    return JSONResponse((await app_state_of(request).store.run(run_id)).as_json())


@router.post(
    "/runs/{run_id}/stop",
    status_code=202,
    summary="Stop a run; a finished one stays as it is; 409 if another process performs it",
    response_model=RunSummary,
    responses=refusals(403, 404, 409, 413),
)
async def stop(request: Request, run_id: str) -> Response:
    run = await own_run(request, run_id)
    return JSONResponse((await app_state_of(request).scheduler.stop(run.id)).as_json(whole=False), 202)


def whole(number: Any) -> Any:
    """80.0 as 80: JSON Schema's integer is any number without a fraction. Everything else is left to the model."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


class KillWorker(BaseModel):
    """A worker process to kill, to see what becomes of the run."""

    model_config = ConfigDict(extra="forbid", strict=True)

    worker: Annotated[int, BeforeValidator(whole)] = Field(
        ge=1, le=MOST_WORKERS, description="The number of the worker process to kill, from 1."
    )


@router.post(
    "/runs/{run_id}/faults",
    status_code=202,
    summary="Kill a worker process of a live run, now; 409 if it has no worker of that number",
    response_model=AnyRun,
    responses=refusals(403, 404, 409, 413, 422),
)
async def kill_worker(request: Request, run_id: str, body: KillWorker) -> Response:
    run = await own_run(request, run_id)
    return JSONResponse((await app_state_of(request).scheduler.kill(run.id, body.worker)).as_json(), 202)


@router.patch(
    "/runs/{run_id}/controls",
    summary="Change what a live run allows: delay_min, delay_max, paused",
    response_model=RunSummary,
    responses=refusals(403, 404, 409, 413, 422),
)
async def change(request: Request, run_id: str, values: dict[str, Any]) -> Response:
    run = await own_run(request, run_id)
    return JSONResponse((await app_state_of(request).scheduler.change(run.id, values)).as_json(whole=False))


@router.delete(
    "/runs/{run_id}",
    status_code=204,
    summary="Delete a run and its records; 409 while it is live",
    responses=refusals(403, 404, 409, 413),
)
async def delete(request: Request, run_id: str) -> Response:
    run = await own_run(request, run_id)
    await app_state_of(request).scheduler.delete(run.id)
    return Response(status_code=204)


@router.get(
    "/runs/{run_id}/records",
    summary="All records as they come: an event a record, or lines of JSON",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}, "application/x-ndjson": {}}}, **refusals(404, 429, 503)},
)
async def records(
    request: Request,
    run_id: str,
    accept: Annotated[str, Header()] = "",
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """Resumes after Last-Event-ID without gap or repeat; closes with `event: end`."""
    run = await app_state_of(request).store.run(run_id)
    if "application/x-ndjson" in accept:
        return ndjson(request, run)
    after = int(last_event_id) if re.fullmatch("[0-9]{1,18}", last_event_id) else 0
    open_streams, visitor = app_state_of(request).open_streams, visitor_of(request)
    open_streams.check(visitor)

    async def events() -> AsyncGenerator[bytes, None]:
        with open_streams.opened(visitor):
            async for first, lines in run.record_log.after(after):
                yield b"".join(b"id: %d\ndata: %b\n\n" % (first + index, line) for index, line in enumerate(lines))
            # The server ends, and the next one begins the run: its records are to be asked for again.
            yield come_back() if run.status.live else b"event: end\ndata: {}\n\n"

    return EventSourceResponse(
        events(),
        ping_message_factory=lambda: ServerSentEvent(comment="ping"),
        shutdown_grace_period=LAST_WORD_S,
    )


@router.get("/runs/{run_id}/records.ndjson", include_in_schema=False)
async def records_file(request: Request, run_id: str) -> Response:
    """The records as lines for a browser, which can't choose what it accepts behind a link."""
    answer = ndjson(request, await app_state_of(request).store.run(run_id))
    answer.headers.update(named(f"poolscope-{run_id}.ndjson"))
    return answer


def ndjson(request: Request, run: Run) -> Response:
    """The records as lines of JSON, followed while the run is live. Raises TooManyStreams or TooManyViewers."""
    open_streams, visitor = app_state_of(request).open_streams, visitor_of(request)
    open_streams.check(visitor)

    async def lines() -> AsyncGenerator[bytes, None]:
        with open_streams.opened(visitor):
            async for _, batch in run.record_log.after(0):
                yield b"\n".join((*batch, b""))

    return StreamingResponse(lines(), media_type="application/x-ndjson")


@router.get(
    "/runs/{run_id}/trace",
    summary="Trace Event JSON for the Perfetto UI and chrome://tracing",
    response_model=TraceAnswer,
    responses=refusals(404, 503),
)
async def trace_of(request: Request, run_id: str) -> Response:
    app_state = app_state_of(request)
    run = await app_state.store.run(run_id)
    headers = named(f"poolscope-{run_id}.trace.json")
    body = await body_of(request, run, "trace", lambda: JSONResponse(trace(run)).body)
    return Response(body, media_type="application/json", headers=headers)


@router.get(
    "/runs/{run_id}/csv",
    summary="The result rows as CSV",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/csv": {}}}, **refusals(404, 503)},
)
async def rows(request: Request, run_id: str) -> Response:
    app_state = app_state_of(request)
    run = await app_state.store.run(run_id)
    text = await body_of(request, run, "csv", lambda: table_as_csv(run).encode())
    return Response(text, media_type="text/csv; charset=utf-8", headers=named(f"poolscope-{run_id}.csv"))


@router.get(
    "/runs/{run_id}/script",
    summary="A standalone Python script that does the same run",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/x-python": {}}}, **refusals(404)},
)
async def script_of(request: Request, run_id: str) -> Response:
    app_state = app_state_of(request)
    run = await app_state.store.run(run_id)
    text = script(app_state, run)
    return Response(text, media_type="text/x-python; charset=utf-8", headers=named(f"{run.experiment.slug}.py"))


async def body_of(request: Request, run: Run, form: str, work: Callable[[], bytes | memoryview]) -> bytes:
    """A costly form of a run, kept for a while once the run has ended. Raises TooBusy."""
    costly, visitor = app_state_of(request).costly, visitor_of(request)
    if run.status.live:
        return await costly.make(visitor.id, lambda: bytes(work()))
    return await costly.body(visitor.id, (form, run.id, run.created), lambda: bytes(work()))


def named(file: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file}"'}
