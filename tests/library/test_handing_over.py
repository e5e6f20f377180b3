"""Handing a function over: by name what another process can import, by value the rest, so that a worker gets it too."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.library import handing_over
from poolscope.library.handing_over import hand_over
from poolscope.protocol import given_work

from tests.library.defined_in_main import FORMS, Point, numbers, offset

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
AS_GIVEN = "@as_given_items:items"

EXPECTED = {
    "function": ("as_given:offset@as_given_items:items", "[10, 11, 12, 13]"),
    "lambda": ("as_given:function@as_given_items:items", "[0, 2, 4, 6]"),
    "closure": ("as_given:inner@as_given_items:items", "[3, 4, 5, 6]"),
    "partial": ("as_given:function@as_given:numbers", "[1, 2, 3, 4]"),
    "decorated": ("as_given:decorated@as_given:items", "[11, 12]"),
    "cached": ("as_given:fibonacci@as_given_items:items", "[0, 1, 1, 2]"),
    "items of a class": ("as_given:doubled@as_given_items:items", "[Point(x=2), Point(x=4)]"),
    "a method of theirs": ("as_given:function@as_given_items:items", "[1, 4]"),
    "a callable object": ("as_given:function@as_given_items:items", "[Point(x=3), Point(x=4), Point(x=5), Point(x=6)]"),
    "members and tuples": (
        "as_given:paired@as_given_items:items",
        "[Pair(left=1, right=<Colour.RED: 1>), Pair(left=1, right=<Colour.BLUE: 2>)]",
    ),
}


def python(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def worker_side(*works: list[str]) -> list[str]:
    """What a spawned worker makes of works, each given by its name and paths."""
    return python(str(HERE / "worker_side.py"), json.dumps(works)).strip().splitlines()


def test_what_only_main_defines_reaches_a_worker_of_another_process(tmp_path: Path) -> None:
    handed: dict[str, list[str]] = json.loads(python(str(HERE / "defined_in_main.py"), str(tmp_path)))
    values = dict(zip(handed, worker_side(*handed.values()), strict=True))
    assert {form: (handed[form][0], values[form]) for form in FORMS} == EXPECTED


def test_what_can_be_imported_goes_by_name_without_cloudpickle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_over, "cloudpickle", lambda: None)
    handed = hand_over(offset, numbers, None, tmp_path)
    module = offset.__module__
    assert (handed.name, handed.by_value) == (f"{module}:offset@{module}:numbers", False)
    assert list(tmp_path.iterdir()) == []
    assert str(ROOT) in handed.path
    named = hand_over(functools.partial(offset), [Point(1)], dict, tmp_path).name
    assert named == f"as_given:function{AS_GIVEN}+builtins:dict"


def test_what_can_not_be_sent_is_refused_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(function: Any, items: Any, setup: Any) -> list[str]:
        with pytest.raises(BadParameters) as bad:
            hand_over(function, items, setup, tmp_path)
        return [error.name for error in bad.value.errors]

    assert refused(3, 4, "no") == ["function", "setup", "items"]
    assert refused(abs, [], None) == ["items"]
    assert refused(abs, [1, threading.Lock()], None) == ["items[1]"]
    assert refused(functools.partial(print, threading.Lock()), [1], None) == ["function"]
    monkeypatch.setattr(handing_over, "cloudpickle", lambda: None)
    assert refused(lambda number: number, [1], None) == ["function"]


def test_a_module_without_a_file_is_sent_by_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("made_here")
    exec("def triple(n):\n    return times(n, 3)\ndef times(n, m):\n    return n * m", made.__dict__)
    monkeypatch.setitem(sys.modules, "made_here", made)
    handed = hand_over(made.triple, [1, 2], None, tmp_path)
    assert handed.name == f"as_given:triple{AS_GIVEN}"
    assert worker_side([handed.name, str(tmp_path), *handed.path]) == ["[3, 6]"]


def test_a_scripts_function_that_uses_what_can_not_be_sent_is_taken_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "a-script.py").write_text(
        "import threading\n"
        "from pathlib import Path\n"
        "from poolscope.library.handing_over import hand_over\n"
        "lock = threading.Lock()\n"
        "def double(n):\n    with lock:\n        return 2 * n\n"
        "if __name__ == '__main__':\n"
        f"    print(hand_over(double, [1], None, Path({str(tmp_path)!r})).name)\n"
    )
    assert python(str(tmp_path / "a-script.py")).strip() == f"{tmp_path}/a-script.py:double{AS_GIVEN}"


@pytest.mark.parametrize("start", ["script.py", "-m"])
def test_without_cloudpickle_a_script_is_its_own_module(tmp_path: Path, start: str) -> None:
    (tmp_path / "script.py").write_text(
        "from pathlib import Path\n"
        "from poolscope.library import handing_over\n"
        "def double(n):\n    return 2 * n\n"
        "handing_over.cloudpickle = lambda: None\n"
        f"print(handing_over.hand_over(double, [1], None, Path({str(tmp_path)!r})).name)\n"
    )
    words = [start, "script"] if start == "-m" else [start]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    place = "script" if start == "-m" else f"{tmp_path}/script.py"
    assert done.stdout.strip() == f"{place}:double{AS_GIVEN}", done.stderr


def test_another_python_and_one_without_cloudpickle_are_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over(lambda number: number, [1], None, tmp_path)
    module = str(tmp_path / "as_given.py")
    assert set(given_work.definitions(module)) == {"function", "<lambda>"}
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    monkeypatch.setitem(sys.modules, "cloudpickle.cloudpickle", None)
    with pytest.raises(given_work.NotLoadable, match="cloudpickle"):
        given_work.definitions(module)
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(given_work.NotLoadable, match=r"session of Python"):
        given_work.definitions(module)
