"""A hundred viewers of one run, one of whom never reads; two who start the same thing; those who look at nothing."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack

import psutil

from tests.faults.conftest import LONG, unharmed
from tests.served import PROGRAM, Served, served
from tests.waiting import BOUND_S, until

VIEWERS = 100
MANY = 400  # within the descriptors that a process may have anywhere


async def test_many_watch_one_run_and_one_of_them_never_reads(server: Served) -> None:
    with unharmed(server):
        run_id = await asyncio.to_thread(server.begin, "shared-list", **LONG["shared-list"])
        idle = silent_viewer(server.port, run_id)
        viewers = [asyncio.create_task(until_stopped(server.port, run_id)) for _ in range(VIEWERS)]
        await asyncio.to_thread(until, lambda: server.viewers() == VIEWERS + 1, "all viewers")

        before = await asyncio.to_thread(server.run, run_id)
        await asyncio.to_thread(until, lambda: server.run(run_id)["state"]["added"] > before["state"]["added"] + 100)
        await asyncio.to_thread(server.stop, run_id)
        async with asyncio.timeout(BOUND_S):
            frames = await asyncio.gather(*viewers)
        assert min(frames) >= 2

        # Who did not read for all that time still ends on the newest.
        idle.settimeout(BOUND_S)
        with idle:
            assert await asyncio.to_thread(newest, idle)
        await asyncio.to_thread(until, lambda: server.viewers() == 0, "the end of all streams")


def test_a_crowd_up_to_the_limit_leaves_no_memory_behind_where_the_server_has_the_image_s_allocator() -> None:
    """Viewers beyond the limit are refused, the others stay, and a place that one leaves is free."""
    with served(PROGRAM, {"PYTHONMALLOC": "malloc"}, viewers=str(MANY)) as hosted, unharmed(hosted):
        assert psutil.Process(hosted.process.pid).environ()["PYTHONMALLOC"] == "malloc"
        run_id = hosted.begin("shared-list", **LONG["shared-list"] | {"delay_min": 0.05, "delay_max": 0.1})
        runners = [process.environ() for process in hosted.processes()]
        assert runners
        assert not any("PYTHONMALLOC" in environ for environ in runners)
        with ExitStack() as crowd:
            first, *_ = [crowd.enter_context(silent_viewer(hosted.port, run_id)) for _ in range(MANY)]
            until(lambda: hosted.viewers() == MANY, "all viewers")
            refused = hosted.api.get("/live")
            assert refused.status_code == 503
            assert refused.headers["Retry-After"]
            first.close()
            until(lambda: hosted.viewers() == MANY - 1, "a free place")
            with hosted.api.stream("GET", "/live") as stream:
                assert stream.status_code == 200
        until(lambda: hosted.viewers() == 0, "the end of all streams")
        hosted.stop(run_id)
        assert hosted.api.delete(f"/api/runs/{run_id}").is_success  # with its records, which are no crowd's


def silent_viewer(port: int, run_id: str) -> socket.socket:
    """Asks for a stream and reads nothing of it, with little room for what comes."""
    silent = socket.socket()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.connect(("127.0.0.1", port))
    silent.sendall(f"GET /live?run={run_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    return silent


def newest(late: socket.socket) -> bool:
    """Read until the run's end is shown."""
    tail = b""
    while b"stopped by you" not in tail:
        got = late.recv(65536)
        if not got:
            return False
        tail = tail[-100:] + got
    return True


async def until_stopped(port: int, run_id: str) -> int:
    """Read a stream until it shows the run's end; returns how many frames came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live?run={run_id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    frames, tail = 0, b""
    while b"stopped by you" not in tail:
        got = await reader.read(65536)
        assert got, "the stream ended"
        frames += got.count(b"\nid: ") + got.startswith(b"id: ")
        tail = tail[-100:] + got
    writer.close()
    await writer.wait_closed()
    return frames


async def test_two_who_start_the_same_thing_at_once_get_two_runs(server: Served) -> None:
    both = await asyncio.gather(
        *(asyncio.to_thread(server.begin, "pool-sizes", sizes=[2], repeats=3) for _ in range(2))
    )
    assert len(set(both)) == 2
    assert [(await asyncio.to_thread(server.ended, run_id))["status"] for run_id in both] == ["finished"] * 2
    first, second = sorted((server.run(run_id) for run_id in both), key=lambda run: str(run["started"]))
    assert first["ended"] <= second["started"], "measured runs take turns"


async def test_fifty_stops_of_one_run_are_one_stop(server: Served) -> None:
    run_id = await asyncio.to_thread(server.begin, "shared-list", **LONG["shared-list"])
    answers = await asyncio.gather(*(asyncio.to_thread(server.api.post, f"/api/runs/{run_id}/stop") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert (await asyncio.to_thread(server.ended, run_id))["status"] == "stopped"
