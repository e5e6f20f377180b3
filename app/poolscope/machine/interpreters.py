"""Finds the Pythons of this machine that can run a run's work beside this one, and says of the others why they can't.

Each is probed by running it, isolated and without site packages, as a run would. Nothing that hangs, prints nonsense or
is no Python at all can hold this up for longer than a time limit. The libraries that find interpreters were weighed and
not taken: findpython probes through a pipe, which a program's own child can hold open for ever, and python-discovery
answers for one version at a time. What they would replace is `_candidates`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import IO, Any

from poolscope.errors import BadParameters, ParameterError
from poolscope.machine.processes import exit_description
from poolscope.protocol.frozen import frozen

OLDEST = (3, 11)
NEWEST = (3, 15)
ON_PATH = (
    *(f"python3.{minor}{build}" for minor in range(OLDEST[1], NEWEST[1] + 1) for build in ("", "t")),
    "python3",
)
# Where a manager of Pythons keeps one folder for each: the variable that names the place, and where it is else.
MANAGED = (
    ("PYENV_ROOT", "~/.pyenv", "versions"),
    ("UV_PYTHON_INSTALL_DIR", "~/.local/share/uv/python", ""),
    ("ASDF_DATA_DIR", "~/.asdf", "installs/python"),
    ("MISE_DATA_DIR", "~/.local/share/mise", "installs/python"),
    ("", "/Library/Frameworks/Python.framework/Versions", ""),
)
PROBE_S = 5.0
AT_ONCE = 4
NO_OTHERS = "none"
LABEL = re.compile(r"[\w.+-]{1,40}")
# Folders of virtual environments that say nothing; the project's own name is the one above.
NAMELESS = (".venv", "venv", "env", ".env")
PROBE = """
import json, sys
answer = {
    "version": sys.version.split()[0].rstrip("+"), "number": sys.version_info[:2], "name": sys.implementation.name,
    "gil": getattr(sys, "_is_gil_enabled", lambda: True)(), "free_threaded": "t" in getattr(sys, "abiflags", ""),
    "start_methods": [], "lacks": "",
}
if sys.version_info >= (3, 11):
    try:
        import concurrent.futures, multiprocessing.synchronize
        answer["start_methods"] = multiprocessing.get_all_start_methods()
    except ImportError as error:
        answer["lacks"] = str(error)
print(json.dumps(answer))
"""


@frozen
class Interpreter:
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


def parse_setting(text: str) -> tuple[list[tuple[str, str]], bool]:
    """(label, path) of each Python in 'path, label=path:path', and whether to look for others.

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


async def find(named: Sequence[tuple[str, str]] = (), elsewhere: bool = True) -> tuple[Interpreter, ...]:
    """This Python, those that are named as (label, path), and with `elsewhere` all others of this machine; each once.

    A virtual environment counts as a Python of its own where it is named, else as the one that it was made from.
    """
    slots = asyncio.Semaphore(AT_ONCE)
    paths = _distinct([path for _, path in named], _candidates() if elsewhere else ())
    # Not by gather, which a cancel ends with the first of them: the others' programs would be left by who goes then.
    async with asyncio.TaskGroup() as group:
        probes = [group.create_task(_probe(path, slots)) for path in paths]
    labels, probed = {path: label for label, path in reversed(named)}, [probe.result() for probe in probes]
    found = [replace(python, label="" if python.why_not else labels.get(python.path, "")) for python in probed]
    return tuple(with_labels([_own(), *found]))


