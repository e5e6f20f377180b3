"""`poolscope measure`: what it makes of a user's words, their environment and Pythons, and of their function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from app.cli import measure, options
from app.errors import BadParameters
from app.experiments.which_pool.params import WhichPoolParams


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
