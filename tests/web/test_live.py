"""The page's one stream: whole first, then only what changed; rendered once for all; over when nobody looks."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, aclosing, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from jinja2 import Environment
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.journal import Journal
from poolscope.runs.run import NOBODY, Run
from poolscope.runs.scheduler import Scheduler
from poolscope.text.numbers import NARROW
from poolscope.web import fragments as fragments_module
from poolscope.web import stream
from poolscope.web.access import Identification
from poolscope.web.app_state import AppState
from poolscope.web.context import Machine
from poolscope.web.fragments import Fragment, Section
from poolscope.web.stream import Channel

from tests.waiting import BOUND_S, until
from tests.web.conftest import (
    BRIEF,
    BY_BROWSER,
    ENDLESS,
    Event,
    Serve,
    ended,
    events,
    fragments,
    frames,
    running,
    start,
)

# Over HTTP


def test_the_first_frame_is_the_whole_picture_whatever_was_heard_before_and_the_next_only_what_changed(
    client: httpx.Client, endless: dict[str, Any]
) -> None:
    path = f"/live?run={endless['id']}"
    with client.stream("GET", path) as stream:
        begin, after = itertools.islice(frames(stream), 2)
    first, second = fragments(begin.data), fragments(after.data)
    assert first.keys() == {
        "run-head",
        "run-fault",
        "run-threads",
        "run-list",
        "run-lock",
        "run-log",
        "run-findings",
        "run-replay",
        "run-more",
        "machine",
    }
    assert second
    assert not second.keys() & {"run-fault", "run-findings", "run-replay", "run-more"}
    for target, html in second.items():
        assert html != first[target]
    for heard in (begin.id, after.id, "99999", "nonsense"):
        with client.stream("GET", path, headers={"Last-Event-ID": heard}) as stream:
            assert fragments(next(frames(stream)).data).keys() == first.keys()


def test_a_viewer_of_a_run_sees_its_end(client: httpx.Client) -> None:
    run_id = start(client, "shared-list", **BRIEF)["id"]
    with client.stream("GET", f"/live?run={run_id}") as stream:
        last = next(frame for frame in frames(stream) if 'data-state="done">finished' in frame.data)
    page = client.get(f"/runs/{run_id}").text
    for target, html in fragments(last.data).items():
        assert target == "machine" or html in page


def test_the_bench_shows_a_run_from_click_to_end(client: httpx.Client) -> None:
    with client.stream("GET", "/live") as stream:
        told = frames(stream)
        next(told)
        run_id = start(client, "factorials")["id"]
        seen: dict[str, str] = {}
        for frame in told:
            seen |= fragments(frame.data)
            results = seen.get("factorials-live", "").replace(NARROW, " ")
            if "finished" in seen.get("factorials-head", "") and "3 628 800" in results:
                break
    assert run_id in seen["factorials-head"]
    assert not any(target.startswith(("pool-sizes", "shared-list")) for target in seen), "they did not change"
    with client.stream("GET", "/live") as stream:
        whole = fragments(next(frames(stream)).data)
    # Beside them what runs now, the recent runs, the machine, and what stands in the place of the form at the top.
    assert len(whole) == 4 * len(EXPERIMENTS) + 4
    assert run_id in whole["recent"]


def test_a_slow_viewer_skips_frames_and_ends_on_the_newest(serve: Serve) -> None:
    with serve(buffer=4096) as server, server.client() as client:
        params = {"delay_min": 0, "delay_max": 0.002, "producers": 8, "consumers": 8, "seconds": 600}
        run_id = running(client, start(client, "shared-list", **params)["id"])["id"]
        host, port = server.address.removeprefix("http://").split(":")
        with socket.socket() as slow, client.stream("GET", f"/live?run={run_id}") as quick:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((host, int(port)))
            slow.settimeout(BOUND_S)
            slow.sendall(f"GET /live?run={run_id} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            # Nobody reads there while another sees more frames than its line can hold.
            told = frames(quick)
            seen = sum(len(frame.data) for frame in itertools.islice(told, 25))
            client.post(f"/api/runs/{run_id}/stop")
            ended(client, run_id)
            newest = ""
            while "stopped by you" not in newest:
                newest = next(told).data
            got = b""
            while "stopped by you" not in got.decode(errors="ignore"):
                received = slow.recv(65536)
                assert received, "the line was closed"
                got += received
        counted = server.app_state.streams.skipped
    assert seen > 150_000, "too little to fill a line"
    ids = [int(line[4:]) for line in got.decode(errors="ignore").splitlines() if line.startswith("id: ")]
    assert ids == sorted(set(ids))
    skipped = ids[-1] - ids[0] + 1 - len(ids)
    assert 0 < skipped <= counted


def test_one_viewer_more_than_the_limit_is_refused_until_another_leaves(serve: Serve) -> None:
    with serve(viewers=2) as server, server.client() as client:
        with client.stream("GET", "/live") as first, closing(frames(first)) as one:
            next(one)
            with client.stream("GET", "/live") as second, closing(frames(second)) as two:
                next(two)
                refused = client.get("/live")
                assert refused.status_code == 503
                assert int(refused.headers["retry-after"]) >= 1
                assert "2 live streams are open" in refused.json()["detail"]
            until(lambda: server.app_state.hub.viewers == 1, "the end of the second viewer")
            with client.stream("GET", "/live") as third:
                assert next(frames(third))
        until(lambda: server.app_state.hub.viewers == 0, "the end of all viewers")


def test_one_visitor_can_not_open_all_streams(serve: Serve) -> None:
    with serve(demo=True, streams_of_visitor=1) as server, server.client() as client, server.client() as other:
        other.get("/", headers=BY_BROWSER)  # gets a name of its own by it
        with client.stream("GET", "/live") as first, closing(frames(first)) as one:
            next(one)
            assert client.get("/live").status_code == 429
            with other.stream("GET", "/live") as second:
                assert second.status_code == 200


def test_an_unknown_runs_stream_is_404(client: httpx.Client) -> None:
    answer = client.get("/live?run=sl-9999")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_quiet_stream_beats(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEAT_S", 0.02)
    with serve() as server, server.client() as client, client.stream("GET", "/live") as answer:
        seen: list[Event] = []
        for event in events(answer):
            seen.append(event)
            if {event.event for event in seen} == {"", "beat"} and len(seen) > 5:
                break
    assert {(beat.id, beat.data) for beat in seen if beat.event} == {("", "")}


def test_a_frame_is_rendered_once_for_all_viewers(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    viewers = 12
    with serve() as server, server.client() as client, ExitStack() as stack:
        run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
        rendered = Counter[str]()
        part = fragments_module.part

        def counting(templates: Environment, template: str, macro: str, context: Mapping[str, Any]) -> Any:
            rendered[macro] += 1
            return part(templates, template, macro, context)

        monkeypatch.setattr(fragments_module, "part", counting)
        streams = [stack.enter_context(client.stream("GET", f"/live?run={run_id}")) for _ in range(viewers)]
        lines = [stack.enter_context(closing(frames(stream))) for stream in streams]
        told = [list(itertools.islice(line, 6)) for line in lines]
        assert server.app_state.hub.viewers == viewers
        client.post(f"/api/runs/{run_id}/stop")
        last = next(frame for frame in lines[0] if "stopped by you" in frame.data)
        published = int(last.id)
    # Viewers that come at different moments begin with different frames, but the same frame is the same for all.
    by_id: dict[str, set[str]] = {}
    for event in itertools.chain.from_iterable(each[1:] for each in told):
        by_id.setdefault(event.id, set()).add(event.data)
    assert max(map(len, by_id.values())) <= 2, "a frame as such, and as the whole picture of who skipped some"
    # A render a frame, and at most as many again that brought nothing new; never one a viewer.
    assert 6 <= rendered["threads"] < 2 * published


# The channel itself, without a server: what it shows is ours to change


class Words(Channel):
    """A page of a few words, each in a piece of its own; it counts how often it was looked at."""

    def __init__(self, app_state: AppState, **words: str) -> None:
        super().__init__(app_state)
        self.words: dict[str, str] = words
        self.broken = ""
        self.looks = 0

    async def sections(self) -> Sequence[Section]:
        self.looks += 1
        return [
            Section(
                name,
                partial(self.words.get, name),
                partial(self.context, name),
                partial(self.fragments, name),
            )
            for name in self.words
        ]

    def fragments(self, name: str) -> tuple[Fragment, ...]:
        return (Fragment(name, "partials/machine.html", "header"),)

    async def context(self, name: str) -> dict[str, Any]:
        if name == self.broken:
            raise ZeroDivisionError
        return {"machine": lambda: Machine(((name, self.words[name]),))}

    def tell(self, **words: str) -> None:
        self.words |= words
        self.app_state.scheduler.activity.notify()

    async def looked(self) -> None:
        """Have it look at its pieces once more, and wait until it has."""
        looks = self.looks
        self.app_state.scheduler.activity.notify()
        await holds(lambda: self.looks > looks)
        await asyncio.sleep(0)


async def holds(condition: Callable[[], object]) -> None:
    """Let the loop go on until something is true."""
    async with asyncio.timeout(BOUND_S):
        while not condition():  # noqa: ASYNC110 (what is waited for sets no event)
            await asyncio.sleep(0)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Words:
    monkeypatch.setattr(stream, "FRAME_S", 0)
    return Words(AppState(Scheduler(Journal(tmp_path / "unused.sqlite")), Identification()), one="1", two="1")


async def shown(viewer: AsyncIterator[bytes]) -> dict[str, str]:
    """The words of the next frame."""
    async with asyncio.timeout(BOUND_S):
        frame = (await anext(viewer)).decode()
    data = "\n".join(line[6:] for line in frame.splitlines() if line.startswith("data: "))
    return {name: html.split("<dd>")[1].split("</dd>")[0] for name, html in fragments(data).items()}


def loops() -> list[str]:
    return [
        name for task in asyncio.all_tasks() if (name := getattr(task.get_coro(), "__qualname__", "")) == "Channel._run"
    ]


async def test_frames_come_only_while_something_changes(words: Words) -> None:
    async with aclosing(words.stream(NOBODY)) as viewer:
        assert await shown(viewer) == {"one": "1", "two": "1"}
        following = asyncio.ensure_future(shown(viewer))
        for _ in range(5):
            await words.looked()
        assert not following.done(), "a frame without any news"
        words.tell(two="2")
        assert await following == {"two": "2"}


async def test_frames_are_rare_while_something_is_measured_and_come_as_it_ends(
    words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MEASURED_FRAME_S", 10 * BOUND_S)
    about, scheduler = EXPERIMENTS["sharing"], words.app_state.scheduler
    monkeypatch.setattr(scheduler, "_running", {"sd-0001": Run("sd-0001", about, about.params())})
    async with aclosing(words.stream(NOBODY)) as viewer:
        assert await shown(viewer) == {"one": "1", "two": "1"}
        await holds(lambda: words.looks == 2)  # the loop's first look, after which it rests
        following = asyncio.ensure_future(shown(viewer))
        for number in range(2, 50):
            words.tell(one=str(number))
            await asyncio.sleep(0)
        assert (words.looks, following.done()) == (2, False)
        scheduler._running.clear()
        words.tell(two="2")
        assert await following == {"one": "49", "two": "2"}


async def test_who_lags_skips_to_the_newest(words: Words) -> None:
    async with aclosing(words.stream(NOBODY)) as slow, aclosing(words.stream(NOBODY)) as quick:
        for viewer in (slow, quick):
            assert await shown(viewer) == {"one": "1", "two": "1"}
        for number in range(2, 50):
            words.tell(one=str(number))
            assert await shown(quick) == {"one": str(number)}
        assert await shown(slow) == {"one": "49", "two": "1"}
        words.tell(two="2")
        assert await shown(slow) == await shown(quick) == {"two": "2"}


async def test_a_look_serves_all_viewers(words: Words) -> None:
    viewers = [words.stream(NOBODY) for _ in range(50)]
    for viewer in viewers:
        assert await shown(viewer) == {"one": "1", "two": "1"}
    assert words.viewers == 50
    looks = words.looks
    assert looks <= 2, "the first viewer's, and that of the loop's begin"
    words.tell(one="2")
    for viewer in viewers:
        assert await shown(viewer) == {"one": "2"}
    assert words.looks == looks + 1
    for viewer in viewers:
        await viewer.aclose()
    assert words.viewers == 0


async def test_the_loop_ends_with_its_last_viewer_and_begins_with_the_next(words: Words) -> None:
    first, second = words.stream(NOBODY), words.stream(NOBODY)
    for viewer in (first, second):
        await shown(viewer)
    assert len(loops()) == 1
    await first.aclose()
    await words.looked()
    assert len(loops()) == 1
    await second.aclose()
    await holds(lambda: not loops())
    looks = words.looks
    words.tell(one="2")
    for _ in range(10):
        await asyncio.sleep(0)
    assert words.looks == looks, "nobody looks, so nothing is rendered"
    async with aclosing(words.stream(NOBODY)) as third:
        assert await shown(third) == {"one": "2", "two": "1"}
        words.tell(two="3")
        assert await shown(third) == {"two": "3"}


async def test_the_loop_ends_also_when_something_changes_as_its_last_viewer_leaves(words: Words) -> None:
    for turns in range(8):  # of the event loop, between the change and the leaving
        viewer = words.stream(NOBODY)
        await shown(viewer)
        await words.looked()
        words.tell(one=str(turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        await viewer.aclose()
        for _ in range(10):
            await asyncio.sleep(0)
        assert not loops(), f"after {turns} turns"


async def test_a_piece_that_can_not_be_rendered_costs_no_other_and_comes_when_it_can(
    words: Words, caplog: pytest.LogCaptureFixture
) -> None:
    async with aclosing(words.stream(NOBODY)) as viewer:
        await shown(viewer)
        words.broken = "two"
        words.tell(one="2", two="2")
        assert await shown(viewer) == {"one": "2"}
        assert "could not be rendered" in caplog.text
        words.broken = ""
        words.tell()
        assert await shown(viewer) == {"two": "2"}


async def test_a_channel_lets_its_viewers_go_when_the_bench_closes(tmp_path: Path) -> None:
    scheduler = Scheduler(Journal(tmp_path / "poolscope.sqlite"))
    await scheduler.open()
    words = Words(AppState(scheduler, Identification()), one="1")
    viewers = [words.stream(NOBODY) for _ in range(3)]
    for viewer in viewers:
        await shown(viewer)
    await scheduler.close()
    for viewer in viewers:
        async with asyncio.timeout(BOUND_S):
            last = [frame async for frame in viewer]  # when to ask again, and nothing else
            assert [frame.partition(b":")[0] for frame in last] == [b"retry"]
    assert words.viewers == 0
    await holds(lambda: not loops())


def test_events_are_read_as_a_browser_reads_them() -> None:
    text = ": a comment\r\n\r\nid: 1\r\ndata: a\r\ndata: b\r\n\r\nevent: beat\r\ndata: \r\n\r\n"
    answer = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)
    answer.headers["content-type"] = "text/event-stream"
    assert list(events(answer)) == [Event("1", "", "a\nb"), Event("", "beat", "")]
