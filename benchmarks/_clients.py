"""Attacks that need no large run: connections, streams, others' runs, bad inputs, and a crowd of visitors."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
from _fuzzing import fuzz
from _visitors import visit

PATIENCE_S = 30.0
MOST_HEADERS = 64 * 2**20  # bytes; nobody should take so many
MOST_STREAMS = 2_000
CROWD_S = 30.0
HELD_S = 20.0  # for which a monopoly is looked at


def start(client: httpx.Client, experiment: str, **params: object) -> str:
    """Start a run; its id and status, or the status of the refusal and why."""
    answer = client.post("/api/runs", json={"experiment": experiment, "params": params})
    told = answer.json()
    if answer.status_code == 201:
        return f"{told['id']} {told['status']}"
    return f"{answer.status_code} {' '.join(error['message'] for error in told.get('errors', ())) or told['detail']}"


def endless_headers(client: httpx.Client) -> list[str]:
    """Row 4: header lines without an end, on twenty connections."""
    line = b"X-Fill: " + b"x" * 1000 + b"\r\n"

    def fill(_: int) -> int:
        sent = 0
        with connection(client) as endless, contextlib.suppress(OSError):
            endless.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
            while sent < MOST_HEADERS:
                endless.sendall(line)
                sent += len(line)
        return sent

    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(fill, range(20)))
    return [f"20 connections were cut; {max(taken) / 1024:.0f} KiB at most had gone out, most of it into the kernel"]


def half_open(client: httpx.Client) -> list[str]:
    """Row 5: a thousand silent connections and two thousand half bodies, for as long as the server has them."""
    half = b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{"
    lines = [connection(client) for _ in range(1000)]
    for number in range(2000):
        lines.append(connection(client))
        with contextlib.suppress(OSError):
            lines[-1].sendall(half if number % 2 else half[:40])
    status, opened, began = client.get("/healthz").status_code, len(lines), time.perf_counter()
    with selectors.DefaultSelector() as waiting:
        for line in lines:
            waiting.register(line, selectors.EVENT_READ)
        while waiting.get_map() and time.perf_counter() - began < PATIENCE_S:
            for key, _ in waiting.select(1.0):  # readable without having been asked anything: it is closed
                waiting.unregister(key.fileobj)
        left = len(waiting.get_map())
    for line in lines:
        line.close()
    return [
        f"/healthz beside {opened} idle connections: {status}",
        f"after {time.perf_counter() - began:.0f} s {opened - left} of them had been closed",
    ]


def monopoly(client: httpx.Client) -> list[str]:
    """Row 6: three visitors start what they can, and a fourth comes."""
    told = []
    with contextlib.ExitStack() as inside:
        for number in range(3):
            one = inside.enter_context(visitor(client))
            answers = [start(one, "shared-list", seconds=30) for _ in range(8)]
            answers += [start(one, "pool-sizes", seconds=30, workload="square-sleep") for _ in range(21)]
            kinds = Counter(answer.split()[1 if answer[0].isalpha() else 0] for answer in answers)
            told.append(f"visitor {number + 1}: {dict(kinds)}")
        another = inside.enter_context(visitor(client))
        told.append(f"a fourth: {start(another, 'shared-list', seconds=5)}, {start(another, 'pool-sizes', seconds=5)}")
        time.sleep(HELD_S)
    return told


def thousand_starts(client: httpx.Client) -> list[str]:
    """A thousand starts at once, by one visitor and then by twenty."""
    told = []
    params = {"seconds": 0.1, "delay_min": 0, "delay_max": 0.01}
    for count in (1, 20):
        with contextlib.ExitStack() as inside, ThreadPoolExecutor(20) as pool:
            visitors = [inside.enter_context(visitor(client)) for _ in range(count)]

            def post(number: int, visitors: list[httpx.Client] = visitors) -> int:
                body = {"experiment": "shared-list", "params": params}
                return visitors[number % len(visitors)].post("/api/runs", json=body).status_code

            began = time.perf_counter()
            answers = Counter(pool.map(post, range(1000)))
            took_s = time.perf_counter() - began
        told.append(f"1,000 starts of {count} within {took_s:.1f} s: {dict(sorted(answers.items()))}")
    return told


def all_streams(client: httpx.Client) -> list[str]:
    """Row 7: one client opens all streams that it can, and another one comes."""
    opened = []
    for _ in range(MOST_STREAMS):
        line = connection(client)
        opened.append(line)
        line.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
    answers = Counter(status_of(line) for line in opened)
    with visitor(client) as another, another.stream("GET", "/live") as stream:
        status = stream.status_code
    for line in opened:
        line.close()
    return [f"{MOST_STREAMS} streams of one client: {dict(answers)}", f"one of another client: {status}"]


def others_runs(client: httpx.Client) -> list[str]:
    """Row 9: one visitor stops, pauses, harms and deletes what is another's."""
    with visitor(client) as owner, visitor(client) as other:
        run_id = start(owner, "shared-list", seconds=20).split()[0]
        answers = [
            other.post(f"/api/runs/{run_id}/stop"),
            other.patch(f"/api/runs/{run_id}/controls", json={"paused": True}),
            other.post(f"/api/runs/{run_id}/faults", json={"worker": 1}),
            other.delete(f"/api/runs/{run_id}"),
        ]
        status = owner.get(f"/api/runs/{run_id}").json()["status"]
    return [f"stop, pause, kill, delete: {[answer.status_code for answer in answers]}; the run is {status}"]


