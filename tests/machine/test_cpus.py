"""Usable CPUs: what bounds them, the sentence that says so, and figures that a platform lacks."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.machine.cpus import read, smt, throttled, usable, why


def quotas(folder: Path, *quotas: tuple[str, str, int]) -> tuple[Path, Path]:
    """/proc and /sys of a v2 tree of (path, cpu.max, nr_throttled), from the top to the process."""
    proc, sys = folder / "proc", folder / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(f"0::/{quotas[-1][0]}\n")
    (proc / "self" / "mountinfo").write_text("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    for path, quota, count in quotas:
        group = sys / "fs" / "cgroup" / path
        group.mkdir(parents=True, exist_ok=True)
        (group / "cpu.max").write_text(f"{quota}\n")
        (group / "cpu.stat").write_text(f"nr_periods 100\nnr_throttled {count}\n")
    return proc, sys


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
    assert why(16, 16) == "16 of 16: neither affinity nor a quota narrows them"
    assert why(16, 2) == "2 of 16: this process may run on 2 CPUs (affinity)"
    assert why(16, 1) == "1 of 16: this process may run on 1 CPU (affinity)"
    assert why(16, 2, 4.0, source) == "2 of 16: this process may run on 2 CPUs (affinity)"
    assert why(16, 16, 1.5, source) == f"1 of 16: quota of 1.5 CPUs from {source}"
    assert why(16, 4, 0.5, source) == f"1 of 16: quota of 0.5 CPUs from {source}, so even one worker is made to wait"


def test_hyper_threads_of_one_core_are_told_from_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = [0, 1, 2]
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda process: placed)
    for cpu, siblings in enumerate(("0-1", "0-1", "2-3", "2-3")):
        topology = tmp_path / "devices" / "system" / "cpu" / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{siblings}\n")
    truth = read(tmp_path, tmp_path)
    assert (truth.affinity, truth.siblings) == (3, ((0, 1), (2,)))
    assert truth.smt == "the 3 CPUs are 2 cores: two that share one gain less"
    placed = [1, 2]
    assert read(tmp_path, tmp_path).smt == "none: each of the 2 CPUs is a core of its own"
    assert smt(1, 1) == "none: it is a core of its own"
    assert smt(2, 1) == "the 2 CPUs are one core: two that share one gain less"
    placed = [9]
    assert (read(tmp_path, tmp_path).siblings, read(tmp_path, tmp_path).smt) == ((), None)


def test_the_smallest_quota_on_the_way_up_is_reported_with_its_file(tmp_path: Path) -> None:
    proc, sys = quotas(tmp_path, ("", "max 100000", 0), ("pod", "50000 100000", 1), ("pod/app", "200000 100000", 2))
    truth = read(proc, sys)
    assert (truth.quota, truth.usable) == (0.5, 1)
    assert truth.quota_source == str(sys / "fs" / "cgroup" / "pod" / "cpu.max")
    assert truth.quota_source in truth.why


def test_throttling_is_counted_in_every_group_that_has_a_quota(tmp_path: Path) -> None:
    proc, sys = quotas(tmp_path, ("", "max 100000", 90), ("pod", "50000 100000", 4), ("pod/app", "200000 100000", 3))
    assert throttled(proc, sys) == 7


def test_without_a_quota_there_is_no_throttling_to_count(tmp_path: Path) -> None:
    proc, sys = quotas(tmp_path, ("app", "max 100000", 90))
    assert throttled(proc, sys) is None


def test_without_any_file_affinity_bounds(tmp_path: Path) -> None:
    truth = read(tmp_path, tmp_path)
    assert (truth.quota, truth.quota_source, truth.model) == (None, None, None)
    assert truth.usable == truth.affinity


def test_the_model_is_named_as_cpuinfo_names_it(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(
        "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Fast CPU @ 3 GHz\n\nmodel name\t: other\n"
    )
    assert read(tmp_path, tmp_path).model == "Fast CPU @ 3 GHz"


def test_a_cpuinfo_without_a_name_gives_none(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t:\nBogoMIPS\t: 243.75\n")
    assert read(tmp_path, tmp_path).model is None


def test_a_platform_that_says_nothing_still_has_a_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def says_nothing(*args: object, **kwargs: object) -> None:
        raise NotImplementedError

    for name in ("cpu_count", "cpu_freq", "Process"):
        monkeypatch.setattr(psutil, name, says_nothing)
    truth = read(tmp_path, tmp_path)
    assert (truth.physical, truth.frequency_mhz) == (None, None)
    assert truth.usable == truth.affinity == truth.logical >= 1


def test_this_machine_is_consistent() -> None:
    truth = read()
    assert 1 <= truth.usable <= truth.affinity <= truth.logical
    assert truth.why.startswith(f"{truth.usable} of {truth.logical}: ")


@given(st.integers(1, 512), st.floats(min_value=0.01, max_value=600))
def test_a_quota_never_adds_cpus(affinity: int, quota: float) -> None:
    assert 1 <= usable(affinity, quota) <= usable(affinity)
    assert usable(affinity, quota) <= usable(affinity, quota + 1)
