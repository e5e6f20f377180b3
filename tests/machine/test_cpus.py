"""Usable CPUs: what bounds them, and the sentences that say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.machine.cpus import smt, usable, usable_why


@pytest.mark.parametrize(
    ("affinity", "quota", "count"),
    [(16, None, 16), (2, None, 2), (16, 4.0, 4), (2, 4.0, 2), (16, 1.5, 1), (16, 0.5, 1), (1, 0.01, 1)],
)
def test_the_smaller_of_affinity_and_quota_is_usable_in_whole_cpus(
    affinity: int, quota: float | None, count: int
) -> None:
    assert usable(affinity, quota) == count


def test_the_sentence_names_what_binds() -> None:
    source = "/sys/fs/cgroup/app/cpu.max"
    assert usable_why(16, 16) == "16 of 16: neither affinity nor a quota narrows them"
    assert usable_why(16, 2) == "2 of 16: this process may run on 2 CPUs (affinity)"
    assert usable_why(16, 1) == "1 of 16: this process may run on 1 CPU (affinity)"
    assert usable_why(16, 2, 4.0, source) == "2 of 16: this process may run on 2 CPUs (affinity)"
    assert usable_why(16, 16, 1.5, source) == f"1 of 16: quota of 1.5 CPUs from {source}"
    below_one = usable_why(16, 4, 0.5, source)
    assert below_one == f"1 of 16: quota of 0.5 CPUs from {source}, so even one worker is made to wait"


def test_the_sentence_tells_cores_from_hyper_threads() -> None:
    assert smt(1, 1) == "none: it is a core of its own"
    assert smt(2, 2) == "none: each of the 2 CPUs is a core of its own"
    assert smt(3, 2) == "the 3 CPUs are 2 cores: two that share one gain less"
    assert smt(2, 1) == "the 2 CPUs are one core: two that share one gain less"


@given(st.integers(1, 512), st.floats(min_value=0.01, max_value=600))
def test_a_quota_never_adds_cpus(affinity: int, quota: float) -> None:
    assert 1 <= usable(affinity, quota) <= usable(affinity)
    assert usable(affinity, quota) <= usable(affinity, quota + 1)
