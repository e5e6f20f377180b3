"""What an experiment's templates show: one module an experiment, found by its name.

Each has IDLE (what a run will show), WIDE (two columns on the bench), PIECES (blocks of its run page, in order),
REPLAY (whether an ended run can be played again), SHORTCUTS (parts that can be run alone: parameter, value, title),
title(params), facts(params), progress(run) and face(run, state), the context of all its blocks.
"""

from __future__ import annotations

from typing import Any, Protocol

from poolscope.runs.run import Run
from poolscope.web.views import factorials, failures, pool_sizes, shared_list, sharing, which_pool


class View(Protocol):
    """What every face module offers."""

    @property
    def IDLE(self) -> str: ...
    @property
    def WIDE(self) -> bool: ...
    @property
    def PIECES(self) -> tuple[str, ...]: ...
    @property
    def REPLAY(self) -> bool: ...
    @property
    def SHORTCUTS(self) -> tuple[tuple[str, str, str], ...]: ...

    def title(self, params: Any) -> str: ...
    def facts(self, params: Any) -> list[str]: ...
    def progress(self, run: Run) -> str: ...
    def face(self, run: Run, state: Any = None) -> Any: ...


VIEWS: dict[str, View] = {
    "shared-list": shared_list,
    "pool-sizes": pool_sizes,
    "factorials": factorials,
    "sharing": sharing,
    "failures": failures,
    "which-pool": which_pool,
}
