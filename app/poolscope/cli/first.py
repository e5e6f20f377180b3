"""Poolscope as the first process of a container: serves in a child, and reaps what nobody else would.

A run's processes that outlive their parent by a moment become children of the first process. Only it can collect their
exit codes; a server that did would take those of its own runners from asyncio.
"""

from __future__ import annotations

import os
import signal
import sys

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def step_aside() -> None:
    """Where we are the first process, go on in a child, and leave as it does. Before any thread is started."""
    if os.getpid() != 1 or not hasattr(os, "fork"):
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # none may come before there is somebody to pass it on to
    child = os.fork()
    if child:
        for number in PASSED_ON:
            signal.signal(number, lambda number, _: os.kill(child, number))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        sys.exit(reap_until(child))
    os.setpgrp()  # Ctrl-C in a terminal then reaches us once, passed on
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)


def reap_until(child: int) -> int:
    """Collect every child's exit code; that of this one ends it, as a shell would tell it."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
