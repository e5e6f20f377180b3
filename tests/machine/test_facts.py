"""The machine's facts from files that a test has written, and from this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from poolscope.machine import cpus
from poolscope.machine.facts import read_machine
from poolscope.protocol.payloads import MachineFacts


class Host:
    """A /proc and a /sys under a folder; `placed` are the CPUs that the scheduler may place us on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.placed: tuple[int, ...] = (0, 1)
        monkeypatch.setattr(cpus, "affinity", lambda: self.placed)
        monkeypatch.setattr(os, "cpu_count", lambda: 4)

    def write(self, path: str, text: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
        return file

    def core(self, cpu: int, siblings: str) -> None:
        self.write(f"devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", siblings)

    def facts(self) -> MachineFacts:
        return read_machine(self.folder, self.folder)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_hyper_threads_of_one_core_are_told_from_cores(host: Host) -> None:
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        host.core(cpu, siblings)
    host.placed = (0, 1, 2)
    facts = host.facts()
    assert (facts.physical_cpus, facts.affinity_cpus, facts.siblings) == (2, 3, ((0, 2), (1,)))
    assert facts.smt == cpus.smt(3, 2)
    host.placed = (0, 9)
    assert (host.facts().siblings, host.facts().smt) == ((), None)


def test_the_smallest_quota_on_the_way_up_bounds_and_is_named_with_its_file(host: Host) -> None:
    host.write("self/cgroup", "0::/pod/app")
    host.write("self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw")
    host.write("fs/cgroup/pod/app/cpu.max", "200000 100000")
    source = host.write("fs/cgroup/pod/cpu.max", "50000 100000")
    facts = host.facts()
    assert (facts.cpu_quota, facts.cpu_quota_source, facts.usable_cpus) == (0.5, str(source), 1)
    assert str(source) in facts.usable_cpus_why


def test_model_and_clock_rate_are_those_of_cpuinfo(host: Host) -> None:
    host.write(
        "cpuinfo",
        "processor\t: 0\nmodel\t\t: 85\nmodel name\t: Fast CPU @ 3 GHz\ncpu MHz\t\t: 3000.5\n\n"
        "model name\t: other\ncpu MHz\t\t: 1000.5",
    )
    assert (host.facts().cpu, host.facts().cpu_frequency_mhz) == ("Fast CPU @ 3 GHz", 2000.5)


def test_a_clock_rate_of_the_frequency_policy_comes_first(host: Host) -> None:
    host.write("cpuinfo", "cpu MHz\t\t: 3000.5")
    host.write("devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1800000")
    host.write("devices/system/cpu/cpufreq/policy4/scaling_cur_freq", "2400000")
    assert host.facts().cpu_frequency_mhz == 2100.0


def test_a_host_that_says_nothing_still_has_cpus(host: Host) -> None:
    host.write("cpuinfo", "processor\t: 0\nmodel name\t:\nBogoMIPS\t: 243.75")
    host.placed = ()
    facts = host.facts()
    assert facts.usable_cpus == facts.affinity_cpus == facts.logical_cpus == 4
    unknown = (
        facts.physical_cpus,
        facts.smt,
        facts.cpu_quota,
        facts.cpu_quota_source,
        facts.cpu_frequency_mhz,
        facts.memory_available,
    )
    assert set(unknown) == {None}
    assert facts.cpu  # the architecture, where nothing names the model


def test_this_machine_is_consistent() -> None:
    facts = read_machine()
    assert 1 <= facts.usable_cpus <= facts.affinity_cpus <= facts.logical_cpus
    assert facts.usable_cpus_why.startswith(f"{facts.usable_cpus} of {facts.logical_cpus}: ")
    assert facts.memory_available is None or facts.memory_available > 0
