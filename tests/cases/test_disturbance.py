"""What our own processes use is not taken for a neighbour's, and a neighbour's is: with real processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from poolscope.machine.cpu_clock import process_table
from poolscope.machine.noise import read_counters
from poolscope.stats.disturbance import LOST_SHARE, beside_us, disturbance

from tests.cases.programs import in_own_pool, in_program, in_shells_background
from tests.waiting import until

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SPIN = "while True: pass"


def ticks_of(pid: int) -> int:
    return process_table()[1].get(pid, 0)


@contextmanager
def busy_child() -> Iterator[None]:
    """A child that lives on, so that nobody has collected its times."""
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", SPIN])
    try:
        until(lambda: ticks_of(child.pid) > 10)
        yield
    finally:
        child.kill()
        child.wait()


def kept_busy() -> None:
    with busy_child():
        pass


def in_nested_pools() -> None:
    process = multiprocessing.get_context("fork").Process(target=in_own_pool, args=(1,))
    process.start()
    process.join()


@pytest.mark.parametrize(
    "use",
    [lambda: in_program(1), lambda: in_shells_background(1), lambda: in_own_pool(1), in_nested_pools, kept_busy],
    ids=["program", "program of a program", "pool", "pool in a process", "killed"],
)
def test_what_our_child_processes_used_is_ours(use: Callable[[], object]) -> None:
    before, collected = read_counters(), os.times()
    for _ in range(3):  # many ticks, however fast the machine is
        use()
    used = os.times()
    reading = read_counters().since(before)
    children_s = used.children_user + used.children_system - collected.children_user - collected.children_system
    assert children_s > 2 * TICK_S
    assert reading.own_cpu_s is not None
    assert reading.own_cpu_s >= children_s - 2 * TICK_S


def test_what_a_living_child_has_used_is_ours() -> None:
    before = read_counters()
    with busy_child():
        reading = read_counters().since(before)
    assert (reading.own_cpu_s or 0.0) >= 8 * TICK_S


@pytest.fixture
def neighbour() -> Iterator[int]:
    """A busy process that is no descendant of ours: its parent has ended."""
    program = [sys.executable, "-I", "-S", "-c", SPIN]
    started = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], stdout=-3, stderr=-3).pid)"
    command = [sys.executable, "-I", "-S", "-c", started, *program]
    pid = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    yield pid
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_busy_neighbour_is_no_child_of_ours_and_disturbs(neighbour: int) -> None:
    before, ticks, began = read_counters(), ticks_of(neighbour), time.perf_counter()
    until(lambda: ticks_of(neighbour) - ticks > 20 and time.perf_counter() - began > 0.6)
    reading = read_counters().since(before)
    others_s, _ = beside_us(reading)
    assert others_s is not None
    assert others_s >= 18 * TICK_S
    found = disturbance([], workers=2, usable_cpus=2, host_cpus=2, wall_s=reading.wall_s, others_cpu_s=others_s)
    assert found.others_cpus is not None
    assert found.others_cpus > 2 * LOST_SHARE
    assert found.disturbed is True
    assert [sign.code for sign in found.signs] == ["others in the way"]
