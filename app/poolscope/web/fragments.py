"""The fragments that pages are made of and that answers and the stream replace, and the one way to render them.

A fragment is a macro of a template. What it shows is what the macro reads of its context, which is known from the
template itself; as long as these values stay the same there is nothing to render.
"""

# Ours, after weighing jinja2-fragments: it renders one block of a template, which then sees none of the template's own
# macros, and it knows nothing of what a block reads; a macro can be rendered alone by Jinja itself.

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, nodes
from markupsafe import Markup

from poolscope.errors import ParameterError
from poolscope.experiments.experiment import Experiment, Verdict
from poolscope.runs.run import Run, Status
from poolscope.web.app_state import AppState
from poolscope.web.bench import MEASURE
from poolscope.web.context import form_facts, machine, panel_facts, paused, replay, run_facts, title
from poolscope.web.run_lists import ON_BENCH, RECENT, earlier_run, history, is_quiet, last_run, now
from poolscope.web.views import VIEWS

MACHINE_S = 5.0  # the header's machine facts are looked at this often

Context = Mapping[str, Any]
Makers = Mapping[str, Callable[[], Any]]  # of the values of a context, by name


class LazyContext(dict[str, Any]):
    """The values of one context, each made when a fragment first reads it: most frames need few of them."""

    def __init__(self, makers: Makers) -> None:
        super().__init__()
        self._makers = makers

    def __missing__(self, name: str) -> Any:
        self[name] = value = self._makers[name]() if name in self._makers else None
        return value


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a page: the element `target` is made by a template's macro. `item` is added to its context."""

    target: str
    template: str
    macro: str
    item: Callable[[Any], Any] | None = None  # of the context's view


@dataclass(frozen=True, slots=True)
class Section:
    """Fragments that show different parts of one context, which is asked for only when `version` has changed."""

    name: str
    version: Callable[[], object]
    context: Callable[[], Awaitable[Makers]]
    fragments: Callable[[], tuple[Fragment, ...]]


class Renderer:
    """Renders sections, and remembers what each fragment showed: a fragment that would show the same is left out.

    Pages and answers use a new one, which renders everything; a stream keeps its own. `rendered` counts.
    """

    def __init__(self, app_state: AppState) -> None:
        self._templates = app_state.templates
        self._drawing = app_state.drawing
        self._versions: dict[str, object] = {}
        self._shown: dict[str, tuple[Fragment, list[Any]]] = {}
        self.rendered = 0

    async def changes(self, sections: Iterable[Section]) -> AsyncIterator[tuple[str, Markup]]:
        """The fragments that show something else than last time, by target."""
        for section in sections:
            version = section.version()
            if section.name in self._versions and self._versions[section.name] == version:
                continue
            self._versions.pop(section.name, None)  # until all its fragments are rendered
            makers = await section.context()
            context = LazyContext(makers)
            for fragment in section.fragments():
                if fragment.item is not None:
                    context["item"] = fragment.item(context["view"])
                values = values_read(self._templates, fragment, context)
                if self._shown.get(fragment.target) == (fragment, values):
                    continue
                async with self._drawing:
                    await asyncio.sleep(0)
                self.rendered += 1
                shown = {name: value for name, value in context.items() if name in makers or name == "item"}
                markup = part(self._templates, fragment.template, fragment.macro, shown)
                self._shown[fragment.target] = (fragment, values)
                yield fragment.target, markup
            self._versions[section.name] = version


async def render(app_state: AppState, sections: Iterable[Section]) -> dict[str, Markup]:
    """All fragments of these sections, by target."""
    return {target: markup async for target, markup in Renderer(app_state).changes(sections)}


def part(templates: Environment, template: str, macro: str, context: Context) -> Markup:
    """One macro of a template, alone."""
    module = templates.get_template(template).make_module(dict(context))
    return Markup(str(getattr(module, macro)()).strip())  # noqa: S704 (a template's own, escaped output)


def header(app_state: AppState) -> Markup:
    """The header's facts about this machine."""
    return part(app_state.templates, "partials/machine.html", "header", {"machine": machine(app_state.facts)})


def hx_partial(target: str, markup: str, swap: str = "outerMorph") -> str:
    """A fragment for htmx to put in its place."""
    return f'<hx-partial hx-target="#{target}" hx-swap="{swap}">{markup}</hx-partial>'


def partials(fragments: Mapping[str, Markup], status: int = 200) -> HTMLResponse:
    """An answer of fragments for htmx to put in their places."""
    return HTMLResponse("".join(hx_partial(target, markup) for target, markup in fragments.items()), status)


