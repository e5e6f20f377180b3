"""Soak: twenty scripted visitors click at random, and the server's memory, descriptors and processes do not grow.

    python benchmarks/soak.py --minutes 60

What is compared is the server after a quarter of the time, when it keeps all that it ever keeps, with the server at
the end; both times nobody is there and nothing runs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import time
from collections import Counter
from dataclasses import dataclass

from _report import Claims, heading
from _server import Server, raise_open_files, served
from _visitors import Visits, visit

VISITORS = 20
QUICK_S, ROUND_S = 5.0, 60.0
GROWTH = 1.2


@dataclass(frozen=True)
class Held:
    """What the server holds while nobody asks anything of it."""

    memory: int
    descriptors: int
    processes: int


def at_rest(server: Server) -> Held:
    """End all runs, and wait until their processes are gone: one runner stays, which waits for the next run."""
    give_up = time.monotonic() + 30
    while live := [run["id"] for status in ("queued", "running") for run in listed(server, status)]:
        for run_id in live:
            server.api.post(f"/api/runs/{run_id}/stop")
        if time.monotonic() > give_up:
            break
        time.sleep(0.2)
    while len(server.process.children(recursive=True)) > 1 and time.monotonic() < give_up:
        time.sleep(0.2)
    return Held(server.own_bytes(), server.process.num_fds(), len(server.process.children(recursive=True)))


def listed(server: Server, status: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = server.api.get("/api/runs", params={"status": status, "limit": 500}).json()
    return found


def soak(server: Server, rounds: int, round_s: float) -> tuple[list[Held], list[Visits]]:
    """So many rounds of visits, and what the server held after each."""
    held, all_visits = [], []
    for number in range(rounds):
        visits = asyncio.run(visit(server.url, visitors=VISITORS, seconds=round_s, think_s=0.5, seed=number * VISITORS))
        gc.collect()
        held.append(at_rest(server))
        all_visits.append(visits)
        now = held[-1]
        print(
            f"  {number + 1:3}: {visits.requests} requests, {visits.started()} runs, {visits.frames} frames, "
            f"{len(visits.faults)} faults; {now.memory / 2**20:.1f} MiB, {now.descriptors} descriptors, "
            f"{now.processes} processes",
            flush=True,
        )
    return held, all_visits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=4, help="how long (4)")
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that the benchmark still works")
    given = parser.parse_args()
    heading(__doc__)
    raise_open_files()
    claims = Claims(given.quick)
    with served() as server:
        held, all_visits = soak(
            server, 4 if given.quick else max(4, given.minutes), QUICK_S if given.quick else ROUND_S
        )
    early, late = held[len(held) // 4], held[-1]
    faults = [fault for visits in all_visits for fault in visits.faults]
    answers: Counter[int] = Counter()
    for visits in all_visits:
        for (_, status), count in visits.answers.items():
            answers[status] += count
    print(f"  answers: {dict(sorted(answers.items()))}")
    print("".join(f"  {fault}\n" for fault in faults[:10]), end="")
    claims.true("no answer is a failure, and no connection is lost", not faults)
    claims.at_most("memory at the end, by that after a quarter", late.memory / early.memory, GROWTH)
    claims.at_most("descriptors more than after a quarter", late.descriptors - early.descriptors, 4, digits=0)
    claims.at_most("processes left, the one that waits for a run included", late.processes, 1, digits=0)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
