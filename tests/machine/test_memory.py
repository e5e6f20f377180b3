"""Memory that is left: the host's and every group's above us, v2 and v1, with what caches would give up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from poolscope.machine.memory import available, limit


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with 1000 bytes free; its /proc and /sys are filled by the test."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    (tmp_path / "self").mkdir()
    return tmp_path


def group(tree: Path, path: str, **files: object) -> None:
    folder = tree / "fs" / "cgroup" / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


def test_without_a_limit_it_is_what_the_host_has(tree: Path) -> None:
    assert (available(tree, tree), limit(tree, tree)) == (1000, None)
    (tree / "self" / "cgroup").write_text("0::/app\n")
    group(tree, "app", memory__max="max", memory__current=10)
    assert (available(tree, tree), limit(tree, tree)) == (1000, None)


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
