"""A worker, a runner or the server killed with -9 in the middle: a plain end, records kept, nothing left."""

from __future__ import annotations

import re
import signal
import time
from contextlib import suppress
from functools import partial

import psutil
from poolscope.runner.pools.handshake import START_LIMIT_S
from poolscope.runs.runner_process import death_of_runner

from tests.faults.conftest import LONG, AtWork, begin, lines, unharmed, works_again
from tests.served import PROGRAM, Served, served
from tests.waiting import BOUND_S, until, until_gone

EXPERIMENTS = list(LONG)
BEGUN_S = 0.2  # by then a spawned worker has mostly begun


def test_runners_whole_sessions_and_spare_ones_killed(server: Served) -> None:
    with unharmed(server):
        runs = {experiment: begin(server, experiment) for experiment in EXPERIMENTS}
        for run in runs.values():
            run.runner.kill()
        for experiment, run in runs.items():
            ended = server.ended(run.id)
            assert ended["status"] == "failed", experiment
            assert ended["error"] == death_of_runner(-signal.SIGKILL).sentence
            assert len(lines(server, run.id)) > 5
            run.until_nothing_is_left()
            assert ended["error"] in server.api.get(f"/runs/{run.id}").text

        whole = begin(server, "pool-sizes")
        for process in (*whole.workers(), whole.runner):
            process.kill()
        assert server.ended(whole.id)["status"] == "failed"
        whole.until_nothing_is_left()

        until(server.processes, "the runner that waits for the next run")
        spares = server.processes()
        assert spares
        for spare in spares:
            spare.kill()
        until_gone(spares)
        works_again(server, "pool-sizes")
        works_again(server, "factorials")


# It looks ten times as often, and so gives a runner up that does nothing in half a second instead of five.
IMPATIENT = f"from poolscope.runs import monitor; monitor.LOOK_S = 0.1; {PROGRAM}"


def test_a_runner_that_a_signal_has_stopped_in_the_middle() -> None:
    with served(IMPATIENT) as server, unharmed(server):
        run = begin(server, "shared-list")
        run.runner.suspend()

        ended = server.ended(run.id)
        assert (ended["status"], ended["error_code"]) == ("failed", "suspended")
        assert ended["error"] in server.api.get(f"/runs/{run.id}").text
        assert len(lines(server, run.id)) > 5
        run.until_nothing_is_left()


def test_workers_killed_in_the_middle(server: Served) -> None:
    with unharmed(server, "factorials"):
        for experiment in ("factorials", "pool-sizes"):
            run = begin(server, experiment)
            # One that was killed before it had begun is replaced, and its pool goes on: the next blow then hits work.
            seen: dict[int, float] = {}
            # Longer than a pool waits for its workers' first answers: then its error says what has gone on.
            until(partial(over_or_struck, server, run, seen), "the end of the run", START_LIMIT_S + BOUND_S)

            ended = server.ended(run.id)
            assert ended["status"] == "failed"
            assert re.search("SIGKILL|while its pool was starting", ended["error"]), ended["error"]
            assert len(lines(server, run.id)) > 5
            run.until_nothing_is_left()
        works_again(server, "pool-sizes")


def over_or_struck(server: Served, run: AtWork, seen: dict[int, float]) -> bool:
    """Whether the run is over; if not, a worker of a whole pool is killed, if there is one that has begun.

    `seen` remembers when a worker was first seen: what a machine's clock says of a process's start may be off.
    """
    workers, now = run.workers(), time.monotonic()
    ages = [now - seen.setdefault(worker.pid, now) for worker in workers]
    with suppress(psutil.NoSuchProcess):
        if len(workers) == 2 and ages[-1] > BEGUN_S:
            workers[-1].kill()
    return bool(server.run(run.id)["status"] != "running")


def test_the_server_killed_in_the_middle_of_every_experiment_and_while_a_run_waits(server: Served) -> None:
    with unharmed(server):
        runs = {experiment: begin(server, experiment) for experiment in EXPERIMENTS}
        waiting = server.begin("pool-sizes")
        before = server.processes()
        server.kill()
        for run in runs.values():
            run.until_nothing_is_left()
        until_gone(before)

        server.start()
        for run in runs.values():
            ended = server.run(run.id)
            assert ended["status"] == "interrupted"
            assert ended["error"] == "The server ended while this run was live. Its records up to then are kept."
            kept = lines(server, run.id)
            assert len(kept) > 5
            assert '"outcome":"interrupted"' in kept[-1].replace(" ", "")
        assert server.run(waiting)["status"] == "interrupted"
        works_again(server, "pool-sizes")
        works_again(server, "factorials")
