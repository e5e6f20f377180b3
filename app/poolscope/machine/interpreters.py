"""Finds the Pythons of this machine that can run a run's work beside this one, and says of the others why they can't.

Each is asked by running it, isolated and without site packages, as a run would. Nothing that hangs, prints nonsense or
is no Python at all can hold this up for longer than a time limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from poolscope.errors import BadParameters, ParameterError
from poolscope.machine.processes import exit_description

OLDEST = (3, 11)
ON_PATH = tuple(f"python3.{minor}{build}" for minor in range(OLDEST[1], 16) for build in ("", "t"))
ASK_S = 5.0
AT_ONCE = 4
NO_OTHERS = "none"
LABEL = re.compile(r"[\w.+-]{1,40}")
# Folders of virtual environments that say nothing; the project's own name is the one above.
NAMELESS = (".venv", "venv", "env", ".env")
ASK = """
import json, sys
said = {
    "version": sys.version.split()[0].rstrip("+"), "number": sys.version_info[:2], "name": sys.implementation.name,
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(), "free_threaded": "t" in getattr(sys, "abiflags", ""),
    "start_methods": [], "lacks": "",
}
if sys.version_info >= (3, 11):
    try:
        import concurrent.futures, multiprocessing.synchronize
        said["start_methods"] = multiprocessing.get_all_start_methods()
    except ImportError as error:
        said["lacks"] = str(error)
print(json.dumps(said))
"""


@dataclass(frozen=True, slots=True)
class Python:
    """One Python: `path` starts it, `label` names it in a run. One that can't run has no label, and says `why_not`.

    `gil` tells whether the lock is on, `free_threaded` whether the build can do without it. `version` is '' where it
    could not be asked.
    """

    path: str
    label: str = ""
    version: str = ""
    implementation: str = "CPython"
    gil: bool = True
    free_threaded: bool = False
    start_methods: tuple[str, ...] = ()
    why_not: str = ""


def this() -> Python:
    """The Python that we run in."""
    return next(labelled([_of_this()]))


def wished(text: str) -> tuple[list[tuple[str, str]], bool]:
    """(label, path) of each Python in 'path, label=path:path', and whether others are to be looked for.

    The label is '' where none is given; `none` in the text asks for no others. Raises BadParameters for a label that a
    run could not name.
    """
    found = []
    entries = [entry.strip() for entry in re.split(r"[,:]", text) if entry.strip()]
    for entry in filter(lambda entry: entry != NO_OTHERS, entries):
        label, equals, path = (part.strip() for part in entry.rpartition("="))
        if equals and not LABEL.fullmatch(label):
            raise BadParameters(
                (
                    ParameterError(
                        "pythons", f"A label in POOLSCOPE_PYTHONS must be letters, digits and .+-; {label!r} is not."
                    ),
                )
            )
        found.append((label, str(Path(path).expanduser())))
    return found, NO_OTHERS not in entries


async def find(named: Sequence[tuple[str, str]] = (), elsewhere: bool = True) -> tuple[Python, ...]:
    """This Python, those that are named as (label, path), and with `elsewhere` all others of this machine; each once.

    A virtual environment counts as a Python of its own where it is named, else as the one that it was made from.
    """
    places = asyncio.Semaphore(AT_ONCE)
    paths = _distinct([path for _, path in named], _candidates() if elsewhere else ())
    asked = await asyncio.gather(*(_ask(path, places) for path in paths))
    wish = {path: label for label, path in reversed(named)}
    found = [replace(python, label="" if python.why_not else wish.get(python.path, "")) for python in asked]
    return tuple(labelled([_of_this(), *found]))


def by_label(pythons: Iterable[Python]) -> dict[str, str]:
    """The paths of those that can run, by label."""
    return {python.label: python.path for python in pythons if not python.why_not}


def started_by(pythons: Iterable[Python], path: str) -> Python:
    """Which of the Pythons a path starts, one of those that were named. Raises StopIteration for any other path."""
    return next(python for python in pythons if _identity(python.path) == _identity(path))


def labelled(pythons: Iterable[Python]) -> Iterator[Python]:
    """The same with labels: as wished, '3.13', '3.13t', '3.13.2' for a second 3.13, then by folder or number."""
    taken: set[str] = set()
    for python in pythons:
        if python.why_not:
            yield python
            continue
        label = next(label for label in _labels(python) if label and label not in taken)
        taken.add(label)
        yield replace(python, label=label)


def _labels(python: Python) -> Iterator[str]:
    kind = "" if python.implementation == "CPython" else python.implementation.lower()
    build = "t" if python.free_threaded else ""
    whole = f"{kind}{python.version}{build}"
    yield python.label
    yield f"{kind}{'.'.join(python.version.split('.')[:2])}{build}"
    yield whole
    environment = _environment(Path(python.path))
    if environment is not None:
        name = environment.parent.name if environment.name in NAMELESS else environment.name
        yield re.sub(r"[^\w.+-]", "-", f"{whole}-{name}")[:40]
    yield from (f"{whole}-{number}" for number in count(2))


def _of_this() -> Python:
    """What this Python would answer."""
    return _told(
        sys.executable,
        {
            "version": sys.version.split()[0].rstrip("+"),
            "number": sys.version_info[:2],
            "name": sys.implementation.name,
            "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
            "free_threaded": "t" in getattr(sys, "abiflags", ""),
            "start_methods": multiprocessing.get_all_start_methods(),
            "lacks": "",
        },
    )


def _candidates() -> Iterator[str]:
    """Where Pythons are found: on the path, then where pyenv and uv put them, then the system's own."""
    # A shim starts what its manager's settings say, or nothing; the managers' own folders come below.
    folders = [Path(folder) for folder in os.get_exec_path() if folder and Path(folder).name != "shims"]
    for folder in (*folders, Path("/usr/local/bin"), Path("/usr/bin")):
        yield from (str(folder / name) for name in (*ON_PATH, "python3") if os.access(folder / name, os.X_OK))
    for home in (".pyenv/versions", ".local/share/uv/python"):
        for folder in sorted((Path.home() / home).glob("*")):
            found = folder / "bin" / "python"
            if found.exists():
                yield str(found)


