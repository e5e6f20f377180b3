"""Memory that is left: the host's and every group's above us, v2 and v1, with what caches would give up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from poolscope.machine.memory import MemoryKills, available, kill_counter, kills, limit, of_processes, of_this_process

MOUNTS = """
30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
FREE = 1000 * 1024


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A host with 1000 KiB free; what more its /proc and /sys say is the test's."""
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "mountinfo").write_text(MOUNTS)
    (tmp_path / "meminfo").write_text("MemTotal:  4000 kB\nMemAvailable:    1000 kB\n")
    return tmp_path


def group(tree: Path, path: str, **files: object) -> None:
    folder = tree / "fs" / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_without_a_limit_it_is_what_the_host_has(tree: Path) -> None:
    assert (available(tree, tree), limit(tree, tree)) == (FREE, None)
    (tree / "self" / "cgroup").write_text("0::/app\n")
    group(tree, "app", memory__max="max", memory__current=10)
    assert (available(tree, tree), limit(tree, tree)) == (FREE, None)


def test_kills_for_want_of_memory_are_those_of_our_group_or_else_of_the_host(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("0::/app\n")
    assert kills(kill_counter(tree, tree)) is None
    (tree / "vmstat").write_text("nr_free_pages 7\noom_kill 5\n")
    assert kills(kill_counter(tree, tree)) == 5
    group(tree, "app", memory__events="low 0\noom 3\noom_kill 2\noom_group_kill 0")
    assert kills(kill_counter(tree, tree)) == 2


def test_only_kills_from_the_beginning_on_happened(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("0::/app\n")
    (tree / "vmstat").write_text("oom_kill 5\n")
    since = MemoryKills(tree, tree)
    told = [since.happened]
    (tree / "vmstat").write_text("oom_kill 6\n")
    told.append(since.happened)
    since.begin()
    assert [*told, since.happened] == [False, True, False]


def test_kills_are_counted_by_a_group_of_the_old_kind_too(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("5:memory:/app\n0::/\n")
    (tree / "vmstat").write_text("oom_kill 5\n")
    group(tree, "memory/app", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1")
    assert kills(kill_counter(tree, tree)) == 1


def test_the_tightest_group_above_us_counts_and_its_cache_is_free(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("0::/pod/app\n")
    group(tree, "pod/app", memory__max=900, memory__current=100)
    group(tree, "pod", memory__max=950, memory__current=700, memory__stat="anon 200\ninactive_file 150")
    assert (available(tree, tree), limit(tree, tree)) == (400, 900)


def test_a_group_of_the_old_kind_counts_and_its_largest_number_is_no_limit(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("5:memory:/app\n3:cpu:/\n")
    group(tree, "memory", memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=5)
    group(
        tree,
        "memory/app",
        memory__limit_in_bytes=800,
        memory__usage_in_bytes=300,
        memory__stat="inactive_file 1\ntotal_inactive_file 50",
    )
    assert (available(tree, tree), limit(tree, tree)) == (550, 800)


def test_a_full_group_leaves_nothing(tree: Path) -> None:
    (tree / "self" / "cgroup").write_text("0::/app\n")
    group(tree, "app", memory__max=100, memory__current=120)
    assert available(tree, tree) == 0


def test_without_any_file_nothing_is_known(tmp_path: Path) -> None:
    assert (available(tmp_path, tmp_path), limit(tmp_path, tmp_path)) == (None, None)


def test_where_there_is_no_proportional_size_the_resident_one_is_told(tmp_path: Path) -> None:
    held = of_processes([os.getppid()], proc=tmp_path)
    assert held.what == "rss"
    assert held.per_worker[0] > 0
    assert held.total == held.parent + held.per_worker[0]


def test_workers_in_this_process_share_its_rise() -> None:
    held = of_this_process(4, before=0)
    assert held.per_worker == (held.parent // 4,) * 4
    assert held.total == held.parent
    assert of_this_process(4, before=2 * held.parent).per_worker == (0, 0, 0, 0)
