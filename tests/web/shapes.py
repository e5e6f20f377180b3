"""The contract's shapes of what the API answers: what must be there, and of what type. Further fields are free."""

from __future__ import annotations

from typing import Any, Literal

import httpx
from pydantic import BaseModel

NDJSON = {"Accept": "application/x-ndjson"}


Numbers = list[int]  # SharedList has a field named list
Texts = list[str]


class Timing(BaseModel):
    median: float | None
    low: float | None
    high: float | None
    samples: list[float]


class Quantiles(BaseModel):
    median: float | None
    p99: float | None


class Thread(BaseModel):
    name: str
    role: str
    state: str
    operations: int


Threads = list[Thread]


class Lock(BaseModel):
    owner: str | None
    waiting: list[str]
    acquisitions: int
    contended: int
    wait_s: Quantiles
    hold_s: Quantiles


class SharedList(BaseModel):
    list: Numbers
    length: int
    added: int
    removed: int
    empty_polls: int
    expected_length: int
    consistent: bool
    threads: Threads
    lock: Lock
    log: Texts


class Number(BaseModel):
    n: int
    value: str | None
    digits: int | None
    worker: str
    seconds: float | None
    order: int
    error: str | None


class Factorials(BaseModel):
    results: list[Number]
    done: int
    total: int


class PoolSize(BaseModel):
    pool_size: int
    start_s: Timing
    map_s: Timing
    stop_s: Timing
    speedup: float | None
    efficiency: float | None
    results: list[Any]
    transcript: str


class PoolSizes(BaseModel):
    serial: Timing
    sizes: list[PoolSize]
    done: float
    total: float


class Tool(BaseModel):
    tool: str
    between: Literal["threads", "processes"]
    expected: int | str
    actual: int | str
    correct: bool
    operations_per_s: Timing
    explanation: str


class Sharing(BaseModel):
    tools: list[Tool]
    done: float
    total: float


class Raised(BaseModel):
    type: str
    message: str
    traceback: str


class Scenario(BaseModel):
    scenario: str
    outcome: str
    surfaced_in: str
    exception: Raised | None
    kept: list[str]
    lost: list[str]
    orphans: list[str]
    seconds: float | None
    explanation: str


class Failures(BaseModel):
    scenarios: list[Scenario]
    matrix: list[dict[str, Any]]
    done: int
    total: int


class Bounded(BaseModel):
    value: float | None
    low: float | None
    high: float | None


class Breakdown(BaseModel):
    startup: float
    dispatch: float
    compute: float
    idle: float
    shutdown: float


class Cell(BaseModel):
    kind: str
    size: int
    chunksize: int
    wall_s: Timing
    speedup: Bounded
    cpu_share: float | None
    memory_per_worker: int | None
    breakdown: Breakdown | None


class Winner(BaseModel):
    kind: str | None
    size: int | None
    chunksize: int | None
    speedup: Bounded | None
    sentence: str
    reasons: list[str]


class WhichPool(BaseModel):
    cells: list[Cell]
    verdict: Winner | None


STATES: dict[str, type[BaseModel]] = {
    "shared-list": SharedList,
    "factorials": Factorials,
    "pool-sizes": PoolSizes,
    "sharing": Sharing,
    "failures": Failures,
    "which-pool": WhichPool,
}


class Conditions(BaseModel):
    python: str
    implementation: str
    gil: bool
    usable_cpus: int
    start_method: str
    platform: str
    load_before: float | None
    shared_with: list[str]


class ListedRun(BaseModel):
    id: str
    experiment: str
    params: dict[str, Any]
    status: Literal["queued", "running", "finished", "stopped", "failed", "interrupted"]
    created: str
    started: str | None
    ended: str | None
    conditions: dict[str, Any]
    verdict: str | None
    error: str | None


class WholeRun(ListedRun):
    state: dict[str, Any]


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """What a refusal says; it must be a problem as RFC 9457 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["title"]
    assert told["detail"]
    assert told["status"] == status
    return told


def newest(client: httpx.Client) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = client.get("/api/runs", params={"limit": 500}).json()
    return runs


def newest_id(client: httpx.Client) -> list[str]:
    return [run["id"] for run in client.get("/api/runs", params={"limit": 1}).json()]
