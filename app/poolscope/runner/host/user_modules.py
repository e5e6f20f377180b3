"""Imports a user's modules, by dotted name or by file, from where the user's own Python would look for them.

    sys.path of a host:  our package │ stand-ins │ a script's folder │ working folder │ PYTHONPATH │ the Python's own

Workers of every start method and interpreters get the same path, so whatever is imported here by a name can be imported
there by it too. That is why a file is imported by a name as well: in its package where it has one, else as a script by
the name of its file, and by a stand-in, a module that runs the file's code as its own, where that is no name.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import keyword
import os
import platform
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, takewhile
from pathlib import Path
from types import ModuleType, TracebackType

from poolscope.protocol.given_work import NotLoadable
from poolscope.protocol.payloads import ImportedPlace
from poolscope.protocol.work_names import is_file, path_of
from poolscope.runner.host.errors import WorkUnusable
from poolscope.runner.host.pickling import error_in_words
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.stacks import is_of_library

PACKAGE = Path(__file__).resolve().parents[2]
PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", ".git")  # what the folder of a project has in it
NO_PLACE = re.compile(r"[._].*|node_modules|venv|build|dist")  # folders that hold no sources
MOST_FOLDERS = 500  # that are looked into for a sentence's sake
STAND_IN = '''"""Stands for a file whose name can't be imported, and runs its code as its own."""

from importlib.machinery import SourceFileLoader

