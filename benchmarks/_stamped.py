"""`poolscope` with one addition: before each frame stands a comment line that says when the frame was published.

`: t=…` is the host's perf_counter_ns at the moment at which the frame's HTML was ready; event streams ignore comments.
Readers of another process on the same machine have the same clock, so they can tell how long a frame was on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter_ns

from poolscope.cli import main
from poolscope.web import stream

encode = stream.Channel._encode
published: dict[tuple[int, int], int] = {}


def stamped(channel: stream.Channel, targets: Sequence[str], version: int) -> bytes:
    """A frame of changes is what publishes a version; a whole picture of it may be encoded later, and is as old."""
    moment = published.setdefault((id(channel), version), perf_counter_ns())
    published.pop((id(channel), version - 100), None)
    return b": t=%d\r\n%b" % (moment, encode(channel, targets, version))


stream.Channel._encode = stamped  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
