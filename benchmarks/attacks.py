"""Attacks a server, within what it lets anybody send, and prints how it answered meanwhile and what was lost.

    python benchmarks/attacks.py [--url http://127.0.0.1:8000] [ATTACK …]

Loopback only, one attack after another, each for about a minute. Without an address a demo is served for it. Start the
server in a container of 2 CPUs and 2 GiB; it must outlive all of them, answer /healthz within 100 ms at the 99th
percentile, keep what had finished before, do the next run, and hold no more than a fifth of memory more than before.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from urllib.parse import urlsplit

import httpx
from _clients import BY_CLIENTS, start, visitor
from _server import raise_open_files, served

ATTACK_S, LEAST_S = 40.0, 5.0
IDLE_S = 10.0
LOOK_S = 0.05
AGAIN_S = 61.0  # starts are counted over a minute
CROWD_ENDS_S = 900.0  # within which all runs of 300 visitors have had their turns
MOST_GROWTH, MORE_FILES = 1.2, 20
PATIENCE_S = 30.0  # with an answer
SPAWN = multiprocessing.get_context("spawn")


@dataclass
class Watch:
    """What somebody else sees meanwhile: how long /healthz and the bench took to answer, and what was not answered."""

    url: str
    health_s: list[float] = field(default_factory=list)
    page_s: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def until(self, over: Event) -> None:
        """Ask for /healthz twenty times a second, and for the bench once."""
        with ThreadPoolExecutor(2) as pool:
            for path, times, pause_s in (("/healthz", self.health_s, LOOK_S), ("/", self.page_s, 20 * LOOK_S)):
                pool.submit(self._follow, path, times, pause_s, over)

    def _follow(self, path: str, times: list[float], pause_s: float, over: Event) -> None:
        with httpx.Client(base_url=self.url, timeout=PATIENCE_S) as client:
            while not over.wait(pause_s):
                began = time.perf_counter()
                try:
                    client.get(path, headers={"Accept": "text/html"}).raise_for_status()
                except httpx.HTTPError as error:
                    self.lost.append(f"{path}: {error!r}")
                times.append(time.perf_counter() - began)

    def tell(self) -> None:
        for path, times in (("/healthz", self.health_s), ("/", self.page_s)):
            ordered = sorted(times) or [float("nan")]
            p50, p99, worst = (1000 * ordered[int((len(ordered) - 1) * share)] for share in (0.5, 0.99, 1))
            print(f"  {path:<9} {len(times):4} times: median {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.1f} ms")
        print(f"  not answered: {self.lost[:3] if self.lost else 'none'}", flush=True)


@dataclass(frozen=True)
class Held:
    """What the server holds while nothing runs, as its own metrics tell."""

    memory: float
    files: float
    run_processes: float

    @classmethod
    def by(cls, url: str, least: Held | None = None) -> Held:
        """Now, or as soon as it is back to `least`, within half a minute."""
        give_up = time.perf_counter() + PATIENCE_S
        while True:
            text = metrics(url)
            names = ("process_resident_memory_bytes", "process_open_fds", "poolscope_runner_processes")
            held = cls(*(float(re.findall(rf"^{name} (\S+)", text, re.MULTILINE)[0]) for name in names))
            if least is None or held.is_back_to(least) or time.perf_counter() > give_up:
                return held
            time.sleep(1)

    def is_back_to(self, before: Held) -> bool:
        few = self.files <= before.files + MORE_FILES and not self.run_processes
        return few and self.memory <= MOST_GROWTH * before.memory

    def __str__(self) -> str:
        return f"{self.memory / 2**20:.0f} MiB, {self.files:.0f} open files, {self.run_processes:.0f} processes of runs"


def keep_watch(url: str, over: Event, line: Connection) -> None:
    """Watch until it is over. In a process of its own: beside 300 visitors it would wait for their GIL."""
    watch = Watch(url)
    line.send(watch)
    watch.until(over)
    line.send(watch)


def nothing(client: httpx.Client) -> list[str]:
    """For comparison: what the machine is good for while nothing runs."""
    client.get("/healthz")
    time.sleep(IDLE_S)
    return []


def memory_hungry(client: httpx.Client) -> list[str]:
    """Row 1: 32 processes that hold 64 MiB each, or as many as are admitted."""
    params = {"workload": "memory-hungry", "items": 100, "kinds": "process", "repeats": 1}
    return until_admitted(client, params, [{"sizes": size} for size in (32, 24, 16, 8, 4)])


def large_arguments(client: httpx.Client) -> list[str]:
    """Row 1: 256 large lists for 64 processes, or as many of both as are admitted."""
    params = {"workload": "large-arguments", "kinds": "process", "repeats": 1}
    amounts = ((256, 64), (128, 64), (64, 32), (32, 32), (32, 16), (32, 8), (16, 8), (16, 4))
    return until_admitted(client, params, [{"items": items, "sizes": size} for items, size in amounts])


def until_admitted(client: httpx.Client, params: dict[str, object], amounts: list[dict[str, int]]) -> list[str]:
    """Start the first that is admitted of runs that ask for less and less; what became of each."""
    told = []
    for some in amounts:
        told.append(f"{some}: {start(client, 'which-pool', **params, **some)}")
        if ": 422 " not in told[-1]:
            break
    return told


def factorials(client: httpx.Client) -> list[str]:
    """Row 2: six times 64 processes."""
    return [start(client, "factorials", kind="process", workers=64, first=4001, last=5000) for _ in range(6)]


def shared_lists(client: httpx.Client) -> list[str]:
    """Row 3: eight times 32 threads without a pause."""
    params = {"producers": 16, "consumers": 16, "delay_min": 0, "delay_max": 0, "seconds": 30}
    return [start(client, "shared-list", **params) for _ in range(8)]


def costly_answers(client: httpx.Client) -> list[str]:
    """Row 7: forty moments of a busy run, and forty traces of it, at once."""
    first = start(client, "shared-list", producers=8, consumers=8, delay_min=0, delay_max=0.001, seconds=15)
    run_id = first.split()[0]
    while client.get(f"/api/runs/{run_id}").json()["status"] in ("queued", "running"):
        time.sleep(0.5)
    paths = [f"/runs/{run_id}/at?t={moment / 3}" for moment in range(40)] + [f"/api/runs/{run_id}/trace"] * 40
    began = time.perf_counter()
    with ThreadPoolExecutor(80) as pool:
        statuses = list(pool.map(lambda path: client.get(path).status_code, paths))
    told = {status: statuses.count(status) for status in sorted(set(statuses))}
    return [f"80 answers after {time.perf_counter() - began:.1f} s: {told}"]


ATTACKS: dict[str, Callable[[httpx.Client], list[str]]] = {
    "nothing": nothing,
    "memory-hungry": memory_hungry,
    "large-arguments": large_arguments,
    "factorials": factorials,
    "shared-lists": shared_lists,
    "costly-answers": costly_answers,
    **BY_CLIENTS,
}


def attack(url: str, name: str) -> None:
    """One attack: what was started, how the server answered meanwhile, what became of the runs, and what is left."""
    print(f"\n{name}", flush=True)
    before = Held.by(url)
    over, (line, its_end) = SPAWN.Event(), SPAWN.Pipe()
    watcher = SPAWN.Process(target=keep_watch, args=(url, over, its_end))
    watcher.start()
    line.recv()  # it has begun
    with httpx.Client(base_url=url, timeout=2 * PATIENCE_S, limits=httpx.Limits(max_connections=100)) as client:
        began = time.perf_counter()
        for told in ATTACKS[name](client):
            print(f"  {told}", flush=True)
        # What is over at once may have left something behind that the next answers wait for.
        while time.perf_counter() - began < LEAST_S or (time.perf_counter() - began < ATTACK_S and live(client)):
            time.sleep(0.5)
        over.set()
        watch = line.recv()
        watcher.join()
        for run_id in live(client):
            client.post(f"/api/runs/{run_id}/stop")
        until_nothing_runs(client)
        for run in client.get("/api/runs", params={"limit": 8}).json():
            if run["error"]:
                print(f"  {run['id']} {run['status']}: {run['error']}")
    watch.tell()
    print(f"  all runs had ended {until_idle(url):.0f} s later; the next one: {next_run(url)}")
    after = Held.by(url, least=before)
    print(f"  held before: {before}; after: {after}{'' if after.is_back_to(before) else ' - TOO MUCH'}", flush=True)


def until_idle(url: str) -> float:
    """Wait until no run of anybody is live, which those of a crowd may be for long; for how many seconds that was."""
    began = time.perf_counter()
    while (waited_s := time.perf_counter() - began) < CROWD_ENDS_S:
        live_now = re.findall(r"^poolscope_runs_(?:running|queued)\S* (\S+)", metrics(url), re.MULTILINE)
        if not sum(map(float, live_now)):
            break
        time.sleep(1)
    return waited_s


def metrics(url: str) -> str:
    return httpx.get(f"{url}/metrics", timeout=PATIENCE_S).raise_for_status().text


def next_run(url: str) -> str:
    """How a small run ends that another visitor starts now; he comes again if too many were started just now."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client, visitor(client) as other:
        began = time.perf_counter()
        while (told := start(other, "factorials", first=1, last=20)).startswith(("429", "503")):
            if time.perf_counter() - began > AGAIN_S:
                return told
            time.sleep(1)
        until_nothing_runs(other)
        return str(other.get(f"/api/runs/{told.split()[0]}").json()["status"])