async def find_named(setting: str, first: str, others: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """All Pythons at hand, and the labels of `first` ('' for this one) and `others`, which are paths or labels.

    Looked for as far as the `setting` allows. Raises BadParameters for one that can't be used.
    """
    named, elsewhere = parse_setting(setting)
    paths = {word: path for word in (first, *others) if word and (path := _program_path(word))}
    labelled = [word for word in others if word not in paths]
    found = await find([*(("", path) for path in paths.values()), *named], elsewhere and bool(labelled))
    usable, labels = by_label(found), []
    for word in (first or sys.executable, *others):
        label, why_not = word, "no Python has that label, and no program that name"
        if word in paths or word == sys.executable:
            python = at_path(found, paths.get(word, word))
            label, why_not = python.label, python.why_not
        if label not in usable:
            raise BadParameters((ParameterError("pythons", f"{word} can't be used: {why_not}."),))
        labels.append(label)
    return usable, list(dict.fromkeys(labels))


def _program_path(word: str) -> str:
    """The path that a word on the command line means; '' where it is none."""
    return word if os.sep in word else shutil.which(word) or ""


def by_label(pythons: Iterable[Interpreter]) -> dict[str, str]:
    """The paths of those that can run, by label."""
    return {python.label: python.path for python in pythons if not python.why_not}


def at_path(pythons: Iterable[Interpreter], path: str) -> Interpreter:
    """The Python that a path starts, out of those that were named. Raises StopIteration for any other path."""
    return next(python for python in pythons if _identity(python.path) == _identity(path))


def with_labels(pythons: Iterable[Interpreter]) -> Iterator[Interpreter]:
    """The same with labels: as named, '3.13', '3.13t', '3.13.2' for a second 3.13, then by folder or number."""
    taken: set[str] = set()
    for python in pythons:
        if python.why_not:
            yield python
            continue
        label = next(label for label in _labels(python) if label and label not in taken)
        taken.add(label)
        yield replace(python, label=label)


def _labels(python: Interpreter) -> Iterator[str]:
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


def _own() -> Interpreter:
    """What probing this Python would find."""
    return _from_answer(
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
    """Where Pythons are found: on the path and in the system's folders, then where their managers put them."""
    # A shim starts what its manager's settings say, or nothing; the managers' own folders come below.
    folders = [Path(folder) for folder in os.get_exec_path() if folder and Path(folder).name != "shims"]
    for folder in (*folders, Path("/usr/local/bin"), Path("/usr/bin")):
        yield from (str(folder / name) for name in ON_PATH if os.access(folder / name, os.X_OK))
    for variable, usual, below in MANAGED:
        home = Path(os.environ.get(variable) or usual).expanduser()
        for folder in sorted((home / below).glob("*")):
            names = (folder / "bin" / name for name in ("python", "python3"))
            yield from (str(found) for found in names if os.access(found, os.X_OK))


def _distinct(named: Sequence[str], others: Iterable[str]) -> Iterator[str]:
    """Paths that start different Pythons, and not this one."""
    seen = {_identity(sys.executable)}
    for path in named:
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


async def _probe(path: str, slots: asyncio.Semaphore) -> Interpreter:
    # Files, not pipes: what a program starts and leaves behind could hold a pipe open for ever.
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        async with slots:
            why_not = await _run_probe(path, stdout, stderr)
        return Interpreter(path, why_not=why_not) if why_not else _parsed(path, _text(stdout))


async def _run_probe(path: str, stdout: IO[bytes], stderr: IO[bytes]) -> str:
    """Run a Python with our program. Returns why there is no answer, '' where there may be one."""
    start = asyncio.create_subprocess_exec(
        path,
        "-I",
        "-S",
        "-c",
        PROBE,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    # Shielded: if we are cancelled in the middle of the start, the program is ended all the same.
    starting = asyncio.ensure_future(start)
    try:
        process = await asyncio.shield(starting)
        async with asyncio.timeout(PROBE_S):
            code = await process.wait()
    except TimeoutError:
        return f"it did not answer within {PROBE_S:g} s"
    except OSError as error:
        return f"it can't be started: {error.strerror or error}"
    finally:
        await _end(starting)
    if code:
        words = _text(stderr).strip()
        last = "" if "import json" in words else words.rpartition("\n")[2].strip()  # it may quote our program to us
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


def _parsed(path: str, answer: str) -> Interpreter:
    try:
        return _from_answer(path, json.loads(answer))
    except (ValueError, KeyError, TypeError):
        first = answer.strip().partition("\n")[0][:80]
        return Interpreter(path, why_not=f"it is no Python that we know: it answered {first!r}")


def _from_answer(path: str, answer: dict[str, Any]) -> Interpreter:
    names = {"cpython": "CPython", "pypy": "PyPy"}
    old = f"it is {answer['version']}, and {'.'.join(map(str, OLDEST))} or later is needed"
    return Interpreter(
        path=path,
        version=str(answer["version"]),
        implementation=names.get(answer["name"], str(answer["name"])),
        gil=bool(answer["gil"]),
        free_threaded=bool(answer["free_threaded"]),
        start_methods=tuple(map(str, answer["start_methods"])),
        why_not=old if tuple(answer["number"]) < OLDEST else str(answer["lacks"]),
    )


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(64 * 1024).decode(errors="replace")
