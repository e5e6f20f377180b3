"""Where a user's modules are found, by name and by file, and by which name they are imported."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.work_names import quoted_path
from poolscope.runner.host.errors import WorkUnusable
from poolscope.runner.host.kept_state import is_users
from poolscope.runner.host.user_code import UserCode, load

WORK = (
    "from {more} import FACTOR\n\ndef work(n): return n * FACTOR\n\nclass Kit:\n    class Inner:\n        run = work\n"
)
ITEMS = "items = [1, 2]\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project; what a test imports of it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("shop", "tasks", "more", "bench"):
        assert name not in before
    root = tmp_path / "pro ject"
    root.mkdir()
    (root / "pyproject.toml").touch()
    yield root
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None) or sys.modules[name].__path__):
            del sys.modules[name]


def write(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, name: str, *path: Path) -> UserCode:
    scratch = folder / ".scratch"
    scratch.mkdir(exist_ok=True)
    return load(BenchmarkWork(name, str(folder), path=tuple(map(str, path))), scratch, lambda _: None)


def package(root: Path, more: str = ".more", *, regular: bool = True) -> None:
    """A package `shop` with a module that imports another one of it."""
    write(root, "shop/pricing.py", WORK.format(more=more) + ITEMS)
    write(root, "shop/more.py", "FACTOR = 3\n")
    if regular:
        write(root, "shop/__init__.py", "from .pricing import work\n")


@pytest.mark.parametrize("regular", [True, False], ids=["regular", "namespace"])
@pytest.mark.parametrize(
    ("name", "below", "found_in"),
    [
        ("shop.pricing:work@items", ".", None),
        ("shop.pricing:Kit.Inner.run@items", "src", "src"),
        ("src/shop/pricing.py:work@items", "src", None),
        ("lib/shop/../shop/pricing.py:work@items", "lib", None),
    ],
    ids=["here", "in src", "a file in src", "a file elsewhere"],
)
def test_a_package_is_found_and_its_files_are_imported_as_its_modules(
    project: Path, name: str, below: str, found_in: str | None, regular: bool
) -> None:
    package(project / below, regular=regular)
    found = loaded(project, name)
    assert found.function(2) == 6
    assert found.function.__module__ == ("shop.pricing" if regular or below != "lib" else "lib.shop.pricing")
    assert found.found_in == (str(project / found_in) if found_in else None)
    assert not found.imports[0].stand_in


def test_pythonpath_comes_behind_the_folder_and_before_everything_else(project: Path) -> None:
    package(project / "somewhere")
    write(project / "somewhere", "tasks.py", "def work(n): return 'hidden'\n" + ITEMS)
    write(project, "tasks.py", "from shop import work\n" + ITEMS)
    found = loaded(project, "tasks:work@items", project / "somewhere")
    assert found.function(2) == 6
    assert found.found_in is None
    assert sys.path[1:3] == [str(project), str(project / "somewhere")]


def test_a_script_finds_its_neighbours_and_the_src_that_it_imports_from(project: Path) -> None:
    package(project / "src")
    write(project, "tools/bench.py", "import more\nfrom shop import work\n")
    write(project, "tools/more.py", ITEMS)
    found = loaded(project, "tools/bench.py:work@more:items")
    assert (found.function(2), found.items) == (6, [1, 2])
    assert found.found_in == str(project / "src")


@pytest.mark.parametrize(
    "stem", ["my-script", "bench.v2", "2fast", "class", "a b@c+d,e%f", 'it\'s "quoted"', "über-flüssig", "__main__"]
)
def test_a_file_whose_name_is_none_of_a_module_is_imported_by_a_stand_in(project: Path, stem: str) -> None:
    text = "class Kit:\n    @staticmethod\n    def work(n): return (n, __file__)\nitems = [1]\n"
    file = write(project, f"{stem}.py", text + 'if __name__ == "__main__": raise SystemExit(3)\n')
    found = loaded(project, f"{quoted_path(file.name)}:Kit.work@items")
    assert found.function(2) == (2, str(file))
    (there,) = found.imports
    assert there.stand_in
    assert there.module == found.function.__module__
    assert there.module.isidentifier()
    assert there.root == str(project)


def test_two_files_of_one_name_are_two_modules(project: Path) -> None:
    write(project, "one/tasks.py", "from more import FACTOR\ndef work(n): return n * FACTOR\n")
    write(project, "one/more.py", "FACTOR = 3\n")
    write(project, "two/tasks.py", ITEMS)
    write(project, "two/more.py", "FACTOR = 4\n")
    found = loaded(project, "one/tasks.py:work@two/tasks.py:items")
    assert (found.function(2), found.items) == (6, [1, 2])
    assert [each.stand_in for each in found.imports] == [False, True]


@pytest.mark.parametrize("place", ["tabnanny", "tools/tabnanny.py"])
def test_a_module_may_have_the_name_of_one_that_no_pool_needs(project: Path, place: str) -> None:
    file = write(project, f"{place.removesuffix('.py')}.py", f"{ITEMS}def work(n): pass\n")
    assert "tabnanny" not in sys.modules
    found = loaded(project, f"{place}:work@items")
    assert found.function.__code__.co_filename == str(file)
    assert is_users(found.function)


@pytest.mark.parametrize(
    ("name", "said", "code"),
    [
        ("shop.pricin:work@items", "is shop.pricing meant?", "bad-reference"),
        ("shap.pricing:work@items", "is shop.pricing meant?", "bad-reference"),
        ("shop/pricing.py:work@items", "is src/shop/pricing.py meant?", "bad-reference"),
        ("src/shop/prices.py:work@items", "is src/shop/pricing.py meant?", "bad-reference"),
        ("apart:work@items", "It lies in backend: set PYTHONPATH=backend", "bad-reference"),
        ("needs:work@items", "no_such_thing' ({project}/needs.py, line 2). Python is ", None),
        ("nowhere/at/all.py:work@items", "There is no file {project}/nowhere/at/all.py.", "bad-reference"),
        ("tools/queue.py:work@items", "the name of a module of the standard library", "bad-reference"),
    ],
)
def test_what_is_not_there_is_told_with_what_may_be_meant(project: Path, name: str, said: str, code: str) -> None:
    package(project / "src")
    write(project, "backend/apart.py", ITEMS)
    write(project, "tools/queue.py", ITEMS)
    write(project, "needs.py", "x = 1\nimport no_such_thing\n")
    with pytest.raises(WorkUnusable) as refused:
        loaded(project, name)
    assert said.format(project=project) in str(refused.value)
    assert refused.value.code == code


def test_from_within_a_package_its_own_name_is_found_and_without_it_told(project: Path) -> None:
    package(project / "src")
    inside = project / "src" / "shop"
    with pytest.raises(WorkUnusable, match=r"Name it as shop\.pricing, from the folder .*/src\."):
        loaded(inside, "pricing:work@items")
    assert loaded(inside, "pricing.py:work@items").function.__module__ == "shop.pricing"
    assert loaded(inside, "shop.pricing:work@items").function(2) == 6