def values_read(templates: Environment, fragment: Fragment, context: Context) -> list[Any]:
    """What a fragment shows: the values that its macro reads of the context."""
    values = []
    for name, attribute in names_read(templates, fragment.template, fragment.macro):
        value = context[name]
        if attribute == TRUTH:
            value = bool(value)
        elif attribute:
            value = getattr(value, attribute, None)
        values.append(value)
    return values


TRUTH = "?"  # in the place of an attribute: only whether there is anything


@cache
def names_read(templates: Environment, template: str, macro: str) -> tuple[tuple[str, str], ...]:
    """What a macro, and those of its template that it calls, read of the context: names with an attribute.

    The attribute is '' where a name is used as a whole, and TRUTH where a condition only asks whether it is there.
    """
    assert templates.loader is not None
    source, _, _ = templates.loader.get_source(templates, template)
    macros = {node.name: node for node in templates.parse(source).find_all(nodes.Macro)}
    found: dict[tuple[str, str], None] = {}
    called, followed = [macro], set[str]()
    while called:
        name = called.pop()
        if name in followed:
            continue
        followed.add(name)
        own = {node.name for node in macros[name].find_all(nodes.Name) if node.ctx in ("store", "param")}
        for read, attribute in _reads(macros[name]):
            if read in macros:
                called.append(read)
            elif read not in own and read not in templates.globals and read not in ("loop", "caller"):
                found[read, attribute] = None
    return tuple(found)


def _reads(node: nodes.Node, condition: bool = False) -> Iterable[tuple[str, str]]:
    """Every name that is loaded below a node, with the attribute that is taken of it."""
    match node:
        case nodes.Name(ctx="load"):
            yield node.name, TRUTH if condition else ""
        case nodes.Getattr(node=nodes.Name() as name):
            yield name.name, node.attr
        case nodes.If() | nodes.CondExpr():
            yield from _reads(node.test, True)
            for child in node.iter_child_nodes(exclude=("test",)):
                yield from _reads(child)
        case nodes.Not() | nodes.And() | nodes.Or() if condition:
            for child in node.iter_child_nodes():
                yield from _reads(child, True)
        case _:
            for child in node.iter_child_nodes():
                yield from _reads(child)


# The bench


def panel_sections(app_state: AppState, experiment: Experiment, run: Run | None) -> tuple[Section, Section]:
    """One experiment's panel: heading, progress and live view; and its form, which changes much more seldom.

    Where the form stands at the top of the page, something stands in its place.
    """

    view = VIEWS[experiment.name]
    panel = panel_facts(experiment, app_state.scheduler.installation.workloads)

    async def context() -> Makers:
        earlier = await earlier_run(app_state, run) if run and not run.status.live else None
        return {
            "panel": lambda: panel,
            "earlier": lambda: earlier,
            "run": lambda: run_facts(run, installation=app_state.scheduler.installation) if run else None,
            "verdict": lambda: verdict_of(run),
            "view": lambda: view.view(run) if run is not None and shows_rows(run) else None,
        }

    head = Fragment(f"{experiment.name}-head", "partials/panel.html", "head")
    progress = Fragment(f"{experiment.name}-progress", "partials/panel.html", "progress")
    idle = Fragment(f"{experiment.name}-live", "partials/panel.html", "idle")
    live = Fragment(f"{experiment.name}-live", f"experiments/{experiment.slug}.html", "panel")
    above = Fragment(f"{experiment.name}-above", "partials/panel.html", "above")
    in_form_place = (above,) if experiment.name == MEASURE else ()

    def fragments() -> tuple[Fragment, ...]:
        return head, *in_form_place, progress, live if run is not None and shows_rows(run) else idle

    moving = Section(experiment.name, partial(_version, run), context, fragments)
    return moving, form_section(app_state, experiment, run)


def form_section(
    app_state: AppState,
    experiment: Experiment,
    run: Run | None,
    typed: Mapping[str, Any] | None = None,
    errors: Sequence[ParameterError] = (),
) -> Section:
    """The form of a panel; `typed` and `errors` are those of a form that is sent back as it was typed."""

    async def context() -> Makers:
        return {
            "panel": lambda: panel_facts(experiment),
            "run": lambda: run_facts(run) if run else None,
            "form": lambda: form_facts(app_state, experiment, run, typed, errors),
        }

    def version() -> object:
        if run is None:
            return app_state.scheduler.installation, ()
        waiting = (run.place, run.spares, run.shortage)
        of_run = (run.id, run.status, run.stopping, waiting, dict(run.controls), paused(run))
        return app_state.scheduler.installation, of_run

    fragment = Fragment(f"{experiment.name}-ask", "partials/panel.html", "ask")
    return Section(f"form of {experiment.name}", version, context, lambda: (fragment,))


