"""The `poolscope` command, which can be ended before it has loaded anything.

The kernel drops a signal to the first process of a container as long as that has no handler for it, and loading takes
seconds on a busy machine: whoever stops the container meanwhile would wait until it is killed.
"""

from __future__ import annotations

import os
import signal
from importlib import import_module
from types import FrameType


def main() -> None:
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, leave)
    import_module("poolscope.cli").main()


def leave(number: int, _: FrameType | None) -> None:
    """As the signal's default does elsewhere; nothing has been started yet."""
    os._exit(128 + number)
