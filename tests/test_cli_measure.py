"""`poolscope measure`: what it makes of a user's words, their environment and Pythons, and of their function."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
from poolscope.cli import measure, options
from poolscope.errors import BadParameters
from poolscope.experiments.pool_benchmark.params import WhichPoolParams

from tests.waiting import until_gone

POOLSCOPE = Path(sysconfig.get_path("scripts")) / "poolscope"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the settings name; no other Pythons are looked for, and no environment is active."""
    monkeypatch.setenv("POOLSCOPE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("POOLSCOPE_PYTHONS", "none")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"function": "f"}, "The function must be MODULE:FUNCTION, such as mypackage.tasks:parse; 'f' is not."),
        ({"function": "mine.tasks:f()"}, "The function must be MODULE:FUNCTION, such as"),
        ({"items": "1, 2"}, "--items must be MODULE:ITEMS, such as"),
        ({"setup": "x:"}, "--setup must be MODULE:NAME, such as"),
        ({"repeats": "0"}, "repeats must be a whole number from 1 to"),
        ({"kinds": "fibre"}, "kinds must be "),
        ({"limit": "soon"}, "limit_s must be a number from"),
        ({"python": ["./nowhere"]}, "./nowhere can't be used: it can't be started: No such file or directory."),
        ({"python": ["9.9"]}, "9.9 can't be used: no Python has that label, and no program that name."),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_sentence_and_starts_nothing(
    data: Path, given: dict[str, Any], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as left:
        measure.command(**{"function": "mine.tasks:double", "items": "numbers", **given})
    out, err = capsys.readouterr()
    assert (left.value.exit_code, out) == (2, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1
    assert not data.exists()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (("a.b:f", "a.b:x", None), "a.b:f@x"),
        (("a.b:f", "x", "s"), "a.b:f@x+s"),
        (("a.b:f", "c:x", "a.b:s"), "a.b:f@c:x+s"),
        (("a:K.f", "a.b:x", "b:s"), "a:K.f@a.b:x+b:s"),
    ],
)
def test_work_has_one_name(given: tuple[str, str, str | None], name: str) -> None:
    assert measure.work(*given) == name
    assert WhichPoolParams(workload=name).workload == name


def test_the_active_environment_counts_unless_it_is_ours(tmp_path: Path) -> None:
    assert measure.environment({}) == ""
    assert measure.environment({"VIRTUAL_ENV": sys.prefix}) == ""
    assert measure.environment({"VIRTUAL_ENV": str(tmp_path)}) == str(tmp_path / "bin" / "python")


@pytest.fixture
def theirs(tmp_path: Path) -> str:
    """The Python of somebody's virtual environment, made from the one that ours was made from."""
    folder = tmp_path / "project" / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return str(folder / "bin" / "python")


async def test_the_environments_python_comes_first_then_those_asked_for(tmp_path: Path, theirs: str) -> None:
    settings = options.read({"data": tmp_path, "pythons": "none"})
    paths, labels = await measure.chosen(settings, theirs, [sys.executable, theirs])
    assert [paths[label] for label in labels] == [theirs, sys.executable]
    paths, labels = await measure.chosen(settings, "", [theirs])
    assert [paths[label] for label in labels] == [sys.executable, theirs]


async def test_a_python_is_also_found_by_the_label_that_it_was_given(tmp_path: Path, theirs: str) -> None:
    settings = options.read({"data": tmp_path, "pythons": f"none,mine={theirs}"})
    paths, labels = await measure.chosen(settings, "", ["mine"])
    assert [paths[label] for label in labels] == [sys.executable, theirs]
    assert labels[1] == "mine"
    with pytest.raises(BadParameters, match="no Python has that label"):
        await measure.chosen(settings, "", ["yours"])


async def test_nothing_is_asked_where_this_python_is_the_only_one(tmp_path: Path) -> None:
    assert (await measure.chosen(options.read({"data": tmp_path}), "", []))[1] == []


# The whole command


@pytest.fixture
def environment_of_theirs(tmp_path: Path, theirs: str) -> dict[str, str]:
    """Variables as in a shell where their environment is active; it has a package that ours has not."""
    folder = Path(theirs).parent.parent
    (folder / "pyvenv.cfg").write_text(f"home = {Path(theirs).resolve().parent}\n")
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "theirs_alone.py").write_text("def twice(n):\n    return 2 * n\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POOLSCOPE_")}
    ours = {"POOLSCOPE_DATA": str(tmp_path / "data"), "POOLSCOPE_PYTHONS": "none", "TERM": "dumb"}
    return {**kept, **ours, "VIRTUAL_ENV": str(folder)}


@contextmanager
def measuring(folder: Path, variables: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """`poolscope measure` in a user's folder with a module `tasks`."""
    (folder / "tasks.py").write_text(
        "import time\nimport theirs_alone\n\ndef double(n):\n    print('hello')\n    return theirs_alone.twice(n)\n\n"
        "def slow(n):\n    time.sleep(0.02)\n\nnumbers = range(10)\n"
    )
    with subprocess.Popen(
        [POOLSCOPE, "measure", *words],
        env=variables,
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_users_function_runs_in_their_folder_and_environment(
    tmp_path: Path, environment_of_theirs: dict[str, str]
) -> None:
    words = ("tasks:double", "--items", "numbers", "--kinds", "thread", "--sizes", "2", "--repeats", "2")
    with measuring(tmp_path, environment_of_theirs, *words) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert re.search(r"about .* left", err)
    assert re.search(r"│ plain loop +│", out)
    assert re.search(r"│ threads +│ +2 │", out)
    assert "too few for an interval" in out
    assert "- It printed " in out
    assert f"Again: poolscope measure {' '.join(words)}\n" in out
    assert "hello" not in out + err  # it is in the run's records


def test_an_interrupted_measurement_exits_with_130_and_tells_and_keeps_what_it_has(
    tmp_path: Path, environment_of_theirs: dict[str, str]
) -> None:
    words = ("tasks:slow", "--items", "numbers", "--kinds", "thread", "--sizes", "2", "--repeats", "50", "--json")
    with measuring(tmp_path, environment_of_theirs, *words) as process:
        assert process.stderr is not None
        while "left" not in process.stderr.readline():
            assert process.poll() is None
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 130
    told = json.loads(out)
    assert (told["status"], told["kept"]) == ("stopped", True)
    assert told["state"]["done"] < told["state"]["total"]
    until_gone(children)
