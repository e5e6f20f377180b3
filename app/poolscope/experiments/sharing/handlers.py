"""Which functions demonstrate and measure which tool, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from poolscope.experiments.sharing import blocks, channels, counting, handing, isolated, numbers, proxies, signalling
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome


@dataclass(frozen=True, slots=True)
class Handler:
    """`demonstrate` shows that it is right (or not); `measure` does so many operations bare and returns nanoseconds."""

    demonstrate: Callable[[DemoContext], ToolOutcome]
    measure: Callable[[DemoContext, int], int]


HANDLERS: dict[str, Handler] = {
    "none": Handler(counting.demonstrate_unguarded, counting.measure_unguarded),
    "lock": Handler(counting.demonstrate_lock, counting.measure_lock),
    "rlock": Handler(counting.demonstrate_rlock, counting.measure_rlock),
    "condition": Handler(handing.demonstrate_condition, handing.measure_condition),
    "queue": Handler(handing.demonstrate_queue, handing.measure_queue),
    "semaphore": Handler(signalling.demonstrate_semaphore, signalling.measure_semaphore),
    "event": Handler(signalling.demonstrate_event, signalling.measure_event),
    "barrier": Handler(signalling.demonstrate_barrier, signalling.measure_barrier),
    "value": Handler(numbers.demonstrate_locked, numbers.measure_locked),
    "value-unguarded": Handler(numbers.demonstrate_unguarded, numbers.measure_unguarded),
    "mp-queue": Handler(channels.demonstrate_queue, channels.measure_queue),
    "pipe": Handler(channels.demonstrate_pipe, channels.measure_pipe),
    "manager": Handler(proxies.demonstrate, proxies.measure),
    "shared-memory": Handler(blocks.demonstrate, blocks.measure),
    "interpreters": Handler(isolated.demonstrate, isolated.measure),
}
