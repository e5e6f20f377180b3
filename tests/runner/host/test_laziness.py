"""What is taken for a result whose work is yet to be done, and what is not."""

from __future__ import annotations

import io
import ipaddress
import itertools
import multiprocessing.pool
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest
from poolscope.protocol.payloads import LazyKind
from poolscope.runner.host import laziness
from poolscope.runner.host.laziness import lazy_part, looked_at


def slow(count: int) -> int:
    return sum(range(count))


class Batches:
    """A length and entries that are made as it is gone through, as torch's DataLoader."""

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[int]:
        return map(slow, [50_000] * 3)


class Query:
    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.notify = lambda: 0
        self.rows = list(range(3))


class Cursor(Query):
    def __init__(self) -> None:
        super().__init__()
        self.fetched = (slow(50_000) for _ in range(3))


class ElsewhereFuture:
    """As those of Dask, which come from no class of concurrent.futures."""

    def result(self) -> int:
        return 1

    def done(self) -> bool:
        return True

    def add_done_callback(self, call: Callable[..., Any]) -> None:
        call(self)


class Maybe:
    """As xarray's data, which have a graph only where they are Dask's."""

    def __init__(self, graph: dict[str, int] | None) -> None:
        self.graph = graph

    def __dask_graph__(self) -> dict[str, int] | None:
        return self.graph


@dataclass
class Record:
    name: str = "one"
    lines: list[str] = field(default_factory=list)


class Tree(Record):
    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)


class Report:
    def __init__(self, count: int) -> None:
        self.count = count

    @cached_property
    def total(self) -> int:
        return slow(self.count)


def program() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/bin/sleep", "0.3"])  # long enough to be seen on a busy machine, too


def thread() -> threading.Thread:
    made = threading.Thread(target=time.sleep, args=(0.3,))
    made.start()
    return made


LAZY: dict[str, tuple[Callable[[], Any], LazyKind]] = {
    "a function with its arguments": (lambda: (slow, (50_000,), {}), "callable"),
    "such in a list": (lambda: [(slow, (), {"count": 50_000})], "callable"),
    "batches": (Batches, "iterator"),
    "an attribute": (Cursor, "generator"),
    "map": (lambda: map(slow, [50_000]), "iterator"),
    "filter": (lambda: filter(slow, [50_000]), "iterator"),
    "zip": (lambda: zip(map(slow, [50_000]), "a", strict=True), "iterator"),
    "a future": (ElsewhereFuture, "future"),
    "of a Pool": (lambda: multiprocessing.pool.AsyncResult.__new__(multiprocessing.pool.AsyncResult), "future"),
    "a property": (lambda: Report(400_000), "property"),
    "a program": (program, "process"),
    "a thread": (thread, "thread"),
    "a graph": (lambda: Maybe({"one": 1}), "task graph"),
}


@pytest.mark.parametrize("form", LAZY)
def test_is_lazy(form: str) -> None:
    make, kind = LAZY[form]
    first = make()
    found = looked_at(first, 1e-6, make())
    assert found is not None
    assert found.kind == kind
    if isinstance(first, subprocess.Popen):
        assert found.name == "sleep"
        first.wait()


def test_a_cpu_that_others_had_before_the_look_began_takes_nothing_from_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(laziness, "thread_ready_ns", iter((0, 10**12)).__next__)
    found = looked_at(Batches(), 1e-6, Batches())
    assert found is not None
    assert found.consumed_s
    assert found.consumed_s > 1e-4


def test_what_can_be_gone_through_to_its_end_is_timed() -> None:
    found = looked_at(Batches(), 1e-6, Batches())
    assert found is not None
    assert (found.consumed, found.complete) == (3, True)


def test_is_not_lazy() -> None:
    values: list[Any] = [[1, [2]], "text", b"bytes", {1: {2}}, deque([1]), range(3), memoryview(b"one")]
    values += [io.BytesIO(b"a\nb\n"), ipaddress.ip_network("10.0.0.0/8"), Query(), Maybe(None), Record, list[int]]
    values += [(slow, (1, 2), {}), (int, "1", {}), {}.keys()]
    assert [value for value in values if lazy_part(value) is not None] == []


def test_a_property_that_may_not_be_the_work_is_not_blamed() -> None:
    assert looked_at(Report(400_000), 1.0, Report(400_000)) is None
    assert looked_at(Report(1), 1e-6, Report(1)) is None


def test_what_was_waited_for_is_done_and_what_has_not_begun_is_no_work() -> None:
    waited, joined = program(), thread()
    assert waited.wait() == 0
    joined.join()
    assert [lazy_part(value) for value in (waited, threading.Thread(target=slow))] == [None, None]
    assert looked_at(joined, 1e-3, joined) is None


def test_a_short_walk_and_a_file_to_write_are_no_work(tmp_path: Any) -> None:
    assert looked_at(Tree(lines=["one"]), 0.01, Tree(lines=["one"])) is None
    with (tmp_path / "log").open("w") as one, (tmp_path / "other").open("w") as two:
        assert looked_at(one, 1e-6, two) is None