def bad_inputs(client: httpx.Client) -> list[str]:
    """Row 12: what the API's document allows, and much that it does not, by schemathesis."""
    run_id = start(client, "shared-list", seconds=1).split()[0]
    tried = fuzz(str(client.base_url).rstrip("/"), [run_id], examples=10, phases="coverage,fuzzing", timeout_s=600)
    broken = client.post("/runs/nobody/stop", headers={"HX-Current-URL": "http://["}).status_code
    return [
        f"{tried.requests} requests, {'none' if not tried.failures else 'some'} against the document{tried.failures}",
        f"a page's address that is none: {broken}",
    ]


def crowd(client: httpx.Client) -> list[str]:
    """A class: 300 visitors on one gateway look, and each starts a run, within half a minute."""
    visits = asyncio.run(visit(str(client.base_url), visitors=300, seconds=CROWD_S, think_s=10.0))
    statuses: Counter[int] = Counter()
    for (_, status), count in visits.answers.items():
        statuses[status] += count
    return [
        f"300 visitors: {visits.requests} requests, {visits.started()} runs, {visits.frames} frames",
        f"answers: {dict(sorted(statuses.items()))}; not as they should be: {visits.faults[:3] or 'none'}",
    ]


def connection(client: httpx.Client) -> socket.socket:
    """A bare connection to the server."""
    return socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=PATIENCE_S)


@contextlib.contextmanager
def visitor(client: httpx.Client) -> Iterator[httpx.Client]:
    """Another visitor of the same server: a client with cookies of its own, which stops its runs as it leaves."""
    with httpx.Client(base_url=client.base_url, timeout=PATIENCE_S, headers={"Accept": "text/html"}) as other:
        other.get("/")
        other.headers["Accept"] = "application/json"
        yield other
        for status in ("queued", "running"):
            for run in other.get("/api/runs", params={"status": status}).json():
                other.post(f"/api/runs/{run['id']}/stop")


def status_of(line: socket.socket) -> str:
    """The status of an answer, or how it stayed away."""
    try:
        return line.recv(1024).split(b" ", 2)[1].decode()
    except (OSError, IndexError) as error:
        return type(error).__name__


BY_CLIENTS: dict[str, Callable[[httpx.Client], list[str]]] = {
    "endless-headers": endless_headers,
    "half-open": half_open,
    "monopoly": monopoly,
    "thousand-starts": thousand_starts,
    "all-streams": all_streams,
    "others-runs": others_runs,
    "bad-inputs": bad_inputs,
    "crowd": crowd,
}
