"""Poolscope as the first process of a container: serves in a child, and reaps what nobody else would, as tini does.

A run's processes that outlive their parent by a moment become children of the first process. Only it can collect their
exit codes; a server that did would take those of its own runners from asyncio.
"""

from __future__ import annotations

import os
import signal
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def fork_if_first() -> None:
    """Where we are the first process, go on in a child, and exit as it does. To be called before any thread starts."""
    if os.getpid() != 1 or not hasattr(os, "fork"):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # none may come before there is a child to forward it to
    child = os.fork()
    if child:
        for number in FORWARDED:
            signal.signal(number, lambda number, _: os.kill(child, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
        sys.exit(reap_until(child))
    os.setpgrp()  # Ctrl-C in a terminal then reaches us once, forwarded
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)


def reap_until(child: int) -> int:
    """Collect exit codes until that of `child`; returns it as a shell would."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
