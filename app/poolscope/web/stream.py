"""GET /live: a page's one event stream. A frame is rendered and encoded once for all, and only while somebody looks.

A viewer holds a version number, not a queue: a slow one skips frames and always ends on the newest. The first frame of
every stream, and of every reconnect, is the whole present picture.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextvars import Context

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from poolscope.runs.run import ChangeNotifier, Run
from poolscope.web.app_state import AppState, app_state_of
from poolscope.web.fragments import Renderer, Section, bench_sections, hx_partial, machine_section, run_section
from poolscope.web.security import client_of

FRAME_S = 0.1  # ten frames a second, in the long run
EAGER = 3  # after a quiet while so many frames may follow each other faster: a click is answered by two or three
EAGER_S = 0.03
SLOW_S = 5.0  # a quiet page is looked at this often, for the header says how the machine is
DESERTED_S = 10.0  # a channel without viewers is kept this long after somebody asked for it
BEAT_S = 10  # a named event, so that a page can tell a quiet stream from a dead one
COME_BACK_MS = 1_000, 5_000
logger = logging.getLogger(__name__)
router = APIRouter()


class FramePacer:
    """How long to wait after a frame. Time that is not used is saved up, for `EAGER` frames at most."""

    def __init__(self) -> None:
        self._saved = EAGER * FRAME_S
        self._last = time.monotonic()

    def pause(self) -> float:
        """Seconds until the next frame may be drawn; to be called once a frame."""
        now = time.monotonic()
        self._saved = min(self._saved + now - self._last, EAGER * FRAME_S) - FRAME_S
        self._last = now
        return max(min(EAGER_S, FRAME_S), -self._saved)


class Channel(ABC):
    """One page's picture, for all who look at it: its loop runs while there is a viewer."""

    def __init__(self, app_state: AppState) -> None:
        self.app_state = app_state
        self.viewers = 0
        self.asked = 0.0  # when somebody last asked for it, on the monotonic clock
        self._notifier = ChangeNotifier()
        self._renderer = Renderer(app_state)
        self._html: dict[str, str] = {}
        self._delta = b""
        self._whole: tuple[int, bytes] = (-1, b"")
        self._loop: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()

    @property
    def frame(self) -> int:
        """The number of its newest frame."""
        return self._notifier.version

    @abstractmethod
    async def sections(self) -> Sequence[Section]:
        """The sections of the page as it is now."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Frames for one viewer, as ready-made bytes of the event stream."""
        self.viewers += 1
        try:
            async with self._starting:
                if self._loop is None:
                    await self._render()
                    self._loop = asyncio.create_task(self._run(), context=Context())  # not of one viewer's request
            seen = self._notifier.version
            yield self._picture()
            while True:
                version = await self._notifier.newer_than(seen)
                if self.app_state.scheduler.closed:
                    yield come_back()
                    return
                self.app_state.streams.skipped += version - seen - 1
                yield self._delta if version == seen + 1 else self._picture()
                seen = version
        finally:
            self.viewers -= 1
            if self.viewers == 0 and self._loop is not None:
                self._loop.cancel()
                self._loop = None

    async def _run(self) -> None:
        activity = self.app_state.scheduler.activity
        pacer = FramePacer()
        seen = -1
        while True:
            with contextlib.suppress(TimeoutError):
                seen = await asyncio.wait_for(activity.newer_than(seen), SLOW_S)
            if self.app_state.scheduler.closed:
                self._notifier.notify()  # let the viewers go
                return
            try:
                await self._render()
            except Exception:  # one bad frame must not end the stream for all; the next may be good
                logger.exception("A frame could not be rendered")
            await asyncio.sleep(pacer.pause())

    async def _render(self) -> None:
        """Render the fragments that show something new, and publish them as a frame."""
        changed, rendered, counts = [], self._renderer.rendered, self.app_state.streams
        try:
            async for target, markup in self._renderer.changes(await self.sections()):
                if self._html.get(target) != markup:
                    self._html[target] = markup
                    changed.append(target)
        finally:  # a fragment that can't be rendered comes when it can; those before it come now
            counts.rendered += self._renderer.rendered - rendered
            if changed:
                counts.frames += 1
                counts.changed += len(changed)
                self._delta = self._encode(changed, self._notifier.version + 1)
                self._notifier.notify()

    def _picture(self) -> bytes:
        version = self._notifier.version
        if self._whole[0] != version:
            self._whole = (version, self._encode(list(self._html), version))
        return self._whole[1]

    def _encode(self, targets: Sequence[str], version: int) -> bytes:
        partials = "".join(hx_partial(target, self._html[target]) for target in targets)
        return ServerSentEvent(partials, id=str(version)).encode()


class BenchChannel(Channel):
    """The bench: every experiment's latest run, and the recent runs. Its sections change only when a run begins or
    ends."""

    def __init__(self, app_state: AppState) -> None:
        super().__init__(app_state)
        self._sections: Sequence[Section] = ()
        self._known = -1  # the version of the scheduler's that they are of

    async def sections(self) -> Sequence[Section]:
        version = self.app_state.scheduler.notifier.version
        if self._known != version:
            self._sections, self._known = await bench_sections(self.app_state), version
        return self._sections


class RunChannel(Channel):
    """One run's page."""

    def __init__(self, app_state: AppState, run: Run) -> None:
        super().__init__(app_state)
        self._sections = run_section(app_state, run), machine_section(app_state)

    async def sections(self) -> Sequence[Section]:
        return self._sections


class Hub:
    """All channels that somebody looks at."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        self._channels: dict[str, Channel] = {}

    @property
    def viewers(self) -> int:
        return sum(channel.viewers for channel in self._channels.values())

    def frame(self, run_id: str) -> int | None:
        """The number of the newest frame of the bench or of a run's page; None when nobody looks at it."""
        channel = self._channels.get(run_id)
        return channel.frame if channel else None

    async def channel(self, run_id: str) -> Channel:
        """The bench's channel, or a run's. Raises UnknownRun."""
        now = time.monotonic()
        # Many come at once when a server is back: who asked for a channel must find those there who asked with him.
        self._channels = {
            name: channel
            for name, channel in self._channels.items()
            if channel.viewers or channel.asked > now - DESERTED_S
        }
        if run_id not in self._channels:
            state = self._app_state
            channel = RunChannel(state, await state.scheduler.run(run_id)) if run_id else BenchChannel(state)
            self._channels.setdefault(run_id, channel)
        self._channels[run_id].asked = now
        return self._channels[run_id]


def come_back() -> bytes:
    """What a stream says last: in how many ms to ask again, so that not all who watch ask a new server at once."""
    return ServerSentEvent(retry=random.randint(*COME_BACK_MS)).encode()


def beat() -> ServerSentEvent:
    return ServerSentEvent("", event="beat")


@router.get(
    "/live", summary="The page's event stream: HTML fragments of the bench, or of one run", include_in_schema=False
)
async def live(request: Request, run: str = "") -> Response:
    app_state, client = app_state_of(request), client_of(request)
    app_state.open_streams.check(client)
    channel = await app_state.hub.channel(run)
    return EventSourceResponse(
        app_state.open_streams.counted(client, channel.stream()), ping=BEAT_S, ping_message_factory=beat
    )
