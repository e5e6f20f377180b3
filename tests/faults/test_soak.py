"""Twenty scripted visitors click at random for a few seconds; benchmarks/soak.py has them do so for an hour."""

from __future__ import annotations

import asyncio

import psutil

from benchmarks._visitors import visit
from tests.faults.conftest import works_again
from tests.served import served
from tests.waiting import BOUND_S, until

VISITORS = 20
THINGS = 2  # that each does


def test_whatever_twenty_visitors_do_the_server_answers_and_nothing_of_it_stays() -> None:
    with served() as server:
        works_again(server, "shared-list")  # what a server opens once is open now
        process = psutil.Process(server.process.pid)
        before = process.num_fds()

        visits = asyncio.run(visit(server.url, visitors=VISITORS, seconds=BOUND_S, think_s=0.1, things=THINGS))
        assert visits.faults == []
        assert visits.requests >= 2 * VISITORS
        assert visits.started() > 0

        server.stop_all()
        until(lambda: server.viewers() == 0, "the end of all streams")
        # At most one runner stays, which waits for the next run.
        until(lambda: len(server.runners()) <= 1, "the end of all runners")
        until(lambda: process.num_fds() <= before + 6, "the end of all descriptors of theirs")
        works_again(server, "factorials")
