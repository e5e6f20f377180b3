"""A workload's own code as part of a standalone script: its function, and what of its module that needs, no more."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from poolscope.protocol.frozen import frozen
from poolscope.workloads.catalog import WORKLOADS

PACKAGE = "poolscope.workloads"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@frozen
class Source:
    """`function` is the name to call; `text` defines it, after the lines of `imports`."""

    function: str
    imports: tuple[str, ...]
    text: str


@frozen
class Definition:
    """A statement at the top of a module that binds a name: its place in the order, its text, the names that it uses.

    `what` is 'import', 'block' for a function or class, or 'value'.
    """

    place: tuple[int, int]
    what: str
    text: str
    uses: frozenset[str]


def source(name: str, extra: Sequence[str] = (), *, coroutine: bool = False) -> Source:
    """The code of a built-in workload, and of what else of its module is named in `extra`.

    With `coroutine` that of its form for asyncio. Raises KeyError for a name that is none.
    """
    row = WORKLOADS[name]
    function = row.coroutine if coroutine and row.coroutine else row.function
    known = definitions(row.module)
    needed = sorted({known[each] for each in _reachable([function, *extra], known)}, key=lambda found: found.place)
    imports = tuple(found.text for found in needed if found.what == "import")
    return Source(function, imports, _joined([found for found in needed if found.what != "import"]))


def import_lines(*groups: Iterable[str]) -> str:
    """The import statements of all groups, each once, whole modules before names out of them."""
    lines = {line for group in groups for line in group}
    return "\n".join(sorted(lines, key=lambda line: (line.startswith("from "), line)))


@cache
def definitions(module: str, level: int = 0) -> Mapping[str, Definition]:
    """What a module of this package defines, by name; what it takes from another one of them is that one's."""
    text = Path(__file__).with_name(f"{module}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    found: dict[str, Definition] = {}
    for node in ast.parse(text).body:
        match node:
            case ast.ImportFrom(module=str(where)) if where.startswith(f"{PACKAGE}."):
                theirs = definitions(where.removeprefix(f"{PACKAGE}."), level - 1)
                found |= {name: definition for name, definition in theirs.items() if name not in found}
            case ast.ImportFrom(module="__future__"):
                pass
            case ast.Import() | ast.ImportFrom():
                found |= {
                    alias.asname or alias.name: Definition((level, node.lineno), "import", line, frozenset())
                    for alias, line in _imports(node)
                }
            case _:
                what = "block" if isinstance(node, DEFINITIONS) else "value"
                first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
                own = "\n".join(lines[first - 1 : node.end_lineno])
                uses = frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
                found |= {name: Definition((level, first), what, own, uses) for name in _bound(node)}
    return found


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[ast.alias, str]]:
    for alias in node.names:
        origin = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
        yield alias, f"{origin}import {ast.unparse(alias)}"


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _reachable(names: Iterable[str], known: Mapping[str, Definition]) -> set[str]:
    """The names themselves, and those that their definitions use, and so on."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += known[name].uses & known.keys()
    return found


def _joined(needed: Sequence[Definition]) -> str:
    """In the order of the modules, with the blank lines that the style guide wants."""
    parts = []
    for before, found in zip([None, *needed], needed, strict=False):
        if before is not None:
            parts.append("\n\n\n" if "block" in (before.what, found.what) else "\n")
        parts.append(found.text)
    return "".join(parts)
