"""What a fragment reads, and that nothing is rendered that shows the same as before."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from jinja2 import DictLoader, Environment
from poolscope.experiments.experiment import Experiment
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import End, Record, Result
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.runs.scheduler import Scheduler
from poolscope.web import app_state, fragments, stream
from poolscope.web.access import Identification
from poolscope.web.app_state import AppState
from poolscope.web.context import Machine
from poolscope.web.fragments import MACHINE_S, TRUTH, Fragment, Renderer, Section, names_read, now_section
from poolscope.web.stream import BenchChannel

from tests.kept_runs import kept
from tests.openings import opening
from tests.waiting import until
from tests.web.conftest import ENDLESS, Serve, ended, frames, running, start

NOBODY = SimpleNamespace(workers=0, href="/runs/sl-0001")
TEMPLATE = """
{% macro one() %}{{ run.word }}{% if panel %}{{ panel.name }}{% endif %}{{ two(3) }}{% endmacro %}
{% macro two(run_id) %}{% for row in view.rows if row.good %}{{ row.text }}{{ run_id }}{% endfor %}{% endmacro %}
{% macro three() %}{{ ui.verdict(run) }}{{ "a" if not run and view.any else "b" }}{% endmacro %}
"""


def test_a_macro_reads_names_and_attributes_also_by_the_macros_that_it_calls() -> None:
    templates = Environment(loader=DictLoader({"x.html": TEMPLATE}), autoescape=True)
    templates.globals["ui"] = None
    assert set(names_read(templates, "x.html", "one")) == {
        ("run", "word"),
        ("panel", TRUTH),
        ("panel", "name"),
        ("view", "rows"),
    }
    assert set(names_read(templates, "x.html", "three")) == {("run", ""), ("run", TRUTH), ("view", "any")}


class Page:
    """One section of two fragments; the second shows nothing that changes."""

    def __init__(self) -> None:
        self.version = 1
        self.word = "a"
        self.asked = 0

    def sections(self) -> Sequence[Section]:
        header = Fragment("machine", "partials/machine.html", "header")
        fault = Fragment("run-fault", "partials/run.html", "fault")
        return [Section("page", lambda: self.version, self._context, lambda: (header, fault))]

    async def _context(self) -> Mapping[str, Any]:
        self.asked += 1
        return {"machine": lambda: Machine((("word", self.word),)), "run": lambda: NOBODY, "complaint": lambda: ""}


async def test_only_what_shows_something_else_is_rendered(tmp_path: Path) -> None:
    renderer = Renderer(AppState(Scheduler(Journal(tmp_path / "unused.sqlite")), Identification()))
    page = Page()

    async def rendered() -> list[str]:
        return [target async for target, _ in renderer.changes(page.sections())]

    assert await rendered() == ["machine", "run-fault"]
    assert await rendered() == []
    assert page.asked == 1, "its version is the same, so there is nothing to ask for"
    page.version, page.word = 2, "b"
    assert await rendered() == ["machine"]
    page.version = 3
    assert await rendered() == []
    assert (page.asked, renderer.rendered) == (3, 3)


def test_what_runs_now_is_looked_at_from_time_to_time_but_not_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an owner it is, for others' runs come and go unnoticed."""
    run = Run("sl-0001", EXPERIMENTS["shared-list"], EXPERIMENTS["shared-list"].params(), status=Status.RUNNING)
    store = SimpleNamespace(of=lambda owner: SimpleNamespace(changes=1), in_memory=lambda: [run], elsewhere=[])
    shared: Any = SimpleNamespace(store=store)
    at = 0.0
    monkeypatch.setattr(fragments, "time", SimpleNamespace(monotonic=lambda: at))

    def is_looked_at(owner: str = "") -> bool:
        nonlocal at
        section = now_section(shared, owner)
        before, at = section.version(), at + MACHINE_S
        return section.version() != before

    assert not is_looked_at()
    assert is_looked_at("somebody")
    run.status = Status.FINISHED
    assert is_looked_at()
    store.elsewhere.append("a run of another process")
    assert not is_looked_at()


