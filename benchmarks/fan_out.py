"""A thousand viewers of one live run: server CPU, lateness, memory; two thousand end on the newest state.

The server is `poolscope serve` in a process of its own, with a comment line in each frame that says when its HTML was
ready (`_stamped.py`). The viewers are raw sockets in another process, which reads the same clock once a frame has
arrived whole; what that process itself is late counts as well. The run is a shared list of 13 steps a second and the
stream that of the bench, which draws it about ten times a second in 3 to 6 KB: more than the 2 KB of the claim.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from _report import Claims, asked, heading, percentile
from _server import Server, raise_open_files, served
from _viewers import Crowd, Ends, crowd

RUN = {"producers": 1, "consumers": 1, "delay_min": 0.1, "delay_max": 0.2, "seconds": 600}
COMMAND = (sys.executable, str(Path(__file__).with_name("_stamped.py")), "serve")
SETTLE_S = 3.0
STOPPED = b"stopped by you"


def viewers_of(server: Server) -> int:
    found = re.search(r"^poolscope_viewers (\d+)", server.api.get("/metrics").text, re.MULTILINE)
    return int(found[1]) if found else -1


def thousand(claims: Claims, count: int, seconds: float) -> None:
    """CPU, lateness and memory with `count` viewers, and memory once they have left."""
    with served(COMMAND) as server:
        run = server.begin("shared-list", **RUN)
        with crowd(server.port, "/live") as viewers:
            viewers.join(1)
            server.until_loaded()
            time.sleep(SETTLE_S)
            alone = server.own_bytes()
            before = server.cpu_s()
            time.sleep(SETTLE_S)
            rendering = (server.cpu_s() - before) / SETTLE_S
            began = time.perf_counter()
            viewers.join(count - 1)
            joined = time.perf_counter() - began
            time.sleep(SETTLE_S)
            before = server.cpu_s()
            seen = viewers.watch(seconds)
            cpu = (server.cpu_s() - before) / seen.seconds
            each = (server.own_bytes() - alone) / (count - 1)
            known = viewers_of(server)
        server.stop(run)
        while viewers_of(server):
            time.sleep(0.25)
        time.sleep(2 * SETTLE_S)  # it gives back what they held a little later
        left = server.own_bytes()
    frames = len(seen.late_s)
    print(f"  {count} viewers came within {joined:.1f} s; the server counts {known}")
    print(
        f"  memory with one {alone / 2**20:.0f} MiB, once all have left {left / 2**20:.0f} MiB, which the next will use"
    )
    print(
        f"  {frames / count / seen.seconds:.1f} frames a second and viewer of {seen.bytes / frames / 1024:.1f} KiB "
        f"for {seen.seconds:.0f} s; {seen.skipped} skipped"
    )
    print(
        f"  server {cpu:.2f} of a core ({rendering:.2f} with one viewer), {cpu / frames * seen.seconds * 1e6:.0f} µs a "
        f"message; the viewers' process {seen.cpu_s / seen.seconds:.2f} of a core"
    )
    times = [percentile(seen.late_s, percent) * 1e3 for percent in (50, 95, 99)]
    print(
        f"  late: median {times[0]:.1f} ms, p95 {times[1]:.1f}, p99 {times[2]:.1f}, most {max(seen.late_s) * 1e3:.0f}"
    )
    claims.at_most(f"{count} viewers, server's CPU", cpu, 0.5, " of a core")
    claims.at_most(f"{count} viewers, frame to socket, p99", times[2], 100, " ms", 1)
    claims.at_most(f"{count} viewers, memory for each", each / 1024, 60, " KiB", 1)
    claims.true(f"{count} viewers share one channel", known == count)


def two_thousand(claims: Claims, count: int) -> None:
    """All end on the newest state, whatever they had to skip."""
    with served(COMMAND) as server, crowd(server.port, "/live") as viewers:
        run = server.begin("shared-list", **RUN)
        viewers.join(count)  # at once, as after a server's restart
        time.sleep(SETTLE_S)
        known = viewers_of(server)
        server.stop(run)
        ends = settled(viewers)
    newest = max(ends.versions)
    print(f"  {count} viewers, run stopped: versions {ends.versions}, {ends.closed} connections lost")
    claims.true(f"{count} viewers share one channel", known == count)
    all_there = ends.versions[newest] == count and ends.told == count and not ends.closed
    claims.true(f"{count} viewers end on the newest state, and it says that the run was stopped", all_there)


def settled(viewers: Crowd) -> Ends:
    """Where the viewers stand once nothing more comes: for two seconds, or when they have had twenty."""
    ends, since = viewers.ends(STOPPED), time.monotonic()
    give_up = since + 20
    while time.monotonic() < min(since + 2, give_up):
        time.sleep(0.25)
        now = viewers.ends(STOPPED)
        if now.versions != ends.versions:
            ends, since = now, time.monotonic()
    return ends


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    raise_open_files()
    claims = Claims(quick)
    thousand(claims, 200 if quick else 1000, 4 if quick else 20)
    two_thousand(claims, 400 if quick else 2000)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
