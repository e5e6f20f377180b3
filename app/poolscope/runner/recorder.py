"""Batches records and writes them to the pipe; it may lag, drop and count, but never blocks what it watches.

A sampler that raises is switched off and reported, and the recorder lives on: as trio's `_core/_instrumentation.py`
treats its instruments.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns

from poolscope.protocol.records import Contents, Count, Printed, Record, SamplerFailed, Span, to_line

TICK = 0.05  # seconds between two batches, and between two calls of a sampler
BATCH_BYTES = 64 * 1024
PENDING_LIMIT = 20_000  # records; with a server that reads too slowly the pictures are dropped first, never the counts
DROPPABLE = (Span, Contents, Printed)


class Recorder:
    """Takes records from any thread and writes them, in order, as lines to the file descriptor `fd`.

    A thread of its own writes, at once after a pause and then at most every 50 ms. If nobody reads any more, records
    are thrown away: the control channel tells the runner that the server is gone.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending: deque[Record] = deque()
        self._left_out: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._samplers: list[Callable[[], None]] = []
        self._wake = threading.Event()
        self._writing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._write_forever, name="recorder", daemon=True)
        self._thread.start()

    def emit(self, record: Record) -> None:
        """Take one record; never waits. Over the limit a picture is left out and counted."""
        if len(self._pending) >= PENDING_LIMIT and isinstance(record, DROPPABLE):
            self.leave_out(record.kind, 1)
            return
        self._pending.append(record)
        if not self._wake.is_set():
            self._wake.set()

    def leave_out(self, kind: str, count: int) -> None:
        """Count records that the caller chose not to send."""
        with self._counting:
            self._left_out[kind] += count

    def sample(self, sampler: Callable[[], None]) -> None:
        """Call `sampler` before every batch, 20 times a second, from the recorder's thread.

        If it raises it is never called again, and a `SamplerFailed` record says so.
        """
        self._samplers.append(sampler)
        self._wake.set()

    def report_sampler(self, sampler: Callable[..., object], error: BaseException) -> None:
        """Say that a sampler raised, and is called no more."""
        name, trace = getattr(sampler, "__qualname__", repr(sampler)), "".join(traceback.format_exception(error))
        self.emit(SamplerFailed(perf_counter_ns(), name, type(error).__name__, str(error), trace))

    def flush(self) -> None:
        """Write all that is pending, now and in the calling thread."""
        with self._writing:
            self._write_pending()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Write what is pending, then keep the recorder's thread from running: for a timed region."""
        with self._writing:
            self._write_pending()
            yield

    def write_through(self, record: Record) -> None:
        """Write one record at once while it is `quiet`. For one thread alone, which ends before the quiet does."""
        self._write([to_line(record)])

    def close(self, last: Record | None = None) -> None:
        """Call the samplers once more, write everything, `last` at the end of it, and stop."""
        self._closed = True
        self._wake.set()
        self._thread.join()
        self._call_samplers()
        if last is not None:
            self.emit(last)
        self.flush()

    def _write_forever(self) -> None:
        pause = threading.Event()  # never set: a sleep that costs the watched code nothing
        while not self._closed:
            if self._samplers:
                self._call_samplers()
            else:
                self._wake.wait()
            self._wake.clear()
            self.flush()
            if not self._closed:
                pause.wait(TICK)

    def _call_samplers(self) -> None:
        for sampler in tuple(self._samplers):
            try:
                sampler()
            except BaseException as error:  # SystemExit too: this thread must not end, nor the body be hurt
                self._samplers.remove(sampler)
                self.report_sampler(sampler, error)

    def _write_pending(self) -> None:
        batch: list[bytes] = []
        size = 0
        while self._pending or self._left_out:
            line = self._next_line()
            batch.append(line)
            size += len(line) + 1
            if size >= BATCH_BYTES:
                self._write(batch)
                batch, size = [], 0
        self._write(batch)

    def _next_line(self) -> bytes:
        """The next record's line, or what was left out since the last time. What can't be written is left out too."""
        while self._pending:
            record = self._pending.popleft()
            try:
                return to_line(record)
            except Exception:  # whatever a body put into it: the other records must get through
                self.leave_out(record.kind, 1)
        with self._counting:
            counts, self._left_out = self._left_out, Counter()
        return to_line(Count(perf_counter_ns(), "left_out", dict(counts)))

    def _write(self, batch: list[bytes]) -> None:
        rest = memoryview(b"\n".join((*batch, b""))) if batch else memoryview(b"")
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError:  # the reader is gone, so nobody misses the rest
            self._pending.clear()
