"""Templates against the declared contexts, both ways: what a template reads is declared, what is declared is read.

The templates are followed as Jinja parses them: from the names that a page or piece is given, through loops, macros
and their arguments, to every attribute, whose type is that of the dataclass's field.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import FrozenInstanceError, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from jinja2 import nodes
from poolscope.experiments.experiment import Verdict
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.web import bench, context, forms, run_lists, table, timeline
from poolscope.web.app_state import environment
from poolscope.web.context import FormFacts, Machine, PanelFacts, Replay, RunFacts
from poolscope.web.guide import glossary
from poolscope.web.guide.figures import PoolFigure
from poolscope.web.guide.glossary import Term
from poolscope.web.guide.topics import Preset, Topic
from poolscope.web.pages import Fold, ParameterTable, RunLayout
from poolscope.web.requests import Problem
from poolscope.web.run_lists import History, PreviousRun
from poolscope.web.table import Column, Row, Table
from poolscope.web.views import VIEWS, factorials, failures, pool_sizes, shared_list, sharing, view, which_pool
from poolscope.web.views.which_pool import answer, grounds, pictures

Scope = Mapping[str, Any]

PAGE = {"here": str, "live": str, "machine": str}
ON_BENCH = {
    "panel": PanelFacts,
    "earlier": PreviousRun | None,
    "run": RunFacts | None,
    "verdict": Verdict | None,
    "form": FormFacts,
    "fragments": list[str],
}
FACTS = {
    "shared-list": shared_list.SharedListFacts,
    "factorials": factorials.FactorialsFacts,
    "pool-sizes": pool_sizes.PoolSizesFacts,
    "sharing": sharing.SharingFacts,
    "failures": failures.FailuresFacts,
    "which-pool": which_pool.WhichPoolFacts,
}
ITEMS = {"failures": failures.ScenarioFacts, "sharing": sharing.Article}
ON_RUN = {
    "run": RunFacts,
    "earlier": PreviousRun | None,
    "verdict": Verdict | None,
    "title": str,
    "idle": str,
    "playing": Replay | None,
    "complaint": str,
}
PAIRS = tuple[tuple[str, str], ...]
ON_TOPIC = {"code": dict[str, str], "presets": dict[str, Preset]}

# Every template and macro that Python asks for, with what it is given.
PAGES: dict[str, Scope] = {
    "pages/bench.html": {
        **PAGE,
        "ways": bench.Ways,
        "ask": str,
        "now": str,
        "groups": list[bench.PanelGroup],
        "recent": str,
    },
    "pages/runs.html": {**PAGE, "history": History, "experiments": PAIRS, "statuses": list[str]},
    "pages/run.html": {**PAGE, "heading": str, "href": str, "layout": RunLayout},
    "pages/api.html": {**PAGE, "calls": Table, "forms": list[ParameterTable], "base": str},
    "pages/guide.html": {**PAGE, "topics": list[Topic]},
    "pages/topic.html": {**PAGE, "topic": Topic, "before": Topic | None, "after": Topic | None, "body": str},
    "pages/token.html": {**PAGE, "problem": Problem, "next": str},
    "pages/problem.html": {**PAGE, "problem": Problem, "panel": str},
}
PARTS: dict[tuple[str, str], Scope] = {
    ("partials/machine.html", "header"): {"machine": Machine},
    ("partials/recent.html", "recent"): {"history": History},
    ("partials/now.html", "strip"): {"now": run_lists.Now},
    ("guide/threads_or_processes.html", "body"): {**ON_TOPIC, "compared": Table},
    ("guide/process_pools.html", "body"): {**ON_TOPIC, "pool": PoolFigure, "workers": str, "calls": Table},
    ("guide/sharing_data.html", "body"): {**ON_TOPIC, "tools": Table},
    ("guide/failing_safely.html", "body"): {**ON_TOPIC, "scenarios": Table},
    ("guide/your_own_work.html", "body"): {**ON_TOPIC, "program": str, "kept_in": str},
    ("guide/beyond_one_machine.html", "body"): {**ON_TOPIC, "engines": Table, "crashes": failures.FailuresFacts | None},
    ("guide/hosting_a_demo.html", "body"): {**ON_TOPIC, "limits": Table},
    ("guide/glossary.html", "body"): {**ON_TOPIC, "terms": list[Term]},
    **{("partials/panel.html", name): ON_BENCH for name in ("whole", "head", "ask", "above", "progress", "idle")},
    **{("partials/run.html", name): ON_RUN for name in ("head", "fault", "findings", "replay", "more")},
    **{
        (f"experiments/{experiment.slug}.html", name): {
            **ON_RUN,
            "view": FACTS[experiment.name],
            "item": ITEMS.get(experiment.name),
            "panel": PanelFacts,
        }
        for experiment in EXPERIMENTS.values()
        for name in ("panel", *(part.macro or part.name for part in VIEWS[experiment.name].parts))
    },
}

# What only Python reads, and why.
READ_BY_PYTHON = {
    (Problem, "status"): "it is the answer's status",
    (Problem, "errors"): "the form has them beside its fields, the API in its JSON",
    (Problem, "retry_after"): "it is a header",
    (Column, "value"): "it makes the cells",
    (Column, "format"): "it writes them",
    (Column, "precise"): "it is how the format is called",
    (forms.FormField, "advanced"): "the panel has these apart",
    (forms.FormField, "changed"): "the panel is open for them",
    (shared_list.SharedListFacts, "state"): "tables and times are made of it",
    (failures.CaseFacts, "outcome"): "its row has it",
    (failures.CaseFacts, "took"): "the scenario's word has it",
    (failures.CaseFacts, "mark"): "its row has it",
    (failures.CaseFacts, "share"): "its row has it",
    (failures.ScenarioFacts, "outcome"): "its row has it",
    (failures.ScenarioFacts, "counted"): "its row has it",
    (failures.ScenarioFacts, "endings"): "its row has it",
    (failures.FailuresFacts, "scenarios"): "each is the item of a part",
    (sharing.SharingFacts, "articles"): "each is the item of a part",
}
FACTS_OF_TEMPLATES: tuple[type, ...] = (
    *FACTS.values(),
    *ITEMS.values(),
    Problem,
    ParameterTable,
    PreviousRun,
    Fold,
    RunLayout,
    History,
    PoolFigure,
    failures.CaseFacts,
    failures.Edge,
    failures.MomentLine,
    failures.Stack,
    failures.WaitGraph,
    pool_sizes.Box,
    pool_sizes.Facet,
    shared_list.LogLine,
    shared_list.Times,
    sharing.Story,
    answer.Share,
    answer.Split,
    grounds.Cause,
    grounds.Trial,
    pictures.Crew,
    view.ChartFacts,
    view.Export,
    Column,
    Row,
    Table,
    table.Bar,
    table.Button,
    table.Cell,
    table.Group,
)
MODULES: tuple[Any, ...] = (bench, context, forms, timeline, glossary)
PASSED_THROUGH = {"list", "selectattr", "rejectattr", "sort", "reverse", "unique"}


class Reader:
    """Follows templates. `reads` holds (dataclass, attribute) of everything read; `mistakes` what is not declared."""

    def __init__(self) -> None:
        self.environment = environment()
        self.reads: set[tuple[type, str]] = set()
        self.mistakes: set[str] = set()
        self._followed: set[str] = set()
        self._ui = self._macros("partials/_macros.html")

    def page(self, template: str, scope: Scope) -> None:
        self._in = template
        tree = self._tree(template)
        self._walk(tree, scope, self._macros(template))
        for extended in tree.find_all(nodes.Extends):
            assert isinstance(extended.template, nodes.Const)
            self._walk(self._tree(extended.template.value), scope, {})

    def part(self, template: str, macro: str, scope: Scope) -> None:
        self._in = template
        macros = self._macros(template)
        self._call(macros[macro], [], {}, scope, macros)

    @cache  # noqa: B019 (one reader lives as long as the tests)
    def _tree(self, template: str) -> nodes.Template:
        assert self.environment.loader is not None
        source, _, _ = self.environment.loader.get_source(self.environment, template)
        return self.environment.parse(source, template)

    def _macros(self, template: str) -> dict[str, nodes.Macro]:
        return {macro.name: macro for macro in self._tree(template).find_all(nodes.Macro)}

    # Statements

    def _walk(self, node: nodes.Node, scope: Scope, macros: Mapping[str, nodes.Macro]) -> None:
        match node:
            case nodes.Macro():
                return  # followed where it is called
            case nodes.For():
                inner = {**scope, **dict(_unpacked(node.target, _element(self._type(node.iter, scope, macros))))}
                inner["loop"] = None
                if node.test is not None:
                    self._type(node.test, inner, macros)
                for child in (*node.body, *node.else_):
                    self._walk(child, inner, macros)
            case nodes.CallBlock():
                self._type(node.call, scope, macros)
                for child in node.body:
                    self._walk(child, scope, macros)
            case nodes.Expr():
                self._type(node, scope, macros)
            case nodes.Assign():
                raise NotImplementedError("a template that sets a variable: teach this reader how")
            case _:
                for child in node.iter_child_nodes():
                    self._walk(child, scope, macros)

    # Expressions: each has a type, None where it is of no interest

    def _type(self, node: nodes.Node, scope: Scope, macros: Mapping[str, nodes.Macro]) -> Any:
        match node:
            case nodes.Name():
                if node.name not in scope and node.name not in ("ui", "static", "caller") and node.name not in macros:
                    self.mistakes.add(f"{self._in} reads {node.name}, which it is not given")
                return scope.get(node.name)
            case nodes.Getattr():
                return self._attribute(self._type(node.node, scope, macros), node.attr)
            case nodes.Getitem():
                of = self._type(node.node, scope, macros)
                self._others(node.arg, scope, macros)
                return of if isinstance(node.arg, nodes.Slice) else _element(of)
            case nodes.Filter():
                of = self._type(node.node, scope, macros) if node.node is not None else None
                for argument in node.args:
                    self._type(argument, scope, macros)
                if node.name in ("selectattr", "rejectattr"):
                    assert isinstance(node.args[0], nodes.Const)
                    self._attribute(_element(of), node.args[0].value)
                return of if node.name in PASSED_THROUGH else None
            case nodes.Call():
                return self._called(node, scope, macros)
            case nodes.CondExpr():
                self._type(node.test, scope, macros)
                found = [self._type(each, scope, macros) for each in (node.expr1, node.expr2) if each is not None]
                return next((each for each in found if each is not None), None)
            case nodes.Or() | nodes.And():
                left, right = self._type(node.left, scope, macros), self._type(node.right, scope, macros)
                return left if left is not None else right
            case _:
                self._others(node, scope, macros)
                return None

    def _others(self, node: nodes.Node, scope: Scope, macros: Mapping[str, nodes.Macro]) -> None:
        for child in node.iter_child_nodes():
            if isinstance(child, nodes.Expr):
                self._type(child, scope, macros)
            else:
                self._others(child, scope, macros)

    def _attribute(self, of: Any, name: str) -> Any:
        found = None
        for each in _alternatives(of):
            if isinstance(each, type) and is_dataclass(each):
                self.reads.add((each, name))
                hints = get_type_hints(each)
                if name not in hints and not isinstance(getattr(each, name, None), property):
                    self.mistakes.add(f"{self._in} reads {each.__name__}.{name}, which is not declared")
                found = hints.get(name)
                if isinstance(getter := getattr(each, name, None), property) and getter.fget is not None:
                    found = get_type_hints(getter.fget).get("return")
        return found

    def _called(self, node: nodes.Call, scope: Scope, macros: Mapping[str, nodes.Macro]) -> None:
        given = [self._type(argument, scope, macros) for argument in node.args]
        named = {each.key: self._type(each.value, scope, macros) for each in node.kwargs}
        match node.node:
            case nodes.Getattr(node=nodes.Name(name="ui"), attr=name):
                self._call(self._ui[name], given, named, {}, self._ui)
            case nodes.Name(name=name) if name in macros:
                # A template's own macros see what it is given; those of `ui` only their arguments.
                self._call(macros[name], given, named, {} if macros is self._ui else scope, macros)
            case other:
                self._type(other, scope, macros)

    def _call(
        self, macro: nodes.Macro, given: list[Any], named: Scope, scope: Scope, macros: Mapping[str, nodes.Macro]
    ) -> None:
        names = [argument.name for argument in macro.args]
        arguments = {**dict.fromkeys(names), **dict(zip(names, given, strict=False)), **named}
        key = f"{self._in} {id(macro)} {arguments} {scope}"
        if key in self._followed:
            return
        self._followed.add(key)
        for child in macro.body:
            self._walk(child, {**scope, **arguments}, macros)


def _alternatives(of: Any) -> tuple[Any, ...]:
    return get_args(of) if get_origin(of) in (Union, types.UnionType) else (of,)


def _element(of: Any) -> Any:
    """The type of what a tuple, list or dict holds; a tuple of a fixed length stays whole, to be unpacked."""
    found = next((each for each in _alternatives(of) if get_origin(each) in (tuple, list, dict)), None)
    arguments = get_args(found)
    if get_origin(found) is dict:
        return arguments[1]
    if get_origin(found) is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return arguments[0]
    return arguments[0] if get_origin(found) is list else None


def _unpacked(target: nodes.Node, of: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(target, nodes.Name):
        yield target.name, of
        return
    assert isinstance(target, nodes.Tuple)
    parts = get_args(of) if get_origin(of) is tuple else (None,) * len(target.items)
    assert len(parts) == len(target.items), f"{of} has not {len(target.items)} parts"
    for item, part in zip(target.items, parts, strict=True):
        yield from _unpacked(item, part)


@pytest.fixture(scope="module")
def reader() -> Reader:
    reader = Reader()
    for template, scope in PAGES.items():
        reader.page(template, scope)
    for (template, macro), scope in PARTS.items():
        reader.part(template, macro, scope)
    return reader


def declared() -> Iterator[type]:
    """Every dataclass that is made for templates."""
    for module in MODULES:
        for each in vars(module).values():
            if isinstance(each, type) and is_dataclass(each) and each.__module__ == module.__name__:
                yield each
    yield from FACTS_OF_TEMPLATES


def test_what_a_template_reads_is_declared(reader: Reader) -> None:
    assert sorted(reader.mistakes) == []


@pytest.mark.parametrize("context", list(declared()), ids=lambda context: str(context.__name__))
def test_what_is_declared_is_read_by_a_template(reader: Reader, context: type) -> None:
    unread = {field.name for field in fields(context)} - {name for of, name in reader.reads if of is context}
    assert unread == {name for of, name in READ_BY_PYTHON if of is context}


def test_a_verdict_is_shown_whole(reader: Reader) -> None:
    assert {name for of, name in reader.reads if of is Verdict} == {"headline", "rest", "reasons"}


def test_every_context_is_frozen(reader: Reader) -> None:
    for each in declared():
        for field in fields(each):
            with pytest.raises(FrozenInstanceError):
                setattr(object.__new__(each), field.name, None)


def test_every_template_is_followed(reader: Reader) -> None:
    followed = {*PAGES, *(template for template, _ in PARTS), "base.html", "partials/_macros.html"}
    assert {name for name in reader.environment.list_templates() if name.endswith(".html")} == followed


def test_the_reader_notices_what_is_not_declared() -> None:
    reader = Reader()
    reader._in = "a test"
    tree = reader.environment.parse(
        "{% for row in history.table.rows %}{{ row.nonsense }}{{ row.id }}{% endfor %}{{ nobody }}"
        "{% for field in form.fields|selectattr('nothing') if field.no %}{{ ui.field(field, 'x') }}{% endfor %}"
    )
    reader._walk(tree, {"history": History, "form": FormFacts}, {})
    assert {mistake.split("reads ")[1].split(",")[0] for mistake in reader.mistakes} == {
        "Row.nonsense",
        "nobody",
        "FormField.nothing",
        "FormField.no",
    }
    assert (forms.FormField, "autocomplete") not in reader.reads
    assert {(forms.FormField, "complaint"), (forms.Option, "word"), (Row, "id")} <= reader.reads