@pytest.mark.parametrize(("name", "asked"), [("failures", {"scenarios": "all"}), ("sharing", {"tools": "all"})])
async def test_a_panel_of_many_rows_has_them_while_its_run_waits(tmp_path: Path, name: str, asked: Any) -> None:
    """Else as much of the page would be empty until the run begins, or would move as it does."""
    about = EXPERIMENTS[name]
    app = AppState(Scheduler(Journal(tmp_path / "unused.sqlite")), Identification())
    run = Run("xx-0001", about, parse(about.params, asked), place=1)
    shown = await fragments.render(app, fragments.panel_sections(app, about, run))
    waiting = str(shown[f"{name}-live"])
    run.place, run.status = 0, Status.RUNNING
    begun = str((await fragments.render(app, fragments.panel_sections(app, about, run)))[f"{name}-live"])
    assert ("Waits for its turn." in waiting, "Waits for its turn." in begun) == (True, False)
    assert waiting.count("<tr") == begun.count("<tr") > 10


def keep_factorials(folder: Path) -> None:
    """Let the next server find a run that has a result to show."""
    told: list[Record] = [opening("factorials"), Result(1, FactorialComputed(1, "1")), End(2, "finished")]
    kept(folder, "factorials", {"first": 1, "last": 1}, told)


def test_an_idle_bench_with_a_viewer_renders_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Counter[str]()

    sections = BenchChannel.sections

    async def counted(channel: BenchChannel) -> Sequence[Section]:
        looks["bench"] += 1
        return await sections(channel)

    monkeypatch.setattr(BenchChannel, "sections", counted)
    monkeypatch.setattr(stream, "QUIET_BENCH_S", 0.001)
    monkeypatch.setattr("psutil.getloadavg", lambda: (0.5, 0.5, 0.5))
    monkeypatch.setattr(app_state, "host_busy_s", lambda: None)
    keep_factorials(tmp_path)
    with serve() as server, server.client() as client, client.stream("GET", "/live") as answer:
        seen_frames = frames(answer)  # held on to: an iterator that is let go closes the stream
        next(seen_frames)
        # The search for other Pythons may still be on its way.
        until(lambda: looks["bench"] > 20, "some looks")
        before, seen = server.app_state.streams.rendered, looks["bench"]
        until(lambda: looks["bench"] > seen + 20, "more looks")
        assert server.app_state.streams.rendered == before


def test_a_running_list_renders_no_other_panel_and_nothing_twice(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_factorials(tmp_path)
    with serve() as server, server.client() as client:
        run_id = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
        with client.stream("GET", "/live") as answer:
            seen = frames(answer)
            next(seen)
            panels = Counter[str]()
            part = fragments.part

            def counting(templates: Environment, template: str, macro: str, context: Mapping[str, Any]) -> Any:
                panels[context["panel"].name if "panel" in context else macro] += 1
                return part(templates, template, macro, context)

            monkeypatch.setattr(fragments, "part", counting)
            counts = server.app_state.streams
            rendered, changed = counts.rendered, counts.changed
            assert len(list(itertools.islice(seen, 10))) == 10
            assert panels.keys() <= {"shared-list", "recent", "header"}
            assert panels["shared-list"] >= 10
            assert counts.rendered - rendered <= (counts.changed - changed) + 1
        client.post(f"/api/runs/{run_id}/stop")
        ended(client, run_id)


def test_the_counts_of_the_streams_are_metrics(client: httpx.Client) -> None:
    with client.stream("GET", "/live") as answer:
        next(frames(answer))
    text = client.get("/metrics").text
    for name in ("frames", "fragments_rendered", "fragments_changed"):
        assert f"poolscope_{name}_total " in text


@pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))
def test_a_run_that_failed_before_anything_was_measured_promises_nothing_more(experiment: Experiment) -> None:
    run = Run("xx-0001", experiment, experiment.params())
    run.status = Status.FAILED
    state = AppState(Scheduler(Journal(Path("unused.sqlite"))), Identification())
    shown = asyncio.run(fragments.render(state, [fragments.run_section(state, run)]))
    assert not re.search(r"\bComes (with|last)|Being tried|It runs", "".join(shown.values()))
