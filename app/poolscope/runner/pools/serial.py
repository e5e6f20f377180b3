"""The plain loop: one call after the other in the main thread, the baseline of every comparison."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter_ns
from typing import Any

from poolscope.protocol.kinds import PoolUse
from poolscope.runner.pools.measurement import Call, TimedPool, Unmonitored
from poolscope.runner.pools.worker_side import FirstSign, error_of_set_up
from poolscope.workloads.work import Work


def plain_loop(function: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    return [function(item) for item in items]


def spreading_loop(function: Callable[..., Any], items: Sequence[Sequence[Any]]) -> list[Any]:
    return [function(*item) for item in items]


def keyword_loop(function: Callable[..., Any], items: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [function(**item) for item in items]


class SerialLoop(TimedPool):
    """No pool at all: nothing to start and nothing to shut down, but the user's set-up is done here as well."""

    in_one_thread = True
    has_start_up = False

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        self.size = 1

    def open(self) -> None:
        pass

    def wait_until_ready(self, monitor: Unmonitored) -> list[FirstSign]:
        return [FirstSign(threading.get_native_id(), perf_counter_ns(), error_of_set_up(self.work.setup))]

    def users_line(self, items: Sequence[Any]) -> Call:
        match self.work.calling:
            case "positional" | "ragged":
                return partial(spreading_loop, self.work.function, items)
            case "keywords":
                return partial(keyword_loop, self.work.function, items)
            case _:
                return super().users_line(items)

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        return partial(plain_loop, function, items)

    def close(self) -> None:
        pass

    def end(self) -> None:
        pass
