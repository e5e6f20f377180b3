"""One child process from start to reaping: takes commands, gives records and prints, and nothing of it is left."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from poolscope.errors import MalformedRecord
from poolscope.machine import memory
from poolscope.machine.processes import exit_description
from poolscope.protocol import codec
from poolscope.protocol.commands import Command, StopRun
from poolscope.protocol.records import Printed
from poolscope.runs.budget import Breach
from poolscope.runs.process_tree import identity, kill_session, scratch_prefix
from poolscope.runs.run_cgroups import RunCgroup

# In the environment of a runner and all that it starts.
MEASURED = "MEASURED_BY_POOLSCOPE"
RUNNER = Path(__file__).resolve().parent.parent / "runner"
CHUNK = 256 * 1024
# The longest line is a pool's 100,000 results; what is longer by far was not written by our recorder.
LINE_LIMIT = 64 * 1024 * 1024
# Runners and all that they start are killed before the server where memory runs out, whoever holds more of it.
FIRST_TO_BE_KILLED = "1000"
LOW_PRIORITY = 10  # nice: the server answers first
# Of what a run prints, this much is kept; a flood beyond it is counted, not kept.
PRINTED_LIMIT = 256 * 1024
LAST_WORDS = 4096  # bytes of stderr's end, kept for the reason of a failure
ASK_S, TERM_S = 2.0, 1.5  # how long a runner may take to stop when it is asked to, then after SIGTERM, before SIGKILL


class RunnerProcess:
    """A started child. `exit_code` is None while it lives; negative is the signal that killed it. `identity` is what a
    later server knows it by. `memory_kills` are those since it was taken for a run; see also `breach`. It is `reaped`
    once nothing of it is left.

    The pipes are ours, not the process's: asyncio's `wait` returns only when every pipe of its own has ended, which
    a worker that outlives the runner would put off for ever.
    """

    def __init__(self, process: asyncio.subprocess.Process, control: int, pipes: dict[str, int], scratch: Path) -> None:
        self._process = process
        self._control = control
        self._pipes = pipes  # those that nobody reads yet
        self._transports: list[asyncio.ReadTransport] = []  # those that somebody reads
        self._stderr = b""
        self.reaped = False
        self.memory_kills = memory.MemoryKills()  # anybody's, where it has no cgroup of its own
        self.scratch = scratch
        self.cgroup: RunCgroup | None = None
        self.identity = identity(process.pid)
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/oom_score_adj").write_text(FIRST_TO_BE_KILLED)

    @classmethod
    async def start(
        cls, preload: Sequence[str] = (), *, python: str = sys.executable, program: Path = RUNNER
    ) -> RunnerProcess:
        """Start a child that imports `preload` and then waits for a command. Raises OSError."""
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            scratch = Path(tempfile.mkdtemp(prefix=scratch_prefix(os.getpid())))
            ours.callback(shutil.rmtree, scratch, ignore_errors=True)
            control_read, control = os.pipe()
            ours.callback(os.close, control)
            theirs.callback(os.close, control_read)
            pipes, written = {}, {}
            for name in ("records", "stdout", "stderr"):
                pipes[name], written[name] = os.pipe()
                ours.callback(os.close, pipes[name])
                theirs.callback(os.close, written[name])
            process = await asyncio.create_subprocess_exec(
                python,
                "-I",
                "-S",
                str(program),
                str(control_read),
                str(written["records"]),
                *preload,
                pass_fds=(control_read, written["records"]),
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(scratch), MEASURED: "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=written["stdout"],
                stderr=written["stderr"],
            )
            try:
                runner = cls(process, control, pipes, scratch)
            except BaseException:  # for want of descriptors, say; nobody else knows of the process
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
                raise
            ours.pop_all()
        return runner

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode

    @property
    def last_words(self) -> str:
        """The last line that it wrote to stderr, or ''."""
        return last_line(self._stderr.decode(errors="replace"))

    @property
    def breach(self) -> Breach | None:
        """What the kernel has ended it for, or a process of it, as its cgroup tells, if it has one."""
        return self.cgroup.breach if self.cgroup is not None else None

    def lower_priority(self) -> None:
        """Let it and all that it starts from now on work below the server. It can't be taken back."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self.pid, LOW_PRIORITY)
        # Where the kernel makes a group of each session, as on a desktop, nice values count within that alone.
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/autogroup").write_text(str(LOW_PRIORITY))

    def send(self, command: Command) -> None:
        """Send a command; a child that is gone can't read it, which its records tell soon enough."""
        # The pipe holds 64 KiB and commands are short, so this never waits.
        with contextlib.suppress(OSError):
            os.write(self._control, codec.to_line(command) + b"\n")

    async def lines(self) -> AsyncGenerator[list[bytes], None]:
        """Yield the record lines as they come, in batches, until the child closes the pipe or dies.

        A worker that outlives the runner can hold the pipe open, so the runner's own end ends this too.
        Raises MalformedRecord for a line without an end.
        """
        parts: list[bytes] = []  # of a line that is not whole yet
        died = asyncio.ensure_future(self._process.wait())
        reader, transport = await self._open("records")
        try:
            while chunk := await _read_until(reader, died):
                before, newline, after = chunk.rpartition(b"\n")
                if newline:
                    whole = b"".join((*parts, before)).split(b"\n")
                    parts = [after]
                    yield whole
                else:
                    parts.append(chunk)
                    if sum(map(len, parts)) > LINE_LIMIT:
                        raise MalformedRecord(parts[0], f"it has no end within {LINE_LIMIT} bytes")
        finally:
            died.cancel()
            transport.close()

    async def prints(self) -> AsyncGenerator[Printed, None]:
        """Yield what the child and its workers print, up to a limit, and how much was left out."""
        queue: asyncio.Queue[Printed | None] = asyncio.Queue()
        readers = asyncio.gather(*(self._read_prints(name, queue) for name in ("stdout", "stderr")))
        readers.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (printed := await queue.get()) is not None:
                yield printed
        finally:
            readers.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await readers

    async def _read_prints(self, name: str, queue: asyncio.Queue[Printed | None]) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        room, left_out = PRINTED_LIMIT, 0
        reader, transport = await self._open(name)
        try:
            while chunk := await reader.read(8192):
                if name == "stderr":
                    self._stderr = (self._stderr + chunk)[-LAST_WORDS:]
                text = decode(chunk[:room])
                left_out += max(len(chunk) - room, 0)
                room -= min(len(chunk), room)
                if text:
                    queue.put_nowait(Printed(perf_counter_ns(), name, text))
        finally:
            transport.close()
            if left_out:
                queue.put_nowait(Printed(perf_counter_ns(), name, "", left_out))

    async def _open(self, name: str) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
        reader, loop = asyncio.StreamReader(limit=CHUNK), asyncio.get_running_loop()
        # asyncio leaves the closing to the file object. uvloop closes the number itself and the file object then would
        # again: what another thread opened in between, a page or the journal, would be closed under it.
        pipe = os.fdopen(self._pipes.pop(name), "rb", 0, closefd=isinstance(loop, asyncio.BaseEventLoop))
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        self._transports.append(transport)
        return reader, transport

    async def stop(self, ask_s: float = ASK_S, term_s: float = TERM_S) -> None:
        """Ask, then SIGTERM the group, then SIGKILL the session: over within five seconds."""
        self.send(StopRun())
        if await self._ends_within(ask_s):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        if not await self._ends_within(term_s):
            await asyncio.to_thread(kill_session, self.pid)

    async def kill(self) -> None:
        """Kill it and all that it has started, without asking."""
        await asyncio.to_thread(kill_session, self.pid)

    async def reap(self, patience_s: float = 2.0) -> int:
        """Wait for the end, kill what is left and remove the scratch folder. Returns the exit code."""
        await self._ends_within(patience_s)
        self._hang_up()
        await asyncio.to_thread(kill_session, self.pid)
        code = await self._process.wait()
        if self.cgroup is not None:
            await asyncio.to_thread(self.cgroup.remove)
        await asyncio.to_thread(shutil.rmtree, self.scratch, ignore_errors=True)
        self.reaped = True
        return code

    async def end(self, limit_s: float) -> None:
        """Kill and reap it, and let go of it where that takes longer; either way no transport of it stays open.

        One that is left open complains when it is collected, and by then its loop may be closed.
        """
        try:
            async with asyncio.timeout(limit_s):
                await self.reap(0.0)
        except TimeoutError:
            self._process._transport.close()  # type: ignore[attr-defined]  # asyncio has no other way
        finally:
            for transport in self._transports:
                transport.close()

    def _hang_up(self) -> None:
        """Close the control channel and what nobody reads, once: the numbers may soon be other files'."""
        control, self._control = self._control, -1
        if control >= 0:
            os.close(control)
        while self._pipes:
            os.close(self._pipes.popitem()[1])

    async def _ends_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            return False
        return True


