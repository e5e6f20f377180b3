"""Where another process is at a moment: it writes its main thread's stack into a file when it gets a signal."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

# No program has a use of its own for it, unlike SIGUSR2, which is all that there is without real-time signals.
SHOW_STACK = getattr(signal, "SIGRTMAX", signal.SIGUSR2 + 2) - 2
STACKS = ".stacks"  # of a log's name, for the file of the stacks
SHOW_S, LOOK_S = 2.0, 0.1  # in which a process has written its stack, on a busy machine too; between two looks
LIBRARY = str(Path(os.__file__).parent)
OF_ANOTHER_PYTHON = re.compile(r"/lib(64)?/python3\.\d+t?/(?!site-packages|dist-packages)")
OURS = str(Path(__file__).parents[2])

_shown: set[str] = set()  # the logs whose stacks this process, or the one that it was forked from, is ready to show


def show_stacks_in(log: str) -> None:
    """Let this process write its main thread's stack beside the log when it gets SHOW_STACK."""
    if log not in _shown:
        _shown.add(log)
        with suppress(Exception):  # a platform without it: then it can't be told where it waits
            # Kept open for as long as the process lives.
            file = os.open(log + STACKS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            faulthandler.register(SHOW_STACK, file=file, all_threads=False)


def stacks_log(scratch: str, pid: int) -> str:
    """The log beside which a host with that scratch folder shows its own stacks."""
    return str(Path(scratch) / f"host-{pid}")


def stack_of(pid: int, log: Path) -> list[tuple[str, int, str]]:
    """Have a process that shows its stacks beside that log write one; [] where it does not."""
    file = Path(str(log) + STACKS)
    before = file.stat().st_size if file.exists() else 0
    with suppress(ProcessLookupError, OSError):
        os.kill(pid, SHOW_STACK)
    size, until, pause = before, monotonic() + SHOW_S, threading.Event()
    while monotonic() < until:
        pause.wait(LOOK_S)
        now = file.stat().st_size if file.exists() else 0
        if now == size > before:
            break
        size = now
    with suppress(OSError), file.open("rb") as stacks:
        stacks.seek(before)
        return read_stack(stacks.read().decode("utf-8", "replace"))
    return []


def read_stack(text: str) -> list[tuple[str, int, str]]:
    """The lines that faulthandler writes: '  File "mine.py", line 3 in wait', the innermost first."""
    found = []
    for line in text.splitlines():
        place, quoted, rest = line.strip().removeprefix('File "').partition('", line ')
        number, _, name = rest.partition(" in ")
        if quoted and number.isdigit():
            found.append((place, int(number), name))
    return found


def user_line(stack: Sequence[tuple[str, int, str]]) -> tuple[str, int, str] | None:
    """The innermost line of a stack that is the user's own: neither of the standard library nor of ours."""
    places = [place for place in stack if not is_of_library(place[0])]
    return next((place for place in places if "-packages" not in place[0]), places[0] if places else None)


def is_of_library(file: str) -> bool:
    """Whether it is a file of a standard library's, or of ours under whatever name."""
    ours = file.startswith((LIBRARY, OURS, "<")) or f"/{Path(OURS).name}/runner/" in file
    return ours or OF_ANOTHER_PYTHON.search(file) is not None