def _distinct(wished: Sequence[str], others: Iterable[str]) -> Iterator[str]:
    """Paths that start different Pythons, and not this one."""
    seen = {_identity(sys.executable)}
    for path in wished:
        if _identity(path) not in seen:
            seen.add(_identity(path))
            yield path
    programs = {program for program, _ in seen}
    for path in others:
        program = Path(path).resolve()
        if program not in programs:
            programs.add(program)
            yield path


def _identity(path: str) -> tuple[Path, Path | None]:
    """What makes two paths the same Python: the program, and the virtual environment that it is started from."""
    return Path(path).resolve(), _environment(Path(path))


def _environment(python: Path) -> Path | None:
    """The folder of the virtual environment that a Python belongs to."""
    folder = Path(os.path.abspath(python)).parent.parent  # noqa: PTH100 (resolve would follow the link out of it)
    return folder if (folder / "pyvenv.cfg").is_file() else None


async def _ask(path: str, places: asyncio.Semaphore) -> Python:
    # Files, not pipes: what a program starts and leaves behind could hold a pipe open for ever.
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        async with places:
            why_not = await _run(path, said, complained)
        return Python(path, why_not=why_not) if why_not else _understood(path, _text(said))


async def _run(path: str, said: IO[bytes], complained: IO[bytes]) -> str:
    """Run a Python with our question. Returns why there is no answer, '' where there may be one."""
    start = asyncio.create_subprocess_exec(
        path,
        "-I",
        "-S",
        "-c",
        ASK,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=said,
        stderr=complained,
        start_new_session=True,
    )
    starting = asyncio.ensure_future(
        start
    )  # who no longer waits may leave in the middle of it, and it is ended after all
    try:
        process = await asyncio.shield(starting)
        async with asyncio.timeout(ASK_S):
            code = await process.wait()
    except TimeoutError:
        return f"it did not answer within {ASK_S:g} s"
    except OSError as error:
        return f"it can't be started: {error.strerror or error}"
    finally:
        await _end(starting)
    if code:
        words = _text(complained).strip()
        last = "" if "import json" in words else words.rpartition("\n")[2].strip()  # it may quote the question to us
        return f"it {exit_description(code)}" + (f": {last[:200]}" if last else "")
    return ""


async def _end(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    """Kill what was started, unless it has ended, with all that it started."""
    with contextlib.suppress(OSError):
        process = await starting
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _understood(path: str, answer: str) -> Python:
    try:
        return _told(path, json.loads(answer))
    except (ValueError, KeyError, TypeError):
        first = answer.strip().partition("\n")[0][:80]
        return Python(path, why_not=f"it is no Python that we know: it answered {first!r}")


def _told(path: str, said: dict[str, Any]) -> Python:
    names = {"cpython": "CPython", "pypy": "PyPy"}
    old = f"it is {said['version']}, and {'.'.join(map(str, OLDEST))} or later is needed"
    return Python(
        path=path,
        version=str(said["version"]),
        implementation=names.get(said["name"], str(said["name"])),
        gil=bool(said["gil"]),
        free_threaded=bool(said["free_threaded"]),
        start_methods=tuple(map(str, said["start_methods"])),
        why_not=old if tuple(said["number"]) < OLDEST else str(said["lacks"]),
    )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(64 * 1024).decode(errors="replace")
