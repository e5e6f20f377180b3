"""Effective CPUs: what processes that spin really got, and no process left of them."""

from __future__ import annotations

import multiprocessing
import os
from typing import Any

import pytest
from poolscope.machine import cpu_probe

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


@pytest.mark.parametrize("count", [1, 3])
def test_no_more_cpu_time_is_gained_than_there_are_processes_and_cpus(count: int) -> None:
    got = cpu_probe.effective_cpus(count, 0.05)
    assert 0 < got <= min(count, os.cpu_count() or 1) * 1.1
    assert multiprocessing.active_children() == []


def leave(_: Any) -> None:
    os._exit(1)


def test_a_process_that_ends_instead_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_probe, "spin", leave)
    with pytest.raises(cpu_probe.ProbeFailed, match="ended or did not answer"):
        cpu_probe.effective_cpus(2, 0.05, "fork")
    assert multiprocessing.active_children() == []
