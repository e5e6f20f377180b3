"""What a server costs that nobody looks at and that runs nothing: its share of one core, the spare runner included."""

from __future__ import annotations

import sys
import time

import psutil
from _report import Claims, asked, heading
from _server import Server, served

SETTLE_S = 5.0  # the start itself, and SciPy's import some seconds later, are not idling


def cpu_s(server: Server) -> float:
    """CPU time so far of the server and of every process below it."""
    spent = server.cpu_s()
    for child in server.process.children(recursive=True):
        times = child.cpu_times()
        spent += times.user + times.system
    return spent


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    seconds = 5 if quick else 40
    with served() as server:
        server.api.get("/").raise_for_status()
        server.until_loaded()
        time.sleep(SETTLE_S)
        before, began = cpu_s(server), time.perf_counter()
        time.sleep(seconds)
        spent, took = cpu_s(server) - before, time.perf_counter() - began
        children = len(server.process.children(recursive=True))
        memory = psutil.Process(server.process.pid).memory_info().rss / 2**20
    print(f"  {spent * 1e3:.0f} ms of CPU in {took:.1f} s; {children} child waits as spare runner; {memory:.0f} MiB")
    print("  (the kernel counts CPU time in steps of 10 ms, so this is good to 0.03 % of a core)")
    claims.at_most("idle, no viewer and no run", spent / took * 100, 0.5, " % of a core")
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
