"""One child by itself: what it is given, what it leaves open, how its death is put into words."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from poolscope.protocol.arguments import SharedListArguments
from poolscope.protocol.commands import BeginRun, StopRun
from poolscope.protocol.records import End, from_line
from poolscope.runs.process_tree import session
from poolscope.runs.runner_process import RunnerProcess, death_of_runner, last_line


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


async def everything(runner: RunnerProcess) -> list[bytes]:
    async with contextlib.aclosing(runner.lines()) as batches:
        return [line async for lines in batches for line in lines]


async def test_a_spare_that_nobody_needs_leaves_nothing(scratch: Path) -> None:
    before = descriptors()
    runner = await RunnerProcess.start()
    assert runner.scratch.is_dir()
    await runner.reap(0.0)
    assert runner.exit_code is not None
    assert session(runner.pid) == []
    assert descriptors() <= before + 1  # asyncio's own


async def test_a_child_is_the_first_that_the_kernel_kills_and_so_is_what_it_starts(
    scratch: Path, tmp_path: Path
) -> None:
    program = tmp_path / "runner.py"
    program.write_text(
        "import os, subprocess, sys\nos.read(int(sys.argv[1]), 1)\n"
        "said = subprocess.check_output(['cat', '/proc/self/oom_score_adj']) + str(os.nice(0)).encode()\n"
        "os.write(int(sys.argv[2]), said.replace(b'\\n', b' ') + b'\\n')\n"
    )
    runner = await RunnerProcess.start(program=program)
    runner.lower_priority()
    runner.send(StopRun())
    assert await everything(runner) == [b"1000 10"]
    await runner.reap()


async def test_a_child_works_in_a_scratch_folder_that_goes_with_it(scratch: Path, tmp_path: Path) -> None:
    program = tmp_path / "runner.py"
    program.write_text(
        "import os, sys, tempfile\nopen(tempfile.mkdtemp() + '/file', 'w').close()\n"
        "os.write(int(sys.argv[2]), tempfile.gettempdir().encode() + b'\\n')\n"
    )
    runner = await RunnerProcess.start(program=program)
    assert await everything(runner) == [os.fsencode(runner.scratch)]
    await runner.reap()
    assert not runner.scratch.exists()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_no_number_is_closed_that_may_be_another_file_by_then(
    loop: Callable[[], asyncio.AbstractEventLoop], scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipes: list[int] = []
    too_late: list[int] = []

    class Pipe(io.FileIO):
        def close(self) -> None:
            if self.closefd and not self.closed:
                try:
                    os.fstat(self.fileno())
                except OSError:
                    too_late.append(self.fileno())
            super().close()

    def fdopen(number: int, mode: str, buffering: int, closefd: bool = True) -> Pipe:
        pipes.append(number)
        return Pipe(number, mode, closefd)

    async def live() -> None:
        runner = await RunnerProcess.start(program=program)
        async with asyncio.timeout(20):
            async for _ in runner.prints():
                pass
            await everything(runner)
        await runner.reap()
        await asyncio.sleep(0)

    program = tmp_path / "runner.py"
    program.write_text("print('here')\n")
    monkeypatch.setattr(os, "fdopen", fdopen)
    left = []
    for _ in range(2):  # the first leaves what the loop makes once
        with asyncio.Runner(loop_factory=loop) as loops:
            loops.run(live())
        left.append(descriptors())
    assert len(pipes) == 6
    assert too_late == []
    assert left[1] <= left[0]


async def test_a_warm_runner_does_what_it_is_ordered(scratch: Path) -> None:
    runner = await RunnerProcess.start(["poolscope.experiments.shared_list.body"])
    arguments = SharedListArguments(1, 1, 0.0, 0.001, "lock", 0, 0.1)
    runner.send(BeginRun("x", "shared-list", "poolscope.experiments.shared_list.body", arguments))
    lines = await everything(runner)
    assert isinstance(from_line(lines[-1]), End)
    assert await runner.reap() == 0


async def test_orders_to_the_dead_and_the_reaped_are_lost_without_a_word(scratch: Path) -> None:
    runner = await RunnerProcess.start()
    os.kill(runner.pid, signal.SIGKILL)
    await runner.reap()
    runner.send(StopRun())
    await runner.stop()
    assert runner.exit_code == -signal.SIGKILL


async def test_a_child_that_cannot_be_started_leaves_nothing(scratch: Path) -> None:
    before = descriptors()
    with pytest.raises(OSError, match="nowhere"):
        await RunnerProcess.start(python="/nowhere/python")
    assert descriptors() <= before + 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "killed by SIGKILL"),
        (-11, "killed by SIGSEGV"),
        (-99, "killed by signal 99"),
        (3, "ended with exit code 3"),
    ],
)
def test_a_death_has_a_name(code: int, words: str) -> None:
    assert words in death_of_runner(code).sentence
    assert death_of_runner(code, "oh no").sentence.endswith("Its last words: oh no")


def test_a_death_for_want_of_memory_is_told_only_where_the_kernel_killed() -> None:
    assert "want of memory" in death_of_runner(-9, wanted_memory=True).sentence
    assert "by somebody" not in death_of_runner(-9, wanted_memory=True).sentence
    assert "memory" not in death_of_runner(-11, wanted_memory=True).sentence


@pytest.mark.parametrize(
    ("stderr", "last"),
    [
        ("", ""),
        ("one\ntwo\n\n", "two"),
        ("one\n/x/resource_tracker.py:1: UserWarning: 2 leaked\n  warnings.warn('x')\n", "one"),
        ("x resource_tracker y\n  its code\nTraceback:\n  File\n", "File"),
    ],
)
def test_last_words_are_not_those_of_the_tracker(stderr: str, last: str) -> None:
    assert last_line(stderr) == last
