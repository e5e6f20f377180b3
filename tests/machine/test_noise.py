"""Who used the machine, from files that a test has written and from this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from poolscope.machine.noise import NoiseCounters, host_busy_s, own_cpu_s, read_counters, server_cpu_s

TICK = os.sysconf("SC_CLK_TCK")


def process(proc: Path, pid: int, parent: int, user: int, system: int = 0, children: int = 0) -> None:
    """A process's stat, with the ticks of itself and of the children that it has collected."""
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "stat").write_text(
        f"{pid} (a (b) c) S {parent} 1 1 0 -1 0 0 0 0 0 {user} {system} {children} 0 20"
    )


def test_everything_but_idling_is_busy(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 20 30 9000 8000 4 5 60 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
    assert host_busy_s(tmp_path) == (100 + 20 + 30 + 4 + 5 + 60) / TICK


@pytest.mark.parametrize("text", ["", "cpu 1 2 3", "cpu a b c d e f g h"])
def test_a_malformed_file_is_not_known(tmp_path: Path, text: str) -> None:
    (tmp_path / "stat").write_text(text)
    assert host_busy_s(tmp_path) is None


def test_ours_are_this_process_and_all_that_descend_from_it(tmp_path: Path) -> None:
    us = os.getpid()
    process(tmp_path, us, 1, user=3, system=4, children=5)
    process(tmp_path, us + 1, us, user=10)
    process(tmp_path, us + 2, us + 1, user=100)
    process(tmp_path, us + 3, 1, user=1000)
    process(tmp_path, us + 4, us + 5, user=1000)  # two that close a ring, of ids used again
    process(tmp_path, us + 5, us + 4, user=1000)
    assert own_cpu_s(tmp_path) == (3 + 4 + 5 + 10 + 100) / TICK


def test_of_a_server_all_counts_that_it_started_but_us(tmp_path: Path) -> None:
    us, server = os.getpid(), os.getpid() + 10
    process(tmp_path, server, 1, user=7, system=8, children=50)  # it has collected runs that have ended
    process(tmp_path, us, server, user=3, children=5)
    process(tmp_path, us + 1, us, user=10)
    process(tmp_path, server + 1, server, user=100)
    process(tmp_path, server + 2, server + 1, user=1000, children=20)
    process(tmp_path, server + 3, 1, user=9000)
    assert server_cpu_s(server, tmp_path) == (7 + 8 + 50 + 100 + 1000 + 20) / TICK
    assert server_cpu_s(server + 9, tmp_path) is None
    assert read_counters(tmp_path, tmp_path, server=server).server_cpu_s == (7 + 8 + 50 + 100 + 1000 + 20) / TICK
    assert read_counters(tmp_path, tmp_path, server=server).server_alone_cpu_s == (7 + 8) / TICK
    assert read_counters(tmp_path, tmp_path, server=server + 9).server_alone_cpu_s is None
    assert read_counters(tmp_path, tmp_path).server_cpu_s is None


def test_without_any_file_only_the_time_is_known(tmp_path: Path) -> None:
    counters = read_counters(tmp_path, tmp_path)
    assert (counters.host_busy_s, counters.own_cpu_s, counters.throttled) == (None, None, None)
    reading = counters.since(counters)
    assert (reading.wall_s, reading.host_busy_s, reading.own_cpu_s) == (0.0, None, None)


def test_a_reading_is_what_was_used_between_two_moments() -> None:
    before, after = NoiseCounters(1.0, 10.0, 4.0, 7, 1.0, 0.5), NoiseCounters(3.5, 12.0, 4.5, 9, 1.25, 0.625)
    reading = after.since(before, loop_wall_s=1.5, loop_cpu_s=1.25)
    assert (reading.wall_s, reading.host_busy_s, reading.own_cpu_s) == (2.5, 2.0, 0.5)
    assert (reading.throttled_before, reading.throttled_after) == (7, 9)
    assert (reading.server_cpu_s, reading.server_alone_cpu_s) == (0.25, 0.125)
    assert (reading.loop_wall_s, reading.loop_cpu_s, reading.host_cpus) == (1.5, 1.25, os.cpu_count())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_host_was_at_least_as_busy_as_we_were() -> None:
    counters = read_counters()
    assert counters.host_busy_s is not None
    assert counters.own_cpu_s is not None
    assert counters.host_busy_s >= counters.own_cpu_s > 0
