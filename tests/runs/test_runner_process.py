"""One child by itself: what it is given, what it leaves open, how its death is put into words."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from poolscope.protocol.arguments import SharedListArguments
from poolscope.protocol.commands import BeginRun, StopRun
from poolscope.protocol.records import End, from_line
from poolscope.runs import runner_process
from poolscope.runs.process_tree import session
from poolscope.runs.runner_process import RUNNER, PrewarmedRunner, RunnerProcess, death_of_runner, last_line

from tests.runs.conftest import Children, all_noted
from tests.waiting import BOUND_S


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


async def test_a_child_of_which_too_little_can_be_learnt_is_not_left_alone(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, children: Children
) -> None:
    def too_many_files(pid: int) -> dict[str, object]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(runner_process, "identity", too_many_files)
    with pytest.raises(OSError, match="Too many"):
        await RunnerProcess.start()
    assert len(children) == 1
    assert all_noted(children)


@pytest.mark.parametrize("steps", range(8))
async def test_whoever_is_cancelled_while_he_takes_one_leaves_nothing(
    scratch: Path, children: Children, steps: int
) -> None:
    """After as many turns of the loop as there are places to be cancelled at, and some more."""
    prewarmed = PrewarmedRunner(sys.executable, RUNNER, [])
    taking = asyncio.create_task(prewarmed.take())
    for _ in range(steps):
        await asyncio.sleep(0)
    taking.cancel()
    await asyncio.wait({taking})
    await prewarmed.close(BOUND_S)
    assert all_noted(children)


async def test_one_that_the_kernel_does_not_let_go_of_is_let_go_of_by_us(
    scratch: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    prewarmed = PrewarmedRunner(sys.executable, RUNNER, [])
    runner = await prewarmed.take()
    os.kill(runner.pid, signal.SIGSTOP)
    monkeypatch.setattr(runner_process, "kill_session", lambda _: 0)
    await prewarmed.close(0.0)
    assert all(child.is_closing() for child in children)
    monkeypatch.undo()
    await runner.reap()


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
