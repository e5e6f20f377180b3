"""Keeps a process's channels to itself: what it forks or executes must not hold them open after its death."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress


def keep_from_children(*fds: int) -> None:
    """Close the channels in children, forked or executed."""
    for fd in fds:
        os.set_inheritable(fd, False)

    left = list(fds)

    def in_child() -> None:
        # Once: a worker that forks in its turn, as for a pool of the work's own, may have given the numbers to others.
        while left:
            os.close(left.pop())

    os.register_at_fork(after_in_child=in_child)
    os.register_at_fork(after_in_child=forget_fork_server)
    # Pools fork from here as they would from a user's script; our own threads hold no lock that a child could need.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*fork.*")


def forget_fork_server() -> None:
    """Let a forked worker start a fork server of its own, should its work use one.

    The one that it inherits is a child of its parent's, of which it can't ask whether it lives. Only a process that has
    measured other pools before it forks has one; a user's script seldom does.
    """
    module = sys.modules.get("multiprocessing.forkserver")
    server = getattr(module, "_forkserver", None)
    alive = getattr(server, "_forkserver_alive_fd", None)
    if server is not None and alive is not None:
        with suppress(OSError):
            os.close(alive)
        server.__init__()
