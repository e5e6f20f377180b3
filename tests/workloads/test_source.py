"""A workload's code as part of a script: it stands alone, does the same, and brings nothing that it does not need."""

from __future__ import annotations

import ast
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.source import Source, import_lines, source
from poolscope.workloads.work import set_up


def namespace(code: Source) -> dict[str, Any]:
    """What the code defines, executed alone."""
    found: dict[str, Any] = {}
    # No future: a script evaluates its annotations.
    exec(compile(f"{import_lines(code.imports)}\n{code.text}\n", "script", "exec", dont_inherit=True), found)
    return found


@pytest.mark.parametrize("name", [name for name, row in WORKLOADS.items() if row.module in ("compute", "data")])
def test_the_code_alone_gives_the_results_of_the_work(name: str, tmp_path: Path) -> None:
    work = set_up(name, None, 2, tmp_path, rounds=3)
    function = namespace(source(name))[WORKLOADS[name].function]
    if WORKLOADS[name].rounds:
        function = partial(function, 3)
    assert [function(item) for item in work.items] == [work.function(item) for item in work.items]
    work.tidy()


@pytest.mark.parametrize("coroutine", [False, True])
@pytest.mark.parametrize("name", WORKLOADS)
def test_everything_defined_is_used_and_nothing_of_ours_is_imported(name: str, coroutine: bool) -> None:
    code = source(name, coroutine=coroutine)
    assert code.function in (WORKLOADS[name].function, WORKLOADS[name].coroutine)
    tree = ast.parse(code.text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    defined = {name for name in namespace(code) if not name.startswith("__")} - {code.function}
    assert defined <= used
    assert "poolscope" not in import_lines(code.imports) + code.text
    assert "Work" not in used


def test_more_of_a_module_comes_with_what_it_needs_and_nothing_twice() -> None:
    code = source("sum-of-squares", ["rounds_for", "sum_of_squares"])
    assert {"sum_of_squares", "rounds_for", "least_ns", "LONG_ENOUGH_NS", "partial"} <= set(namespace(code))
    assert code.text.count("def sum_of_squares") == 1
    assert "uneven" not in code.text


def test_what_comes_from_another_module_stands_before_what_uses_it() -> None:
    text = source("shared-object").text
    assert text.index("def sum_of_squares") < text.index("class SharedNumber") < text.index("def add_much")


def test_import_lines_are_each_there_once_and_in_order() -> None:
    assert import_lines(["import time", "from a import b"], ["import time", "import ast"]) == (
        "import ast\nimport time\nfrom a import b"
    )


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        source("primes", ["no_such_function"])
