"""Who was in what state when, as far as a picture of it reaches back; a part of every experiment's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from poolscope.protocol.records import Actor, Record, Span

# Beyond this the oldest go, even if they are still in the window: a picture has about 1,000 places a lane.
MOST_SPANS = 8_000
_NOTHING: Mapping[str, Span] = MappingProxyType({})
_NO_PIDS: Mapping[str, int] = MappingProxyType({})
_NO_HOSTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Lanes:
    """Actors in order of appearance, the span that each is in now, and the closed spans of the last `window_s`.

    window_s None keeps the whole run, up to the limit. `pids` are those of the actors that are processes, `hosts` those
    of the actors that may be on another one.
    """

    window_s: float | None = None
    actors: tuple[str, ...] = ()
    now: Mapping[str, Span] = field(default_factory=lambda: _NOTHING)
    spans: tuple[Span, ...] = ()
    pids: Mapping[str, int] = field(default_factory=lambda: _NO_PIDS)
    hosts: Mapping[str, str] = field(default_factory=lambda: _NO_HOSTS)

    def fold(self, record: Record) -> Lanes:
        match record:
            case Actor(event="started") if record.actor not in self.actors:
                return replace(self, actors=(*self.actors, record.actor))._known(record)
            case Actor(event="started", pid=int()) if record.pid != self.pids.get(record.actor, record.pid):
                return self._without(record.actor)._known(record)
            case Actor(event="ended"):
                # What it was in until then is over now, and known from begin to end.
                last = self.now.get(record.actor)
                return self if last is None else self._closed(replace(last, t1=record.t))
            case Span(t1=None):
                return replace(self, now={**self.now, record.actor: record})
            case Span():
                return self._closed(record)
            case _:
                return self

    def _known(self, actor: Actor) -> Lanes:
        pids = self.pids if actor.pid is None else {**self.pids, actor.actor: actor.pid}
        hosts = {**self.hosts, actor.actor: actor.host} if actor.host else self.hosts
        return replace(self, pids=pids, hosts=hosts)

    def _without(self, actor: str) -> Lanes:
        """The lanes before another process took this one's: what that one did is not its own."""
        now = {name: span for name, span in self.now.items() if name != actor}
        return replace(self, now=now, spans=tuple(span for span in self.spans if span.actor != actor))

    def _closed(self, span: Span) -> Lanes:
        now = self.now
        current = now.get(span.actor)
        # A task that ended just before its worker was killed is told afterwards, and may have ended after the stamp of
        # the request: nothing but its own end ends a death.
        outlives = current is not None and current.state == "killed" != span.state
        if current is not None and not outlives and current.t0 < (span.t1 or 0):
            now = {name: other for name, other in now.items() if name != span.actor}
        spans = (*self.spans, span)
        # Cut rarely and in bulk: cutting one span from a tuple copies all of it.
        if self.window_s is not None and (len(spans) % 512 == 0 or len(spans) > MOST_SPANS):
            oldest = span.t - int(self.window_s * (1.2e9 if len(spans) <= MOST_SPANS else 1e9))
            spans = tuple(kept for kept in spans if kept.t >= oldest)
        if len(spans) > MOST_SPANS:
            spans = spans[-MOST_SPANS * 3 // 4 :]
        return replace(self, now=now, spans=spans)


WHOLE_RUN = Lanes()  # as an experiment's state begins
