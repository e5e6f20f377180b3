"""The rooms as the map draws them: documented, and each with no more in it than it may have."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from poolscope.experiments.parameters import Params
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "app").rglob("*.py"))

BODIES = [experiment.body for experiment in EXPERIMENTS.values()]
# What the child may have in it of ours.
CHILDS_OWN = re.compile(r"poolscope(\.(errors|(protocol|machine|workloads|runner|experiments)(\.\w+)*))?")
NOT_THE_CHILDS = re.compile(
    r"poolscope\.experiments\.(registry|parameters|\w+\.(state|params|verdict|findings|charts))"
)
READ_SETTINGS = ("app/poolscope/main.py", "app/poolscope/settings.py", "app/poolscope/cli/")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_in_a_sentence_what_it_promises(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text, "it has no docstring"
    first = text.split("\n\n")[0].replace("\n", " ").strip()
    assert first.endswith((".", "?")), f"this is no sentence: {first}"


def test_no_folder_is_a_grab_bag() -> None:
    folders = {folder.name for folder in (ROOT / "app" / "poolscope").rglob("*") if folder.is_dir()}
    files = {path.stem for path in MODULES}
    assert not (folders | files) & {"utils", "util", "helpers", "common", "misc", "base"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_described(name: str) -> None:
    assert sentence(Settings.model_fields[name].description)
    assert f"\n| `POOLSCOPE_{name.upper()}` | " in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param(model, name, id=f"{model.__name__}.{name}")
        for about in EXPERIMENTS.values()
        for model in (about.params, about.controls)
        if model is not None
        for name in model.model_fields
    ],
)
def test_a_parameter_is_described(model: type[Params], name: str) -> None:
    info = model.model_fields[name]
    assert info.title
    assert sentence(info.description)


def sentence(text: str | None) -> bool:
    return bool(text) and str(text).endswith(".") and len(str(text)) > 10


@pytest.mark.parametrize("module", ["poolscope.runner.main", *BODIES])
def test_the_child_runs_on_the_standard_library_alone(module: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'app')!r}); before = set(sys.modules)\n"
        f"import importlib, json; importlib.import_module({module!r})\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert module in loaded
    ours = [name for name in loaded if name.split(".")[0] == "poolscope"]
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names - {"poolscope"}
    # Parts of the standard library that are written in C come under names of their own.
    assert {name for name in foreign if not name.startswith("_")} == set()
    assert [name for name in ours if not CHILDS_OWN.fullmatch(name) or NOT_THE_CHILDS.fullmatch(name)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_main_and_the_command_line_read_settings(path: Path) -> None:
    if name_of(path).startswith(READ_SETTINGS):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert "poolscope.settings" not in set(imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.fullmatch(r"POOLSCOPE_\w*", node.value), "a setting is read past Settings"


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_works_at_import(path: Path) -> None:
    """Nothing but definitions, constants and what asks who is importing."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        working = isinstance(node, ast.For | ast.While | ast.With | ast.Try) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and path.name != "__main__.py"
        )
        assert not working, f"line {node.lineno}"


# Addresses

# Names that look like addresses; nothing is ever loaded from them.
NAMES = ("http://www.w3.org/2000/svg", "https://vega.github.io/schema/vega-lite/v6.json")
ELSEWHERE = re.compile(r"""(?:\b(?:https?|wss?|ftp):)//[^\s"'`<>)]+|(?<=["'(=])//[\w.-]+\.\w+""")


def served_files() -> list[Path]:
    found = [*(ROOT / "templates").rglob("*"), *(ROOT / "static").rglob("*")]
    return sorted(path for path in found if path.is_file() and ROOT / "static" / "vendor" not in path.parents)


@pytest.mark.parametrize("path", served_files(), ids=name_of)
def test_what_is_served_names_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [found for found in ELSEWHERE.findall(text) if found not in NAMES] == []


def test_an_address_of_elsewhere_would_be_found() -> None:
    for text in ('src="https://cdn.example/x.js"', "url(//cdn.example/x.css)", "fetch('//cdn.example')", "ws://x.y"):
        assert ELSEWHERE.search(text), text
    for text in ('href="/runs"', "// a comment", "a = b // c", '"/api//x"'):
        assert not ELSEWHERE.search(text), text


def registries() -> set[str]:
    """Hosts that packages come from: the public ones, and those that this machine is told to use."""
    public = {"pypi" + ".org", "files.python" + "hosted.org", "registry.npm" + "js.org", "registry.yarn" + "pkg.com"}
    told = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "NPM_CONFIG_REGISTRY")
    hosts = {
        urlsplit(address).hostname or ""
        for name, value in os.environ.items()
        if name.upper() in told
        for address in value.split()
    }
    return public | (hosts - {"", "localhost", "127.0.0.1"})


def test_no_file_names_a_registry() -> None:
    """A lock, a manifest or a script with a registry's address in it works only where that can be reached."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    hosts, found = registries(), []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            found += [f"{name}: {host}" for host in hosts if host in text]
    assert found == []