def live(client: httpx.Client) -> list[str]:
    found = [client.get("/api/runs", params={"status": status}).json() for status in ("queued", "running")]
    return [run["id"] for runs in found for run in runs]


def until_nothing_runs(client: httpx.Client) -> None:
    began = time.perf_counter()
    while live(client):
        if time.perf_counter() - began > PATIENCE_S:
            print(f"  still there after {PATIENCE_S:.0f} s: {json.dumps(live(client))}")
            return
        time.sleep(0.2)


def finished(client: httpx.Client) -> list[str]:
    """Three runs that have finished, whatever comes; for the times of the last a server loads SciPy, once for all."""
    runs = [start(client, "factorials", first=1, last=20).split()[0] for _ in range(2)]
    runs.append(start(client, "pool-sizes", sizes="1", repeats=1).split()[0])
    until_nothing_runs(client)
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", help="of a server on this machine; without it, a demo is served")
    parser.add_argument("attacks", nargs="*", choices=[*ATTACKS, []], help="all of them unless some are named")
    parser.add_argument("--quick", action="store_true", help="one attack only, to see that the script still works")
    given = parser.parse_args()
    raise_open_files()
    names = given.attacks or (["others-runs"] if given.quick else list(ATTACKS))
    if given.url is None:
        with served(demo="true", starts_per_minute="12") as server:
            attack_all(server.url, names)
    elif ip_address(urlsplit(given.url).hostname or "").is_loopback:
        attack_all(given.url, names)
    else:
        parser.error("the server must be on this machine")


def attack_all(url: str, names: list[str]) -> None:
    """All attacks, and whether what was there before is there as it was."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        before = {run_id: client.get(f"/api/runs/{run_id}").json() for run_id in finished(client)}
        for name in names:
            attack(url, name)
        lost = [run_id for run_id, run in before.items() if client.get(f"/api/runs/{run_id}").json() != run]
        print(f"\n{len(names)} attacks; of {len(before)} runs finished before them {len(lost)} are lost or changed")


if __name__ == "__main__":
    main()
