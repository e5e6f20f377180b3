"""The rooms as the map draws them: documented, and each with no more in it than it may have."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from poolscope.experiments.registry import EXPERIMENTS
from poolscope.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "app" / "poolscope"
EXAMPLES = PACKAGE / "examples"  # programs, which nothing imports
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != EXAMPLES or path.stem == "__init__")

BODIES = sorted({experiment.body for experiment in EXPERIMENTS.values()})
# What the child may have in it of ours.
CHILDS_OWN = re.compile(r"poolscope(\.(errors|examples|(protocol|machine|workloads|runner|experiments)(\.\w+)*))?")
NOT_THE_CHILDS = re.compile(
    r"poolscope\.experiments\.(registry|parameters|\w+\.(registration|state|params|verdict|findings|charts))"
)
SETTING = re.compile(r"POOLSCOPE_\w*")
READ_SETTINGS = ("app/poolscope/main.py", "app/poolscope/settings.py", "app/poolscope/cli/", "app/poolscope/library/")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path: Path) -> str:
    """The room of a module: a folder of the package; each experiment is one of its own."""
    folders = path.relative_to(PACKAGE).parts[:-1]
    return "/".join(folders[:2] if folders[:1] == ("experiments",) else folders[:1])


def test_a_module_says_in_a_sentence_what_it_promises() -> None:
    firsts = {name_of(path): (ast.get_docstring(tree_of(path)) or "").split("\n\n")[0].strip() for path in MODULES}
    assert {name: first for name, first in firsts.items() if not first.endswith((".", "?"))} == {}


def test_a_class_has_its_name_alone() -> None:
    """In the whole package: a name that is read in two meanings is found in neither."""
    places: dict[str, list[str]] = {}
    for path in MODULES:
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(name_of(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_a_module_has_its_name_alone_in_its_room() -> None:
    places: dict[tuple[str, str], list[str]] = {}
    for path in MODULES:
        if not path.stem.startswith("__"):
            places.setdefault((room_of(path), path.stem), []).append(name_of(path))
    assert {key: where for key, where in places.items() if len(where) > 1} == {}


def test_no_folder_is_a_grab_bag() -> None:
    folders = {folder.name for folder in (ROOT / "app" / "poolscope").rglob("*") if folder.is_dir()}
    files = {path.stem for path in MODULES}
    assert not (folders | files) & {"utils", "util", "helpers", "common", "misc", "base"}


def test_a_setting_is_described() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name, info in Settings.model_fields.items() if not is_sentence(info.description)] == []
    assert [name for name in Settings.model_fields if f"\n| `POOLSCOPE_{name.upper()}` | " not in readme] == []


def test_a_parameter_is_described() -> None:
    models = [model for about in EXPERIMENTS.values() for model in (about.params, about.controls) if model is not None]
    assert [
        f"{model.__name__}.{name}"
        for model in models
        for name, info in model.model_fields.items()
        if not info.title or not is_sentence(info.description)
    ] == []


def is_sentence(text: str | None) -> bool:
    return bool(text) and str(text).endswith(".") and len(str(text)) > 10


def test_the_child_runs_on_the_standard_library_alone() -> None:
    """Whatever it is asked to do: it never has more in it than all of them together."""
    modules = ["poolscope.runner.main", *BODIES]
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'app')!r}); before = set(sys.modules)\n"
        f"import importlib, json; [importlib.import_module(each) for each in {modules!r}]\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert set(modules) <= set(loaded)
    ours = [name for name in loaded if name.split(".")[0] == "poolscope"]
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names - {"poolscope"}
    # Parts of the standard library that are written in C come under names of their own.
    assert {name for name in foreign if not name.startswith("_")} == set()
    assert [name for name in ours if not CHILDS_OWN.fullmatch(name) or NOT_THE_CHILDS.fullmatch(name)] == []


def test_judging_loads_of_scipy_the_special_functions_alone() -> None:
    """scipy.stats takes a second of CPU and much memory, in each process that judges and at once."""
    program = (
        "import json, sys\n"
        "from poolscope.stats import comparison, intervals, scaling\n"
        "comparison.warm(); comparison.warm(); intervals.timing([0.1, 0.2] * 4)\n"
        "assert scaling.scaling([2.0] * 5, {n: [2.0 / n] * 5 for n in (1, 2, 3, 4)}, 4).why is None\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('scipy.') and name.count('.') == 1]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = {name for name in json.loads(done.stdout) if not name.startswith("scipy._")}
    assert "scipy.special" in loaded
    assert not loaded & {f"scipy.{name}" for name in ("stats", "optimize", "linalg", "sparse", "spatial", "integrate")}
    assert [
        name_of(path) for path in MODULES if any(name.startswith("scipy.stats") for name in imported(tree_of(path)))
    ] == []


def test_only_main_and_the_command_line_read_settings() -> None:
    others = [path for path in MODULES if not name_of(path).startswith(READ_SETTINGS)]
    assert [name_of(path) for path in others if "poolscope.settings" in set(imported(tree_of(path)))] == []
    assert [
        f"{name_of(path)}: {node.value} is read past Settings"
        for path in others
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SETTING.fullmatch(node.value)
    ] == []


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_module_works_at_import() -> None:
    """Nothing but definitions, constants and what asks who is importing."""
    assert [
        f"{name_of(path)}, line {node.lineno}" for path in MODULES for node in tree_of(path).body if works(node, path)
    ] == []


def works(node: ast.stmt, path: Path) -> bool:
    call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and path.name != "__main__.py"
    return call or isinstance(node, ast.For | ast.While | ast.With | ast.Try)


# Addresses

# Names that look like addresses; nothing is ever loaded from them.
NAMES = ("http://www.w3.org/2000/svg", "https://vega.github.io/schema/vega-lite/v6.json")
ELSEWHERE = re.compile(r"""(?:\b(?:https?|wss?|ftp):)//[^\s"'`<>)]+|(?<=["'(=])//[\w.-]+\.\w+""")


def served_files() -> list[Path]:
    found = [*(ROOT / "templates").rglob("*"), *(ROOT / "static").rglob("*")]
    return sorted(path for path in found if path.is_file() and ROOT / "static" / "vendor" not in path.parents)


def test_what_is_served_names_no_other_host() -> None:
    assert [
        f"{name_of(path)}: {found}"
        for path in served_files()
        for found in ELSEWHERE.findall(path.read_text(encoding="utf-8"))
        if found not in NAMES
    ] == []


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
