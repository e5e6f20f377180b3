"""Keeps a process's channels to itself: what it forks or executes must not hold them open after its death."""

from __future__ import annotations

import os
import warnings


def keep_from_children(*fds: int) -> None:
    """Close the channels in children, forked or executed."""
    for fd in fds:
        os.set_inheritable(fd, False)

    def in_child() -> None:
        for fd in fds:
            os.close(fd)

    os.register_at_fork(after_in_child=in_child)
    # Pools fork from here as they would from a user's script; our own threads hold no lock that a child could need.
    warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*fork.*")
