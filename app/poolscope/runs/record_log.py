"""A run's records in order, as lines, for those who read along; sequence numbers begin at 1."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from poolscope.runs.notifier import ChangeNotifier


class RecordLog:
    """Append-only while the run is live, then closed; readers start anywhere and miss and repeat nothing."""

    def __init__(self, lines: Sequence[bytes] = (), *, closed: bool = False) -> None:
        self.lines = list(lines)
        self.closed = closed
        self._signal = ChangeNotifier()

    def append(self, lines: Sequence[bytes]) -> None:
        self.lines.extend(lines)
        self._signal.notify()

    def close(self) -> None:
        self.closed = True
        self._signal.notify()

    async def after(self, sequence: int) -> AsyncIterator[tuple[int, list[bytes]]]:
        """Yield (sequence number of the first line, lines) in batches from the one after `sequence` to the end."""
        while True:
            version = self._signal.version
            batch = self.lines[sequence : sequence + 500]
            if batch:
                yield sequence + 1, batch
                sequence += len(batch)
            elif self.closed:
                return
            else:
                await self._signal.newer_than(version)