def recent_section(app_state: AppState, owner: str = "") -> Section:
    """The newest runs, those of `owner` if there is one given. Made anew when one begins or ends."""
    changes, journal = app_state.store.of(owner).changes, app_state.scheduler.journal

    async def context() -> Makers:
        found = await history(app_state, owner=owner, limit=RECENT, columns=ON_BENCH)
        return {"history": lambda: found}

    fragment = Fragment("recent", "partials/recent.html", "recent")
    return Section("recent", lambda: (changes, journal.trouble), context, lambda: (fragment,))


def now_section(app_state: AppState, owner: str = "") -> Section:
    """What runs now, what came last, and what other programs use. Made anew when one of these runs begins or ends.

    While one of them is live nothing else changes in it: other programs are read while nothing runs. With an `owner`
    others' runs may begin and end, too, of which no change tells.
    """
    changes = app_state.store.of(owner).changes
    looked_at = owner != "" or is_quiet(app_state)

    async def context() -> Makers:
        last = await last_run(app_state, owner)
        return {"now": lambda: now(app_state, owner, last)}

    def version() -> object:
        return changes, int(time.monotonic() / MACHINE_S) if looked_at else 0

    return Section("now", version, context, lambda: (Fragment("now", "partials/now.html", "strip"),))


def machine_section(app_state: AppState) -> Section:
    """The header's facts about this machine."""

    async def context() -> Makers:
        return {"machine": lambda: machine(app_state.facts)}

    fragment = Fragment("machine", "partials/machine.html", "header")
    return Section("machine", lambda: int(time.monotonic() / MACHINE_S), context, lambda: (fragment,))


async def bench_sections(app_state: AppState, owner: str = "") -> list[Section]:
    """Everything on the bench that a stream replaces; with an `owner`, of his runs alone."""
    sections: list[Section] = []
    for experiment in app_state.scheduler.experiments.values():
        sections += panel_sections(app_state, experiment, await app_state.store.latest(experiment.name, owner))
    return [*sections, now_section(app_state, owner), recent_section(app_state, owner), machine_section(app_state)]


# A run's own page


def run_section(
    app_state: AppState, run: Run, state: Any = None, *, owned: bool = True, parts_only: bool = False
) -> Section:
    """The page of a run: heading, then what its view shows, of the present or of an earlier `state`.

    Who does not have it `owned` can only look. What the `installation` does not offer has its command to run it again.
    """
    view = VIEWS[run.experiment.name]

    async def context() -> Makers:
        earlier = None if run.status.live else await earlier_run(app_state, run)
        return {
            "earlier": lambda: earlier,
            "run": lambda: run_facts(run, owned=owned, installation=app_state.scheduler.installation),
            "verdict": lambda: verdict_of(run),
            "view": lambda: view.view(run, state),
            "title": lambda: title(run),
            "idle": lambda: view.idle,
            "playing": lambda: replay(run, state),
            "complaint": lambda: "",
        }

    template = f"experiments/{run.experiment.slug}.html"
    parts = tuple(Fragment(f"run-{part.name}", template, part.macro or part.name, part.item) for part in view.parts)
    before = (Fragment("run-head", "partials/run.html", "head"), Fragment("run-fault", "partials/run.html", "fault"))
    after = tuple(Fragment(f"run-{name}", "partials/run.html", name) for name in ("findings", "replay", "more"))
    shown = parts if parts_only else (*before, *parts, *after)
    return Section(f"run {run.id}", partial(_version, run), context, lambda: shown)


def fault_section(run: Run, complaint: str) -> Section:
    """The form that kills a worker of a live run, with what was wrong."""

    async def context() -> Makers:
        return {"run": lambda: run_facts(run), "verdict": lambda: verdict_of(run), "complaint": lambda: complaint}

    fragment = Fragment("run-fault", "partials/run.html", "fault")
    return Section("fault", lambda: None, context, lambda: (fragment,))


def _version(run: Run | None) -> object:
    """What changes whenever anything of a run may look different."""
    return (run.id, run.notifier.version, run.place, run.shortage) if run else None


def verdict_of(run: Run | None) -> Verdict | None:
    return run.experiment.meaning.verdict(run.state, run.usable_cpus) if run else None


def shows_rows(run: Run) -> bool:
    """Whether its panel has more to show than that it waits: also what it will do, where that is known before."""
    return has_records(run) or (run.status.live and VIEWS[run.experiment.name].rows_known)


def has_records(run: Run) -> bool:
    """Whether there is anything to show but that it waits."""
    return run.status is not Status.QUEUED and len(run.record_log.lines) > 0
