"""The table of built-in workloads: every row is true of the code that it names."""

from __future__ import annotations

import importlib

import pytest
from poolscope.workloads.catalog import COMPUTING, OF_POOL_SIZES, OF_WHICH_POOL, WAITING, WORK_MS, WORKLOADS


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_row_names_what_its_module_has(name: str) -> None:
    row = WORKLOADS[name]
    module = importlib.import_module(f"poolscope.workloads.{row.module}")
    assert name in module.MAKERS
    assert callable(getattr(module, row.function))
    assert row.coroutine is None or callable(getattr(module, row.coroutine))
    assert row.says.endswith(".")
    assert row.title
    assert row.rounds is None or row.work_ms is not None
    assert row.most is None or row.most > row.count


def test_every_workload_is_offered_by_an_experiment() -> None:
    assert {*OF_POOL_SIZES, *OF_WHICH_POOL} == set(WORKLOADS)


def test_work_waits_or_computes_or_it_depends() -> None:
    assert {"sleep", "http", "square-sleep"} == WAITING
    assert set(WORKLOADS) - WAITING - COMPUTING == {"read-files", "shared-object"}
    assert set(WORK_MS) >= WAITING
