"""Finding Pythons: who is asked, what they are called, and why one can't be used, with programs that stand for them."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from poolscope.errors import BadParameters
from poolscope.machine import interpreters
from poolscope.machine.interpreters import LABEL, Interpreter, at_path, by_label, find, parse_setting, with_labels

from tests.pythons import made_environment
from tests.waiting import until, until_gone

MakeProgram = Callable[[str, str], str]


@pytest.fixture
def program(tmp_path: Path) -> MakeProgram:
    """Makes a program of that name and text."""

    def make(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


def answering(version: str = "3.13.2", abi: str = "") -> str:
    """The text of a program that answers as that Python would."""
    major, minor = version.split(".")[:2]
    said = (
        f'{{"version": "{version}", "number": [{major}, {minor}], "name": "cpython", "gil": {str(not abi).lower()}, '
        f'"free_threaded": {str(bool(abi)).lower()}, "start_methods": ["fork", "spawn"], "lacks": ""}}'
    )
    return f"echo '{said}'"


async def only(*paths: str) -> tuple[Interpreter, ...]:
    """What is found of the named ones alone."""
    return (await find([("", path) for path in paths], elsewhere=False))[1:]


async def test_this_python_is_first_and_says_what_it_is() -> None:
    (this,) = await find(elsewhere=False)
    assert (this.path, this.version, this.why_not) == (sys.executable, sys.version.split()[0].rstrip("+"), "")
    assert this.label.startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert "spawn" in this.start_methods


async def test_a_real_python_answers_what_this_one_knows_of_itself(tmp_path: Path) -> None:
    started = tmp_path / "python"
    started.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    started.chmod(0o755)
    this, found = await find([("", str(started))], elsewhere=False)
    assert replace(found, path=this.path, label=this.label) == this
    assert found.label == this.version + ("t" if this.free_threaded else "")  # the short one is taken


async def test_a_free_threaded_build_has_a_t_and_its_lock_is_off(program: MakeProgram) -> None:
    (found,) = await only(program("p", answering("3.13.2", abi="t")))
    assert (found.label, found.free_threaded, found.gil) == ("3.13t", True, False)


@pytest.mark.parametrize(
    ("text", "why_not"),
    [
        (answering("3.9.18"), "it is 3.9.18, and 3.11 or later is needed"),
        ("echo 'bad option: -I' >&2; exit 2", "it ended with exit code 2: bad option: -I"),
        ("exit 3", "it ended with exit code 3"),
        ('echo "cannot access $4" >&2; exit 2', "it ended with exit code 2"),
        ("echo hello", "it is no Python that we know: it answered 'hello'"),
        ("echo '{}'", "it is no Python that we know: it answered '{}'"),
        ("true", "it is no Python that we know: it answered ''"),
    ],
    ids=["old", "complains", "fails", "quotes", "no JSON", "other JSON", "silent"],
)
async def test_what_can_not_run_says_why_and_has_no_label(program: MakeProgram, text: str, why_not: str) -> None:
    (found,) = await only(program("p", text))
    assert (found.why_not, found.label) == (why_not, "")


async def test_what_is_not_there_says_why(tmp_path: Path) -> None:
    (found,) = await only(str(tmp_path / "nothing"))
    assert found.why_not == "it can't be started: No such file or directory"


async def test_one_that_hangs_is_given_up(program: MakeProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "PROBE_S", 0.2)
    (found,) = await only(program("p", "exec sleep 600"))
    assert found.why_not == "it did not answer within 0.2 s"


async def test_who_no_longer_waits_leaves_nothing_behind(
    program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "PROBE_S", 600)  # on a busy machine too it is we who end it
    pids = tmp_path / "pids"
    search = asyncio.create_task(only(program("p", f"sleep 600 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait")))
    await asyncio.to_thread(until, pids.exists)
    started = [psutil.Process(int(pid)) for pid in pids.read_text().split()]
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    await asyncio.to_thread(until_gone, started)


async def test_who_no_longer_waits_for_several_goes_when_the_last_of_them_has_ended(
    program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "PROBE_S", 600)
    end, first_ended = interpreters._end, asyncio.Event()
    started: list[asyncio.subprocess.Process] = []

    async def end_in_turn(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
        started.append(await starting)
        if len(started) > 1:
            await first_ended.wait()
            for _ in range(100):  # whoever waits for the first alone goes in far fewer turns of the loop
                await asyncio.sleep(0)
        await end(starting)
        first_ended.set()

    monkeypatch.setattr(interpreters, "_end", end_in_turn)
    names = ("p", "q", "r")
    programs = (program(name, f"touch {tmp_path / name}.there; exec sleep 600") for name in names)
    search = asyncio.create_task(only(*programs))
    for name in names:
        await asyncio.to_thread(until, (tmp_path / f"{name}.there").exists)
    search.cancel()
    await asyncio.wait({search})
    assert [process.returncode for process in started] == [-signal.SIGKILL] * 3


async def test_a_good_one_beside_a_bad_one_is_found(program: MakeProgram) -> None:
    found = await only(program("bad", "exit 1"), program("good", answering("3.99.0")))  # as no Python here has it
    assert [python.label for python in found] == ["", "3.99"]
    assert list(by_label(found)) == ["3.99"]


def test_who_shares_a_label_gets_a_longer_one(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "pyvenv.cfg").touch()
    environment = str(project / ".venv" / "bin" / "python")
    given = [
        Interpreter("/a", version="3.14.1"),
        Interpreter("/b", version="3.14.2"),
        Interpreter("/c", version="3.14.2", free_threaded=True),
        Interpreter(environment, version="3.14.2"),
        Interpreter("/d", version="3.14.2"),
        Interpreter("/e", version="3.14.2"),
        Interpreter("/f", version="3.11.1", implementation="PyPy"),
        Interpreter("/g", version="3.14.2", label="mine"),
        Interpreter("/h", version="3.15.0", label="mine"),
        Interpreter("/i", version="3.9", why_not="old"),
    ]
    labels = [python.label for python in with_labels(given)]
    assert labels == [
        "3.14",
        "3.14.2",
        "3.14t",
        "3.14.2-my-project",
        "3.14.2-2",
        "3.14.2-3",
        "pypy3.11",
        "mine",
        "3.15",
        "",
    ]
    assert all(LABEL.fullmatch(label) for label in labels if label)


async def test_every_python_is_asked_once_and_an_environment_counts_where_it_is_named(
    program: MakeProgram, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    one = program("one", f"echo >> {asked}; {answering()}")
    for folder in ("link", ".venv"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        (tmp_path / folder / "bin" / "python").symlink_to(one)
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    link, environment = (str(tmp_path / folder / "bin" / "python") for folder in ("link", ".venv"))
    found = await only(one, link, environment)
    assert [python.path for python in found] == [one, environment]
    assert asked.read_text().count("\n") == 2
    assert at_path(found, link).path == one
    assert at_path(found, environment).path == environment


async def test_others_are_found_on_the_path_and_where_their_managers_put_them(
    program: MakeProgram, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{tmp_path}/shims")
    for variable, _, _ in interpreters.MANAGED[:-1]:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ASDF_DATA_DIR", f"{tmp_path}/elsewhere")
    program("bin/python3.15", answering("3.97.1"))
    program("bin/python3.14t", answering("3.96.1", abi="t"))
    program("bin/python3-config", "echo no Python")
    program("shims/python3.12", "echo a shim")
    program(".pyenv/versions/3.9.1/bin/python", answering("3.9.1"))
    program(".local/share/uv/python/cpython-3.99/bin/python", answering("3.99.0a3"))
    program("elsewhere/installs/python/3.98/bin/python3", answering("3.98.1"))
    ours = [python for python in await find() if python.path.startswith(str(tmp_path))]
    assert [(python.version, python.label) for python in ours] == [
        ("3.96.1", "3.96t"),
        ("3.97.1", "3.97"),
        ("3.9.1", ""),
        ("3.99.0a3", "3.99"),
        ("3.98.1", "3.98"),
    ]


def test_a_setting_names_paths_with_or_without_labels() -> None:
    assert parse_setting("") == ([], True)
    assert parse_setting("/a/python, free=/b/python:~/c") == (
        [("", "/a/python"), ("free", "/b/python"), ("", str(Path.home() / "c"))],
        True,
    )
    assert parse_setting("none") == ([], False)
    assert parse_setting("/a/python,none") == ([("", "/a/python")], False)
    with pytest.raises(BadParameters, match="label in POOLSCOPE_PYTHONS must be letters"):
        parse_setting("my own=/a/python")


async def test_the_environments_python_comes_first_then_those_asked_for(tmp_path: Path) -> None:
    theirs = made_environment(tmp_path / "venv")
    paths, labels = await interpreters.find_named("none", theirs, [sys.executable, theirs])
    assert [paths[label] for label in labels] == [theirs, sys.executable]
    paths, labels = await interpreters.find_named("none", "", [theirs])
    assert [paths[label] for label in labels] == [sys.executable, theirs]


async def test_a_python_is_also_found_by_the_label_that_it_was_given(tmp_path: Path) -> None:
    theirs = made_environment(tmp_path / "venv")
    setting = f"none,mine={theirs}"
    paths, labels = await interpreters.find_named(setting, "", ["mine"])
    assert [paths[label] for label in labels] == [sys.executable, theirs]
    assert labels[1] == "mine"
    with pytest.raises(BadParameters, match="no Python has that label"):
        await interpreters.find_named(setting, "", ["yours"])
