"""How many streams are open, of all and of each visitor: who opens very many refuses himself, not the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from poolscope.errors import TooManyStreams, TooManyViewers
from poolscope.runs.run import Visitor


class OpenStreams:
    """Counts streams while they are read. `most` may be open at once, `of_visitor` of one visitor.

    All visitors of one address together may have half of them: somebody may have as many cookies as he likes.
    """

    def __init__(self, most: int = 2000, of_visitor: int = 2000) -> None:
        self._most, self._of_visitor = most, of_visitor
        self._open: Counter[Visitor] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    def check(self, visitor: Visitor) -> None:
        """Raises TooManyStreams or TooManyViewers for one more."""
        if self._open[visitor] >= self._of_visitor:
            raise TooManyStreams(self._open[visitor])
        if len(self) >= self._most:
            raise TooManyViewers(len(self))
        if visitor.id != visitor.address:
            neighbours = sum(count for other, count in self._open.items() if other.address == visitor.address)
            if 2 * neighbours >= self._most:
                raise TooManyStreams(neighbours)

    @contextmanager
    def opened(self, visitor: Visitor) -> Iterator[None]:
        """One more, until its reader is gone."""
        self.enter(visitor)
        try:
            yield
        finally:
            self.leave(visitor)

    def enter(self, visitor: Visitor) -> None:
        """One more, which has to `leave`."""
        self._open[visitor] += 1

    def leave(self, visitor: Visitor) -> None:
        self._open[visitor] -= 1
        if not self._open[visitor]:
            del self._open[visitor]
