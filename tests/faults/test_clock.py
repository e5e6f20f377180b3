"""The wall clock jumps by a day, forwards and back: runs last as long as they last, and nobody is taken for another."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import httpx

from tests.faults.conftest import LONG, begin, unharmed
from tests.served import PROGRAM, Served, served
from tests.waiting import BOUND_S, until

# A server whose wall clock is off by the seconds in a file.
CLOCK = """
import datetime, time
from pathlib import Path
from poolscope.runs import run
from poolscope.web import access

real = time.time

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(time.time(), tz)

time.time = lambda: real() + float(Path({path!r}).read_text())
run.datetime = access.datetime = Shifted
"""
DAY_S = 86_400
# A measured run of some seconds, so that the clock jumps in the middle of it.
BRIEF = {"sizes": [2], "workload": "square-sleep", "work_ms": 50, "last": 4, "repeats": 4}


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("0")
    program = f"{CLOCK.format(path=str(clock))}\n{PROGRAM}"
    with served(program, demo="true", most_seconds="600", most_repeats="100") as server, unharmed(server):
        headers = {"Accept": "text/html"}
        with httpx.Client(base_url=server.url, timeout=BOUND_S, headers=headers) as visitor:
            visitor.get("/")
            for seconds in (-DAY_S, 0):  # back, and forwards
                jump_in_the_middle(server, visitor, clock, seconds)


def jump_in_the_middle(server: Served, visitor: httpx.Client, clock: Path, seconds: int) -> None:
    """Set the clock while somebody has a live and a measured run, and look what becomes of them and of him."""
    known = dict(visitor.cookies)
    assert known
    live = begin(server, "shared-list")
    measured = server.begin("pool-sizes", **BRIEF)
    until(lambda: server.run(measured)["status"] == "running", "its start")

    clock.with_suffix(".new").write_text(str(seconds))
    clock.with_suffix(".new").replace(clock)
    before = server.run(live.id)["state"]["added"]
    until(lambda: server.run(live.id)["state"]["added"] > before + 50, "more steps")
    visitor.get("/")
    assert dict(visitor.cookies) == known, "nobody loses his runs"
    server.stop(live.id)

    assert server.ended(measured)["status"] == "finished"
    for run_id in (live.id, measured):
        run = server.run(run_id)
        assert datetime.fromisoformat(run["ended"]) >= datetime.fromisoformat(run["started"])
    # What the next ones are told of their start is no day away.
    server.begin("pool-sizes", **LONG["pool-sizes"])
    queued = server.run(server.begin("pool-sizes", sizes=[2], repeats=2))
    start = datetime.fromisoformat(queued["queue"]["expected_start"])
    assert start - datetime.fromisoformat(queued["created"]) < timedelta(hours=1)
    server.stop_all()