__file__ = {file!r}
__loader__ = SourceFileLoader(__name__, __file__)
exec(__loader__.get_code(__name__))
'''


class UserModules:
    """The modules of one work. `folder` is the user's working folder, `path` their PYTHONPATH, resolved against it.

    `found_in` is the folder that a module was found in though it is not on the path that a Python started here would
    have: that of a src layout, for one. None where nothing had to be looked for.
    """

    def __init__(self, folder: str, path: Sequence[str], scratch: Path) -> None:
        self.folder = Path(folder or Path.cwd())
        self.path = tuple(path)
        self.found_in: str | None = None
        self._stand_ins = scratch / "stand-ins"
        self._names: dict[str, str] = {}  # by file
        self._standing_in: set[str] = set()
        self._own: set[str] = set()
        self._prepend(str(self.folder), *path)

    def locate(self, places: Sequence[str]) -> None:
        """Find a name for each place, and put all of their folders on the path, those of the first place first.

        Raises WorkUnusable for a file that is not there.
        """
        files = {place: self._file(place) for place in places if is_file(place)}
        packaged = {file: self._in_a_package(file) for file in files.values()}
        for place in reversed(places):
            if place not in files:
                self._prepend(str(self.folder), *self.path)
            elif found := packaged[files[place]]:
                self._prepend(str(found[0]))
            else:  # as Python does for a script: its own folder first
                self._prepend(str(files[place].parent), *map(str, above_named_src(files[place])))
        for file, found in packaged.items():
            self._names[str(file)] = found[1] if found else self._name_of_script(file)

    def name_of(self, place: str) -> str:
        """The dotted name that a place, which has been located, is imported by."""
        return self._names[str(self._file(place))] if is_file(place) else place

    def imported(self, place: str) -> ModuleType:
        """Raises WorkUnusable, with code None where it is the module's own code that fails."""
        name = self.name_of(place)
        if name == "__main__":
            raise WorkUnusable("__main__ is the program itself; name the module as another one would import it.")
        self._check_name(name)
        with self._explained_import(name):
            module = self._import(name)
        file = getattr(module, "__file__", None) or ""
        if is_file(place) and self._names.get(file) != name:
            raise WorkUnusable(f"{path_of(place)} can't be imported: another module {name} comes before it, {file}.")
        return module

    def imports(self, places: Sequence[str]) -> tuple[ImportedPlace, ...]:
        """Where each place, all of which have been imported, came from."""
        return tuple(map(self._import_of, places))

    def _import_of(self, place: str) -> ImportedPlace:
        name = self.name_of(place)
        stand_in = name in self._standing_in
        if stand_in:
            return ImportedPlace(place, name, os.path.dirname(self.folder / path_of(place)), stand_in)  # noqa: PTH120
        root = next((str(root) for root in self._roots() if holds(root, name)), None)
        return ImportedPlace(place, name, root)

    # By file

    def _file(self, place: str) -> Path:
        file = Path(os.path.abspath(self.folder / path_of(place)))  # noqa: PTH100 (a link's own name counts)
        if not file.is_file():
            raise WorkUnusable(f"There is no file {file}{self._file_meant(file)}")
        return file

    def _name_of_script(self, file: Path) -> str:
        self._check_name(file.stem)
        if is_importable(file.stem):
            spec = importlib.util.find_spec(file.stem)
            if spec is not None and spec.origin == str(file):
                return file.stem
        return self._stand_in(file)

    def _in_a_package(self, file: Path) -> tuple[Path, str] | None:
        """The root and the dotted name of a file in a package; None for a script."""
        regular = outermost(file.parent)
        level = relative_level(file)
        if regular == file.parent and not level:
            return None
        roots = [*map(Path, self.path), *above_named_src(file)]
        if regular != file.parent:
            # A regular package may lie in a namespace package, whose root only the path tells.
            roots = [root for root in roots if regular.is_relative_to(root)] + [regular]
        else:
            roots += [self.folder, *file.parents[level : level + 1]]
        for root in roots:
            if name := dotted_name(file, root, level):
                return root, name
        return None

    def _stand_in(self, file: Path) -> str:
        self._stand_ins.mkdir(exist_ok=True)
        self._prepend(str(self._stand_ins))
        name = re.sub(r"\W", "_", file.stem)
        name = name if is_importable(name) else f"_{name}"
        while name in sys.modules or importlib.util.find_spec(name) is not None:
            name += "_"
        self._standing_in.add(name)
        (self._stand_ins / f"{name}.py").write_text(STAND_IN.format(file=str(file)), encoding="utf-8")
        importlib.invalidate_caches()
        return name

    def _file_meant(self, file: Path) -> str:
        """The end of the sentence: a file that may be meant."""
        there = [path for path in (file.parent, self.folder) if path.is_dir()][:1]
        names = {os.path.relpath(path, self.folder): path for path in chain(*(sources_below(root) for root in there))}
        asked = os.path.relpath(file, self.folder)
        near = name_meant(asked, names) or next((name for name in names if name.endswith(file.name)), "")
        return f"; is {near} meant?" if near else "."

    # By name

    def _import(self, name: str) -> ModuleType:
        """Import a module, and what it imports of the project's own, also from where no Python would find it."""
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            wanted = missing.name or ""
            own = is_part(wanted, name)  # else it was found, and one of its own imports was not
            found = self._elsewhere(name if own else wanted)
            if len(found) != 1 and own:
                raise WorkUnusable(self._not_found(name, wanted, found)) from None
            if len(found) != 1:
                raise
        self.found_in = str(found[0])
        self._prepend(self.found_in)
        # Those that were imported in part, and a folder of that name in the working folder, which passed for a package.
        tops = {name.partition(".")[0], wanted.partition(".")[0]}
        for module in [module for module in sys.modules if module.partition(".")[0] in tops]:
            del sys.modules[module]
        return self._import(name)

    def _elsewhere(self, name: str) -> list[Path]:
        """The folders of the project that have a module and are not on the path: one of them is what is meant."""
        roots = dict.fromkeys(self._project_roots())
        return [root for root in roots if name and holds(root, name) and str(root) not in sys.path]

    def _check_name(self, module: str) -> None:
        """Raise WorkUnusable where a module can't be had by its name, or would stand before one that pools need."""
        top = module.partition(".")[0]
        folder = next((root for root in self._roots() if holds(root, top)), None)
        if folder is None:
            return
        if is_standard(sys.modules.get(top)) or top in sys.builtin_module_names:
            raise WorkUnusable(
                f"{module} in {folder} has the name of a module of the standard library that whoever measures has "
                "loaded before. Rename it to measure it."
            )
        path = folder / top
        if top == PACKAGE.name and not (path.is_dir() and path.samefile(PACKAGE)):
            raise WorkUnusable(
                f"{module} in {folder} has the name of the program that measures. Rename it to measure it."
            )

    def _roots(self) -> list[Path]:
        """The folders of the path that are the user's, first to last."""
        return [Path(entry) for entry in sys.path if entry in self._own]

    def _project_roots(self) -> Iterator[Path]:
        """Where a project's modules lie, from the working folder up to the project's: in it or in its src.

        Somebody who is in a package's own folder means what the folder above it has.
        """
        for folder in self._project():
            yield folder / "src"
            yield folder
        if (self.folder / "__init__.py").is_file():
            yield outermost(self.folder)

    def _project(self) -> list[Path]:
        above = [self.folder, *self.folder.parents]
        marked = [number for number, folder in enumerate(above) if any((folder / mark).exists() for mark in PROJECT)]
        return above[: marked[0] + 1] if marked else above[:1]

    def _not_found(self, name: str, missing: str, several: Sequence[Path]) -> str:
        where = [
            f"in the folder {self.folder}",
            *([f"on PYTHONPATH ({os.pathsep.join(self.path)})"] if self.path else []),
        ]
        python = f"Python {platform.python_version()} ({sys.executable})"
        sentence = f"There is no module {missing} {', '.join(where)} or among the packages of {python}"
        places = [*several, *folders_that_hold(self._project()[-1], name)]
        if places:
            there = os.path.relpath(places[0], self.folder)
            also = f" and in {os.path.relpath(places[1], self.folder)}" if len(places) > 1 else ""
            return (
                f"{sentence}. It lies in {there}{also}: set PYTHONPATH={there}, or install the project by "
                "pip install -e ."
            )
        near = self._name_meant(name)
        return f"{sentence}; is {near} meant?" if near else f"{sentence}."

    def _name_meant(self, name: str) -> str:
        """A module of the user's whose name is much like this one; '' without one."""
        roots = dict.fromkeys([*self._roots(), *self._project_roots()])
        modules = {file: root for root in roots if root.is_dir() for file in sources_below(root)}
        names = [dotted_name(file, root, 0) for file, root in modules.items()]
        return name_meant(name, filter(None, names))

    @contextmanager
    def _explained_import(self, name: str) -> Iterator[None]:
        """Turn what importing raises into a sentence that says where; the traceback goes to stderr, which the run
        captures."""
        try:
            yield
        except WorkUnusable:
            raise
        except NotLoadable as error:
            raise WorkUnusable(str(error), code=None) from None
        except RAISED_BY_WORK as error:
            traceback.print_exc()
            file, line = innermost_line(error.__traceback__)
            where = f" ({file}, line {line})" if file else ""
            failed = f"Importing {name} failed: {error_in_words(error)}{where}."
            packaged = self._in_a_package(Path(file)) if isinstance(error, ImportError) and file else None
            if packaged and "relative import" in str(error):
                root, meant = packaged
                raise WorkUnusable(f"{failed} Name it as {meant}, from the folder {root}.") from None
            more = f" Python is {sys.executable}." if isinstance(error, ModuleNotFoundError) else ""
            raise WorkUnusable(f"{failed}{more}", code=None) from None

    def _prepend(self, *folders: str) -> None:
        """Put folders first among the user's, behind the one that holds our package alone."""
        self._own.update(folders)
        for folder in reversed(folders):
            if folder in sys.path[1:]:
                sys.path.remove(folder)
            sys.path.insert(1, folder)
        importlib.invalidate_caches()


def is_standard(module: ModuleType | None) -> bool:
    """Whether it is one of the standard library's that has been loaded."""
    if module is None or module.__name__.partition(".")[0] not in sys.stdlib_module_names:
        return False
    file = getattr(module, "__file__", None)
    return file is None or is_of_library(file)


def hiding_files() -> list[str]:
    """Files on the path that a new process imports in place of what this one has loaded of the standard library."""
    names = [name for name, module in list(sys.modules.items()) if "." not in name and is_standard(module)]
    library = str(Path(os.__file__).parent)
    folders = list(takewhile(lambda entry: entry != library, sys.path[1:]))
    files = (Path(folder, f"{name}.py") for folder in folders for name in sorted(names))
    return [str(file) for file in files if file.is_file()]


def is_part(name: str | None, of: str) -> bool:
    """Whether a dotted name is another one's beginning, or all of it."""
    return name is not None and f"{of}.".startswith(f"{name}.")


def name_meant(asked: str, names: Iterable[str]) -> str:
    """Of names the one that is meant by a misspelt one; '' where none is much like it.

    One of the same letters in another order comes first: of a short name two that change places are too much of it for
    difflib, whose measure counts what is alike on end.
    """
    there = list(names)
    letters = sorted(asked.casefold())
    alike = [name for name in there if len(name) == len(asked) and sorted(name.casefold()) == letters]
    return next(iter(alike or difflib.get_close_matches(asked, there, 1, 0.75)), "")


def is_importable(name: str) -> bool:
    """Whether a program can import a module of this name by a statement."""
    return name.isidentifier() and not keyword.iskeyword(name) and name != "__main__"


def holds(root: Path, name: str) -> bool:
    """Whether a folder has a module of a dotted name, as a file or as a folder."""
    path = root.joinpath(*name.split("."))
    return path.is_dir() or path.with_name(f"{path.name}.py").is_file()


def outermost(folder: Path) -> Path:
    """The first folder from this one upwards that is no regular package, so that it can be on the path."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def above_named_src(file: Path) -> list[Path]:
    """The innermost folder above a file that is called src, as in a src layout; at most one."""
    return [folder for folder in file.parents if folder.name == "src"][:1]


def dotted_name(file: Path, root: Path, level: int) -> str | None:
    """A file's name as a module below `root`; None where it has none, or lies less deep than it imports upwards."""
    if not file.is_relative_to(root):
        return None
    parts = file.relative_to(root).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    if len(parts) < max(level + (file.stem != "__init__"), 1) or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts)


def relative_level(file: Path) -> int:
    """How many packages up the file's relative imports reach; 0 without one, or where it can't be read."""
    with suppress(OSError, SyntaxError, ValueError):
        tree = ast.parse(file.read_bytes())
        return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)
    return 0


def sources_below(root: Path) -> Iterator[Path]:
    """Python files of a folder and those two levels below it; of a large tree the first ones."""
    yield from (path for folder in folders_below(root) for path in sorted(folder.glob("*.py")))


def folders_that_hold(root: Path, name: str) -> list[Path]:
    return [folder for folder in folders_below(root) if folder != root and holds(folder, name)]


def folders_below(root: Path, depth: int = 2) -> list[Path]:
    """A folder and those below it, level by level, without those that hold no sources."""
    found = level = [root]
    for _ in range(depth):
        with suppress(OSError):
            level = [
                path
                for folder in level
                for path in sorted(folder.iterdir())
                if path.is_dir() and not NO_PLACE.fullmatch(path.name)
            ][:MOST_FOLDERS]
            found = found + level
    return found


def innermost_line(trace: TracebackType | None) -> tuple[str, int]:
    """The file and the number of the innermost line of what is being imported, of the user's own where there is one;
    ('', 0) where there is none."""
    lines = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)]
    found = [
        place for place in lines if not place[0].startswith("<") and place[0] not in (__file__, importlib.__file__)
    ]
    return next((place for place in reversed(found) if not is_of_library(place[0])), found[-1] if found else ("", 0))
