"""Quotas read from made-up trees: v1, v2, both, nested, namespaces, and files that can't be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from poolscope.machine.cgroups import CpuQuota, process_limit, quotas, throttled

V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
V1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct"
V2_BESIDE_V1 = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw"


class Machine:
    """A /proc and a /sys under a folder, in which a test says what the kernel would."""

    def __init__(self, folder: Path) -> None:
        self.proc, self.sys = folder / "proc", folder / "sys"
        (self.proc / "self").mkdir(parents=True)
        self.groups = self.sys / "fs" / "cgroup"

    def process(self, cgroup: str, *mounts: str) -> Machine:
        (self.proc / "self" / "cgroup").write_text(cgroup + "\n")
        (self.proc / "self" / "mountinfo").write_text("22 1 8:1 / / rw - ext4 /dev/sda rw\n" + "\n".join(mounts) + "\n")
        return self

    def file(self, path: str, text: str) -> Path:
        file = self.groups / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        return file

    def quotas(self) -> tuple[CpuQuota, ...]:
        return quotas(self.proc, self.sys)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_v2_gives_quota_source_and_throttling(machine: Machine) -> None:
    source = machine.file("app/cpu.max", "150000 100000")
    machine.file("app/cpu.stat", "usage_usec 5\nnr_periods 9\nnr_throttled 4\nthrottled_usec 7")
    assert machine.process("0::/app", V2).quotas() == (CpuQuota(1.5, str(source), 4),)


def test_v2_max_is_no_quota(machine: Machine) -> None:
    machine.file("app/cpu.max", "max 100000")
    assert machine.process("0::/app", V2).quotas() == ()


def test_v1_gives_quota_source_and_throttling(machine: Machine) -> None:
    source = machine.file("cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "200000")
    machine.file("cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000")
    machine.file("cpu,cpuacct/docker/abc/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 7")
    found = machine.process("5:cpu,cpuacct:/docker/abc\n4:cpuset:/other", V1).quotas()
    assert found == (CpuQuota(2.0, str(source), 3),)


def test_v1_minus_one_is_no_quota(machine: Machine) -> None:
    machine.file("cpu,cpuacct/cpu.cfs_quota_us", "-1")
    machine.file("cpu,cpuacct/cpu.cfs_period_us", "100000")
    assert machine.process("5:cpu,cpuacct:/", V1).quotas() == ()


def test_in_a_hybrid_tree_the_quota_of_v1_is_found(machine: Machine) -> None:
    machine.file("unified/app/cgroup.procs", "1")
    machine.file("cpu,cpuacct/app/cpu.cfs_quota_us", "50000")
    machine.file("cpu,cpuacct/app/cpu.cfs_period_us", "100000")
    found = machine.process("2:cpu,cpuacct:/app\n1:name=systemd:/x\n0::/app", V2_BESIDE_V1, V1).quotas()
    assert [quota.cpus for quota in found] == [0.5]


def test_every_quota_on_the_way_up_is_found_nearest_first(machine: Machine) -> None:
    machine.file("cpu.max", "max 100000")
    machine.file("pod/cpu.max", "100000 100000")
    machine.file("pod/box/cpu.max", "max 100000")
    machine.file("pod/box/app/cpu.max", "400000 100000")
    machine.file("pod/sibling/cpu.max", "10000 100000")
    found = machine.process("0::/pod/box/app", V2).quotas()
    assert [quota.cpus for quota in found] == [4.0, 1.0]


def test_inside_a_cgroup_namespace_the_quota_stands_at_the_top(machine: Machine) -> None:
    machine.file("cpu.max", "250000 100000")
    assert [quota.cpus for quota in machine.process("0::/", V2).quotas()] == [2.5]


def test_a_container_without_namespace_is_found_below_its_mounts_root(machine: Machine) -> None:
    machine.file("cpu,cpuacct/cpu.cfs_quota_us", "300000")
    machine.file("cpu,cpuacct/cpu.cfs_period_us", "100000")
    mount = V1.replace(" / /sys", " /docker/abc /sys")
    assert [quota.cpus for quota in machine.process("5:cpu,cpuacct:/docker/abc", mount).quotas()] == [3.0]


@pytest.mark.parametrize(("cgroup", "root"), [("/docker/other", "/docker/abc"), ("/../outside", "/"), ("/", "/abc")])
def test_somebody_elses_quota_is_not_ours(machine: Machine, cgroup: str, root: str) -> None:
    machine.file("cpu.max", "100000 100000")
    mount = V2.replace(" / /sys", f" {root} /sys")
    assert machine.process(f"0::{cgroup}", mount).quotas() == ()


def test_a_folder_that_is_mounted_twice_counts_once(machine: Machine) -> None:
    machine.file("cpu.max", "100000 100000")
    assert len(machine.process("0::/", V2, V2).quotas()) == 1


def test_a_hierarchy_mounted_outside_sys_is_read_where_it_is(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "my groups"
    folder.mkdir()
    (folder / "cpu.max").write_text("100000 200000\n")
    mount = f"30 23 0:26 / {tmp_path}/my\\040groups rw - cgroup2 cgroup2 rw"
    assert machine.process("0::/", mount).quotas() == (CpuQuota(0.5, str(folder / "cpu.max"), None),)


@pytest.mark.parametrize("text", ["", "max", "abc 100000", "100000", "100000 0", "-5 100000", "1 2 3", "\0\ufffd"])
def test_a_malformed_quota_is_none(machine: Machine, text: str) -> None:
    machine.file("cpu.max", text)
    assert machine.process("0::/", V2).quotas() == ()


def test_a_quota_stands_though_its_parent_cannot_be_read(machine: Machine) -> None:
    machine.file("pod/app/cpu.max", "100000 100000")
    # A folder in a file's place can't be read, not even by root, whom modes don't stop.
    (machine.groups / "pod" / "cpu.max").mkdir()
    (machine.groups / "pod" / "app" / "cpu.stat").mkdir()
    assert [(found.cpus, found.throttled) for found in machine.process("0::/pod/app", V2).quotas()] == [(1.0, None)]


@pytest.mark.parametrize("lines", ["", "nonsense", "0", "0::", ":::::", "5:cpu,cpuacct"])
def test_a_malformed_process_file_leaves_no_limit(machine: Machine, lines: str) -> None:
    machine.file("cpu.max", "100000 100000")
    assert machine.process(lines, "- - -", "", "1 2 3 - cgroup2", "1 2 3 / /sys/fs/cgroup").quotas() == ()


def test_without_any_file_there_is_no_limit(tmp_path: Path) -> None:
    assert quotas(tmp_path / "proc", tmp_path / "sys") == ()


def test_throttling_is_counted_in_every_group_that_has_a_quota(machine: Machine) -> None:
    for path, quota, count in (("", "max 100000", 90), ("pod/", "50000 100000", 4), ("pod/app/", "200000 100000", 3)):
        machine.file(f"{path}cpu.max", quota)
        machine.file(f"{path}cpu.stat", f"nr_periods 100\nnr_throttled {count}")
    machine.process("0::/pod/app", V2)
    assert throttled(machine.proc, machine.sys) == 7
    machine.process("0::/", V2)
    assert throttled(machine.proc, machine.sys) is None  # there is a counter, and no quota that could raise it


def test_the_smallest_limit_of_processes_on_the_way_up_binds(machine: Machine) -> None:
    machine.process(
        "3:pids:/pod/app\n0::/", "44 31 0:41 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids", V2_BESIDE_V1
    )
    assert process_limit(machine.proc, machine.sys) is None
    machine.file("pids/pod/app/pids.max", "max")
    machine.file("pids/pod/pids.max", "64")
    machine.file("pids/pids.max", "1000")
    assert process_limit(machine.proc, machine.sys) == 64


def test_this_machine_can_be_asked() -> None:
    assert all(quota.cpus > 0 for quota in quotas())
