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
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from poolscope.runs.run import ChangeNotifier, Run, Visitor
from poolscope.web.access import app_state_of, owned, owner_of, visitor_of
from poolscope.web.app_state import AppState
from poolscope.web.fragments import Renderer, Section, bench_sections, hx_partial, machine_section, run_section

FRAME_S = 0.1  # ten frames a second, in the long run
# And one while something is measured: to render a frame, and to morph and lay out the page for it, takes CPU time of
# the server and of the browser, which are often on the very machine whose CPUs the measured work needs.
MEASURED_FRAME_S = 1.0
EAGER = 3  # after a quiet while so many frames may follow each other faster: a click is answered by two or three
EAGER_S = 0.03
SLOW_S = 5.0  # a quiet page is looked at this often, for the header says how the machine is
QUIET_BENCH_S = 2.0  # and a quiet bench, where a run that a terminal made appears, so often
DESERTED_S = 10.0  # a channel without viewers is kept this long after somebody asked for it
BEAT_S = 10  # a named event, so that a page can tell a quiet stream from a dead one
COME_BACK_MS = 1_000, 5_000
LAST_WORD_S = 2.0  # in which a stream must have said its last word once the server ends; less than uvicorn waits for
logger = logging.getLogger(__name__)
router = APIRouter()


class FramePacer:
    """How long to wait after a frame, to come to one in `frame_s` seconds. Time that is not used is saved up, for
    `EAGER` frames at most."""

    def __init__(self) -> None:
        self._saved = EAGER * FRAME_S
        self._last = time.monotonic()

    def pause(self, frame_s: float | None = None) -> float:
        """Seconds until the next frame may be drawn; to be called once a frame."""
        now, frame_s = time.monotonic(), FRAME_S if frame_s is None else frame_s
        self._saved = min(self._saved + now - self._last, EAGER * frame_s) - frame_s
        self._last = now
        return max(min(EAGER_S, frame_s), -self._saved)


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

    @property
    def activity(self) -> ChangeNotifier:
        """Notifies when there may be something new to show."""
        return self.app_state.scheduler.activity

    @property
    def longest_pause(self) -> float:
        """Seconds after which it is looked for something new, whether or not somebody notified."""
        return SLOW_S

    @abstractmethod
    async def sections(self) -> Sequence[Section]:
        """The sections of the page as it is now."""

    async def stream(self, visitor: Visitor) -> AsyncGenerator[bytes, None]:
        """Frames for one viewer, as ready-made bytes of the event stream."""
        self.viewers += 1
        self.app_state.open_streams.enter(visitor)
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
            self.app_state.open_streams.leave(visitor)
            self.viewers -= 1
            if self.viewers == 0 and self._loop is not None:
                self._loop.cancel()
                self._loop = None

    async def _run(self) -> None:
        pacer = FramePacer()
        seen = -1
        while True:
            # Not by wait_for, which before Python 3.12 can lose a cancel that comes with a change.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.longest_pause):
                    seen = await self.activity.newer_than(seen)
            if self.app_state.scheduler.closed:
                self._notifier.notify()  # let the viewers go
                return
            try:
                await self._render()
            except Exception:  # one bad frame must not end the stream for all; the next may be good
                logger.exception("A frame could not be rendered")
            await self._rest(pacer)

    async def _rest(self, pacer: FramePacer) -> None:
        """Wait until the next frame may be drawn; no longer for a measurement than that lasts."""
        scheduler = self.app_state.scheduler
        if not scheduler.measures():
            await asyncio.sleep(pacer.pause())
            return
        pause = pacer.pause(MEASURED_FRAME_S)
        until = time.monotonic() + pause
        await asyncio.sleep(min(pause, FRAME_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                while scheduler.measures() and not scheduler.closed:
                    await self.activity.newer_than(self.activity.version)

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
    """The bench: every experiment's latest run, and the recent runs, of everybody or of one owner. Its sections change
    only when a run of these begins or ends."""

    def __init__(self, app_state: AppState, owner: str) -> None:
        super().__init__(app_state)
        self._owner = owner
        self._sections: Sequence[Section] = ()
        self._known = -1  # the changes to the runs that they are of

    @property
    def activity(self) -> ChangeNotifier:
        return self.app_state.store.of(self._owner).activity

    @property
    def longest_pause(self) -> float:
        return QUIET_BENCH_S

    async def sections(self) -> Sequence[Section]:
        await self.app_state.store.notice_others()
        changes = self.app_state.store.of(self._owner).changes
        if self._known != changes:
            self._sections, self._known = await bench_sections(self.app_state, self._owner), changes
        return self._sections


class RunChannel(Channel):
    """One run's page, as its owner or as others see it."""

    def __init__(self, app_state: AppState, run: Run, owned: bool) -> None:
        super().__init__(app_state)
        self._sections = run_section(app_state, run, owned=owned), machine_section(app_state)

    async def sections(self) -> Sequence[Section]:
        return self._sections


@dataclass(frozen=True, slots=True)
class Page:
    """What all who look at the same share: the page of a `run`, as its owner or others see it, or the bench of an
    `owner`, '' for everybody's."""

    run: str = ""
    owner: str = ""
    owned: bool = True


class Hub:
    """All channels that somebody looks at."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        self._channels: dict[Page, Channel] = {}

    @property
    def viewers(self) -> int:
        return sum(channel.viewers for channel in self._channels.values())

    def frame(self, page: Page) -> int | None:
        """The number of a page's newest frame; None when nobody looks at it."""
        channel = self._channels.get(page)
        return channel.frame if channel else None

    async def channel(self, page: Page) -> Channel:
        """A page's channel. Raises UnknownRun."""
        now = time.monotonic()
        # Many come at once when a server is back: who asked for a channel must find those there who asked with him.
        self._channels = {
            page: channel
            for page, channel in self._channels.items()
            if channel.viewers or channel.asked > now - DESERTED_S
        }
        if page not in self._channels:
            self._channels.setdefault(page, await self._make(page))
        self._channels[page].asked = now
        return self._channels[page]

    async def _make(self, page: Page) -> Channel:
        if not page.run:
            return BenchChannel(self._app_state, page.owner)
        return RunChannel(self._app_state, await self._app_state.store.run(page.run), page.owned)


def come_back() -> bytes:
    """What a stream says last: in how many ms to ask again, so that not all who watch ask a new server at once."""
    return ServerSentEvent(retry=random.randint(*COME_BACK_MS)).encode()


@router.get(
    "/live", summary="The page's event stream: HTML fragments of the bench, or of one run", include_in_schema=False
)
async def live(request: Request, run: str = "") -> Response:
    app_state, visitor = app_state_of(request), visitor_of(request)
    app_state.open_streams.check(visitor)
    channel = await app_state.hub.channel(await page_of(request, run))

    def beat() -> ServerSentEvent:
        app_state.scheduler.see(visitor.id)
        return ServerSentEvent("", event="beat")

    frames = channel.stream(visitor)
    return EventSourceResponse(frames, ping=BEAT_S, ping_message_factory=beat, shutdown_grace_period=LAST_WORD_S)


async def page_of(request: Request, run_id: str = "") -> Page:
    """The page that who asks sees: the bench, with his own runs if he has some of his own, or a run's."""
    if not run_id:
        return Page(owner=owner_of(request))
    return Page(run_id, owned=owned(request, await app_state_of(request).store.run(run_id)))
