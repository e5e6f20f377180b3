"""What of the machine a run may use, read from made files."""

from __future__ import annotations

from pathlib import Path

import pytest
from poolscope.machine.host_facts import memory_available, siblings


def test_cpus_that_share_a_core_are_one_group(tmp_path: Path) -> None:
    for cpu, core in ((0, "0,2"), (1, "1,3"), (2, "0,2"), (3, "1,3")):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(core + "\n")
    assert siblings([0, 1, 2, 3], tmp_path) == [[0, 2], [1, 3]]
    assert siblings([0, 3], tmp_path) == [[0], [3]]
    assert siblings([0, 4], tmp_path) is None


@pytest.mark.parametrize(
    ("membership", "files", "left"),
    [
        ("0::/box\n", {}, 1000 * 1024),
        ("0::/box\n", {"box/memory.max": "max", "box/memory.current": "5"}, 1000 * 1024),
        ("0::/box/in\n", {"box/memory.max": "600000", "box/memory.current": "100000"}, 500_000),
        ("0::/box\n", {"box/memory.max": "5", "box/memory.current": "6"}, 0),
        (
            "4:memory:/old\n2:cpu:/other\n",
            {"memory/old/memory.limit_in_bytes": "70000", "memory/old/memory.usage_in_bytes": "30000"},
            40_000,
        ),
    ],
    ids=["no limit", "max", "a parent's", "exceeded", "v1"],
)
def test_memory_is_bounded_by_the_tightest_cgroup(
    membership: str, files: dict[str, str], left: int, tmp_path: Path
) -> None:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal:  4000 kB\nMemAvailable:    1000 kB\n")
    (proc / "self" / "cgroup").write_text(membership)
    for name, text in files.items():
        (cgroups / name).parent.mkdir(parents=True, exist_ok=True)
        (cgroups / name).write_text(text + "\n")
    assert memory_available(proc, cgroups) == left


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert memory_available(tmp_path, tmp_path) is None
