"""CPU time of child processes, as /proc tells it: of all descendants, and of nobody where there is no child."""

from __future__ import annotations

import os
from pathlib import Path

from poolscope.machine.cpu_clock import children, descendants_ticks, process_table, ready_ns

US = os.getpid()


def process(proc: Path, pid: int, parent: int, ticks: int) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (a ) name) S {parent} 1 1 0 -1 4 0 0 0 0 {ticks} 2 3 4 20 0 1 0 99\n")


def thread(proc: Path, number: int, listed: str | None, schedstat: str = "5 7 1\n") -> None:
    folder = proc / "self" / "task" / str(number)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(schedstat)
    if listed is not None:
        (folder / "children").write_text(listed)


def family(proc: Path) -> None:
    process(proc, US, 1, 1000)
    process(proc, US + 1, US, 10)
    process(proc, US + 2, US + 1, 20)
    process(proc, US + 3, 1, 5000)  # nobody of ours


def test_descendants_count_with_what_they_have_collected(tmp_path: Path) -> None:
    family(tmp_path)
    thread(tmp_path, US, "")
    thread(tmp_path, US + 9, f"{US + 1} ")
    assert process_table(tmp_path)[0] == {US: 1, US + 1: US, US + 2: US + 1, US + 3: 1}
    assert children(tmp_path) == [US + 1]
    assert descendants_ticks(proc=tmp_path) == 10 + 20 + 2 * (2 + 3 + 4)


def test_what_is_beside_the_work_does_not_count_nor_do_its_children(tmp_path: Path) -> None:
    family(tmp_path)
    process(tmp_path, US + 4, US, 40)
    thread(tmp_path, US, f"{US + 1} {US + 4} ")
    assert descendants_ticks((US + 1,), tmp_path) == 40 + 2 + 3 + 4
    assert descendants_ticks((US + 1, US + 4), tmp_path) == 0


def test_without_a_child_nobody_else_is_looked_at(tmp_path: Path) -> None:
    family(tmp_path)  # which a look would find
    thread(tmp_path, US, "")
    assert children(tmp_path) == []
    assert descendants_ticks(proc=tmp_path) == 0


def test_where_the_kernel_lists_no_children_all_processes_are_looked_at(tmp_path: Path) -> None:
    family(tmp_path)
    thread(tmp_path, US, None)
    assert children(tmp_path) is None
    assert descendants_ticks(proc=tmp_path) == 10 + 20 + 2 * (2 + 3 + 4)


def test_each_thread_has_waited_for_a_cpu_by_its_own_number(tmp_path: Path) -> None:
    thread(tmp_path, US, "", "5 7 1\n")
    thread(tmp_path, US + 1, "", "5 8 1\n")
    thread(tmp_path, US + 2, "", "")
    assert ready_ns(tmp_path) == {str(US): 7, str(US + 1): 8}


def test_without_proc_there_is_nothing(tmp_path: Path) -> None:
    assert (process_table(tmp_path / "none"), ready_ns(tmp_path / "none")) == (({}, {}), {})
    assert (children(tmp_path / "none"), descendants_ticks(proc=tmp_path / "none")) == (None, 0)
