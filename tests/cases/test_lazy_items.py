"""What it takes to have all items before a map: measured by a host, and said where it matters."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.findings.function import items_made_beforehand
from poolscope.machine import memory
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.payloads import ItemsMade
from poolscope.runner.host import user_code

from tests.cases.measuring import HERE, LIMIT_S, StartHost, shared_host, start_host
from tests.experiments.pool_benchmark.invented_runs import about, told
from tests.runner.conftest import context

__all__ = ["context", "shared_host", "start_host"]
MIB = 2**20


def found(tried: dict[str, Any], call_ms: float = 300.0, items: int = 10) -> Any:
    """What is found of a run whose plain loop, the fastest, takes so long."""
    now = told(
        {"serial": about(call_ms), "process 2": about(2 * call_ms)},
        asked={"workload": "lazy:digest@items"},
        tried=tried,
        items=items,
    )
    return items_made_beforehand(now, 2)


@pytest.mark.parametrize(
    ("items", "code", "long"),
    [("slowly", "long", True), ("reader", "long", True), ("quick", "cheap", False), ("ready", "at hand", False)],
)
def test_a_host_measures_what_making_the_items_takes(
    shared_host: StartHost, tmp_path: Path, items: str, code: str, long: bool
) -> None:
    trial = shared_host(f"lazy:digest@{items}", pure=True).try_work(tmp_path / "output", LIMIT_S)
    made = trial.made
    assert made is not None
    assert made.lazy == (code != "at hand")
    assert made.memory < 64 * MIB
    assert (made.seconds >= 0.2) == long
    result = found({"made": made, "item_bytes": trial.item_bytes}, 300, trial.count)  # a call takes as long
    assert (result.code, result.holds) == (code, long)
    if long:
        assert 0.3 < result.numbers["share"] == result.lost_share < 0.9


def test_a_host_measures_how_large_made_items_are(start_host: StartHost, tmp_path: Path) -> None:
    trial = start_host("lazy:digest@large").try_work(tmp_path / "output", LIMIT_S)
    made = trial.made
    assert made is not None
    assert made.lazy
    # Against calls that take a hundred times as long.
    result = found({"made": made, "item_bytes": trial.item_bytes}, 1e4 * made.seconds, trial.count)
    assert (result.code, result.holds) == ("large", True)
    assert result.numbers["memory"] == made.memory == pytest.approx(80 * MIB, rel=0.1)


@contextmanager
def counted_by_allocation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it, what this process holds is what it has allocated.

    Its proportional set size is another's doing, too: it rises as other tests' processes end that shared our libraries,
    and does not where an item gets memory that a test before has freed.
    """
    monkeypatch.setattr(memory, "of_self", lambda: tracemalloc.get_traced_memory()[0])
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def test_items_without_end_are_ended_where_memory_would_run_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(memory, "available", lambda: 100 * MIB)
    monkeypatch.setattr(user_code, "LOOK_EVERY_S", 0.005)
    with counted_by_allocation(monkeypatch):
        loaded = user_code.load(BenchmarkWork("lazy:digest@endless", str(HERE)), tmp_path, lambda _: None)
    del sys.modules["lazy"]
    assert loaded.cut
    assert loaded.made.full
    assert 50 <= len(loaded.items) < 100
    assert found({"made": loaded.made}).code == "full"


@pytest.mark.parametrize(
    ("made", "item_bytes", "code", "holds"),
    [
        (ItemsMade(True, 0.5, 100 * MIB), MIB, "long and large", True),
        (ItemsMade(True, 0.02, 0), 10, "cheap", False),
        (ItemsMade(True, 0.004, 10 * MIB), 10, "cheap", False),
        (ItemsMade(True, 0.004, 10 * MIB), 10 * MIB, "figures differ", None),
        (ItemsMade(False, 9.0, 900 * MIB), MIB, "at hand", False),
        (None, 10, "unknown", None),
    ],
)
def test_it_is_said_where_it_matters(made: ItemsMade | None, item_bytes: int, code: str, holds: bool | None) -> None:
    result = found({"made": made, "item_bytes": item_bytes})
    assert (result.code, result.holds) == (code, holds)