class PrewarmedRunner:
    """At most one runner that waits with `preload` imported, so that the next click is answered at once.

    It knows those that were taken, too, until they are reaped: whoever took one may be cancelled before he has it.
    """

    def __init__(self, python: str, program: Path, preload: Sequence[str]) -> None:
        self._python, self._program, self._preload = python, program, preload
        self._waiting: asyncio.Task[RunnerProcess] | None = None
        self._started: list[RunnerProcess] = []  # and not known to be reaped

    def start(self) -> None:
        """Start one, if there is none."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._start())

    async def take(self) -> RunnerProcess:
        """The one that waits, or a runner started now. Raises OSError when none can be started."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with contextlib.suppress(OSError):
                runner = await waiting
                if runner.exit_code is None:
                    runner.memory_kills.begin()  # it has waited
                    return runner
                await runner.reap(0.0)
        return await self._start()

    async def close(self, limit_s: float) -> None:
        """End the one that waits, and every other that was not reaped, in so many seconds each at most."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with contextlib.suppress(OSError):
                await waiting
        await asyncio.gather(*(runner.end(limit_s) for runner in self._not_reaped()))

    async def _start(self) -> RunnerProcess:
        runner = await RunnerProcess.start(self._preload, python=self._python, program=self._program)
        self._started = [*self._not_reaped(), runner]
        return runner

    def _not_reaped(self) -> list[RunnerProcess]:
        return [runner for runner in self._started if not runner.reaped]


async def _read_until(reader: asyncio.StreamReader, died: asyncio.Future[int]) -> bytes:
    """Read the next bytes; b'' at the pipe's end, or once the process is dead and nothing of it is left in the pipe."""
    read = asyncio.ensure_future(reader.read(CHUNK))
    either: tuple[asyncio.Future[Any], ...] = (read, died)
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not read.done():
            await asyncio.wait({read}, timeout=0.2)
        return read.result() if read.done() else b""
    finally:
        read.cancel()


def last_line(stderr: str) -> str:
    """The last line that says something, or ''; not one of the tracker that tidies up after a process."""
    last, of_tracker = "", False
    for line in stderr.splitlines():
        of_tracker = "resource_tracker" in line or (of_tracker and line.startswith(" "))  # a warning shows its code
        last = last if of_tracker else line.strip() or last
    return last


def death_of_runner(exit_code: int, last_words: str = "", wanted_memory: bool = False) -> Breach:
    """How a runner ended that sent no end: the signal's name or the exit code, and its last words."""
    last = f" Its last words: {last_words}" if last_words else ""
    if wanted_memory and exit_code == -signal.SIGKILL:
        return Breach(
            "out-of-memory", f"The kernel killed the runner process for want of memory before the run was over.{last}"
        )
    return Breach(None, f"The runner process {exit_description(exit_code)} before the run was over.{last}")
