"""A block of shared memory that several processes map; it must be right, fast, and gone afterwards."""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory
from time import perf_counter_ns
from typing import Any

from poolscope.experiments.sharing import worker_group
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.payloads import ToolOutcome

PAGE = 4096
STRIPE = 1024 * 1024  # of each process
PASSES = 20  # copies of its stripe by each process, for the bandwidth
Spans = list[tuple[str, int, int]]


class Block:
    """A segment that this process owns: it is unlinked whatever happens. `gone` looks whether it is."""

    def __init__(self, size: int) -> None:
        self.segment = SharedMemory(create=True, size=size)

    def __enter__(self) -> SharedMemory:
        return self.segment

    def __exit__(self, *_: Any) -> None:
        self.segment.unlink()  # first: nothing may keep the name from going
        self.segment.close()

    def holds(self, first: int, size: int) -> bytes:
        assert self.segment.buf is not None
        return self.segment.buf[first : first + size].tobytes()

    def gone(self) -> bool:
        try:
            left = SharedMemory(self.segment.name)
        except FileNotFoundError:
            return True
        left.close()
        return False


def write_pages(name: str, mine: int, times: int) -> None:
    block = SharedMemory(name)
    page = bytes([mine + 1]) * PAGE
    buffer, first = block.buf, mine * PAGE
    assert buffer is not None
    for _ in range(times):
        buffer[first : first + PAGE] = page
    del buffer
    block.close()


def measure(demo: DemoContext, operations: int) -> int:
    block = Block(demo.workers * PAGE)
    with block as segment:
        parts = demo.parts(operations)
        results = demo.processes([(write_pages, (segment.name, mine, part)) for mine, part in enumerate(parts)])
        found = [block.holds(mine * PAGE, PAGE) for mine in range(demo.workers)]
    wanted = [bytes([mine + 1 if part else 0]) * PAGE for mine, part in enumerate(parts)]
    if found != wanted or not block.gone():
        raise AssertionError("The block holds something else than was written, or is still there.")
    return worker_group.elapsed(results)


def fill(name: str, mine: int) -> Spans:
    """Map the block and write this process's stripe several times over; a span a copy."""
    block = SharedMemory(name)
    data = bytes([mine + 1]) * STRIPE
    buffer, first, spans = block.buf, mine * STRIPE, []
    assert buffer is not None
    for _ in range(PASSES):
        began = perf_counter_ns()
        buffer[first : first + STRIPE] = data
        spans.append(("running", began, perf_counter_ns()))
    del buffer
    block.close()
    return spans


def demonstrate(demo: DemoContext) -> ToolOutcome:
    block = Block(demo.workers * STRIPE)
    with block as segment:
        results = demo.processes([(fill, (segment.name, mine)) for mine in range(demo.workers)])
        stripes = [block.holds(mine * STRIPE, STRIPE) for mine in range(demo.workers)]
    right = sum(stripe.count(mine + 1) for mine, stripe in enumerate(stripes))
    gone, size = block.gone(), demo.workers * STRIPE
    copies = [
        ended - began for result in results for _, began, ended in result.value[1:]
    ]  # the first one maps the pages
    for number, result in enumerate(results, 1):
        demo.spans(demo.actor(f"process {number}", "process", result.pid), result.value)
    facts = [
        ("block", f"{size // 1024:,} KiB, mapped by {demo.workers} processes"),
        ("name", segment.name),
        ("bandwidth", f"{STRIPE * len(copies) / max(1, sum(copies)):.1f} GB/s for each process"),
        ("afterwards", "the segment is gone" if gone else f"the segment {segment.name} is still there"),
    ]
    return ToolOutcome(
        f"{size:,} bytes; segment gone", _bytes(right, gone), right == size and gone, tuple(facts), segment_gone=gone
    )


def _bytes(right: int, gone: bool) -> str:
    return f"{right:,} bytes; segment {'gone' if gone else 'still there'}"
