"""How many fragments a frame of the bench renders, and how many of these had changed: idle, and beside one shared list.

A viewer's page is made of fragments, four a panel with those of the recent runs and of the machine. A frame holds those
that changed; what is rendered and then found to be as before is work for nothing.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from dataclasses import dataclass

import httpx
from _report import Claims, asked, heading
from _server import Server, served

SETTLE_S = 3.0  # the search for other Pythons and the first picture are no idling
PANELS = 6
SHOW_LOAD = {"machine", "now"}  # the fragments that say what other programs use of the CPUs
LIST = {"seconds": 600, "delay_min": 0.01, "delay_max": 0.05, "producers": 2, "consumers": 2}


@dataclass(frozen=True)
class Counts:
    """What the server's live streams did so far."""

    frames: int
    rendered: int
    changed: int

    def since(self, before: Counts) -> Counts:
        return Counts(self.frames - before.frames, self.rendered - before.rendered, self.changed - before.changed)


def counts(server: Server) -> Counts:
    text = server.api.get("/metrics").raise_for_status().text
    values = []
    for name in ("frames", "fragments_rendered", "fragments_changed"):
        found = re.search(rf"^poolscope_{name}_total (\S+)$", text, re.MULTILINE)
        assert found, f"no {name} in the metrics"
        values.append(int(float(found[1])))
    return Counts(*values)


class Viewer:
    """Reads the bench's stream for as long as it is open, and which fragments its frames held."""

    def __init__(self, server: Server) -> None:
        self.targets: set[str] = set()
        self._over = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(server.url,), daemon=True)
        self._thread.start()
        self._begun.wait(20)
        self.targets.clear()

    def _read(self, url: str) -> None:
        with httpx.stream("GET", f"{url}/live", timeout=None) as answer:
            for line in answer.iter_lines():
                if self._over.is_set():
                    return
                if not self._begun.is_set() and line.startswith("data: <hx-partial"):
                    self._begun.set()
                    continue
                self.targets |= set(re.findall(r'hx-target="#([^"]+)"', line))

    def leave(self) -> None:
        self._over.set()


def watch(server: Server, seconds: float) -> Counts:
    before = counts(server)
    time.sleep(seconds)
    return counts(server).since(before)


def ratios(name: str, seen: Counts) -> None:
    a_frame = f"{seen.rendered / seen.frames:.2f} rendered a frame" if seen.frames else "no frame"
    print(f"  {name}: {seen.changed} changed of {seen.rendered} rendered in {seen.frames} frames; {a_frame}")


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    seconds = 4.0 if quick else 20.0
    with served(pythons="none") as server:
        viewer = Viewer(server)
        time.sleep(SETTLE_S)
        viewer.targets.clear()
        idle = watch(server, seconds)
        ratios("idle", idle)
        by_load = idle.changed > 0 and viewer.targets <= SHOW_LOAD
        if by_load:
            print("  (what other programs use of the machine changed meanwhile, which two fragments show)")
        besides = idle.rendered - (idle.changed if by_load else 0)
        claims.at_most("idle bench with a viewer, but for the machine's load", besides, 0, digits=0)

        run = server.begin("shared-list", **LIST)
        time.sleep(1)
        viewer.targets.clear()
        running = watch(server, seconds)
        ratios("one shared list", running)
        others = {name for name in viewer.targets if not name.startswith("shared-list")} - SHOW_LOAD
        claims.true("a running list renders no other panel", not others)
        claims.at_least("of the rendered have changed", running.changed / max(running.rendered, 1), 0.95, digits=3)
        claims.at_most(
            f"rendered a frame, of {4 * PANELS + 2} on the page", running.rendered / max(running.frames, 1), 3
        )
        server.stop(run)
        viewer.leave()
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
