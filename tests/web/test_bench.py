"""The first screen: three ways in, what runs and what came last, and every panel folded by its question."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from poolscope.errors import RunElsewhere
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.measure_command import program
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs import store
from poolscope.runs.journal import Journal
from poolscope.runs.process_tree import identity
from poolscope.runs.run import Run, Status
from poolscope.web.app_state import Neighbours
from poolscope.web.bench import BREAKING, MEASURE, TOGETHER
from poolscope.web.context import FindingFacts, RunFacts, run_facts, takes
from poolscope.web.fragments import panel_sections
from poolscope.web.run_lists import MEASURING, UNDISTURBED, now
from poolscope.web.views import VIEWS

from tests.web.conftest import BRIEF, BY_BROWSER, Serve, ended, events, running, serving, start, told
from tests.web.markup import Markup

AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder: Path = tmp_path_factory.mktemp("data")
    with serving(folder) as server, server.client(**BY_BROWSER) as browser:
        yield browser


def folds(markup: Markup) -> dict[str, bool]:
    """Which questions there are, and whether they are open."""
    return {str(each["id"]): "open" in each for each in markup.all("details") if each.get("class") == "fold"}


def test_every_panel_stands_under_a_question_and_nothing_is_open_at_first(browser: httpx.Client) -> None:
    markup = Markup(browser.get("/").text)
    assert markup.mistakes == []
    assert not any(folds(markup).values())
    assert {str(each.get("id")) for each in markup.all("article")} >= {*EXPERIMENTS}


def test_what_is_measured_is_chosen_in_one_form_whose_details_fold_out(browser: httpx.Client) -> None:
    text = browser.get("/").text
    markup = Markup(text)
    asking = {name: form for name, form in markup.forms.items() if form.values.get("experiment") == MEASURE}
    assert list(asking) == ["which-pool-form"]
    assert asking["which-pool-form"].names == {"experiment", *EXPERIMENTS[MEASURE].params.model_fields} - {"executor"}
    assert text.index('id="which-pool-form"') < text.index('id="now"') < text.index('id="which-pool"')
    assert "open" not in markup.one("details", id="which-pool-further")


def test_a_live_run_shows_in_its_form_all_that_it_measures_and_can_be_stopped_in_its_panel_too(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        before = Markup(client.get("/").text)
        path = client.post("/runs", data={"experiment": MEASURE, "kinds": "thread", "sizes": "3"}).headers["location"]
        text = client.get("/").text
        client.post(f"{path}/stop")
    live = text.split('id="which-pool-locked"')[1].split("</form>")[0]
    assert 'id="which-pool-further" open' in live
    assert 'name="sizes" value="3"' in live
    forms = Markup(text).forms
    assert "which-pool-stop-here" not in before.forms
    assert forms["which-pool-stop-here"].action == forms["which-pool-stop"].action == ("post", f"{path}/stop")


def test_a_run_that_was_stopped_before_it_had_a_result_says_so_and_shows_no_empty_rows() -> None:
    about = EXPERIMENTS["pool-sizes"]
    run = Run("ps-0001", about, about.params(), status=Status.STOPPED)
    run.started = run.ended = AT
    facts = run_facts(run)
    assert facts.unanswered
    assert (facts.live, facts.error) == (False, "")
    assert VIEWS["pool-sizes"].view(run).on_bench.rows == ()
    run.status = Status.RUNNING
    assert run_facts(run).unanswered == ""
    assert VIEWS["pool-sizes"].view(run).on_bench.rows


@pytest.mark.parametrize(("experiment", "says"), [("which-pool", UNDISTURBED), ("pool-sizes", MEASURING)])
def test_who_starts_a_run_beside_a_measurement_is_told_what_becomes_of_it(experiment: str, says: str) -> None:
    run = Run("xx-0001", EXPERIMENTS[experiment], EXPERIMENTS[experiment].params(), status=Status.QUEUED)
    app_state: Any = SimpleNamespace(
        scheduler=SimpleNamespace(experiments=EXPERIMENTS),
        store=SimpleNamespace(in_memory=lambda: [run], elsewhere=[]),
        facts=SimpleNamespace(logical_cpus=2),
    )
    assert (now(app_state, "", None).neighbours, now(app_state, "", None).busy) == ("", False)
    run.status = Status.RUNNING
    assert (now(app_state, "", None).neighbours, now(app_state, "", None).busy) == (says, True)
    assert now(app_state, "another visitor", None).neighbours == MEASURING  # for which nothing of his waits


def test_what_would_disturb_a_measurement_waits_for_it_unless_it_is_told_to_start(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        asked_for = {"workload": "sleep", "kinds": ["thread"], "sizes": [1], "repeats": 50}
        measured = running(client, start(client, "which-pool", **asked_for)["id"])["id"]
        asked = client.post("/runs", data={"experiment": "shared-list", "seconds": "0.2"})
        held = asked.headers["location"].removeprefix("/runs/")
        assert told(client, held)["queue"]["behind"] == [measured]
        for path in (f"/runs/{held}", "/"):
            shown = Markup(client.get(path).text)
            assert f"It would disturb what {measured} measures, and starts after that, likely about" in shown.text
            assert f"/runs/{held}/now" in shown.forms_by_action
        assert client.post(f"/runs/{held}/now").headers["location"] == f"/runs/{held}"
        assert ended(client, held)["status"] == "finished"
        assert told(client, measured)["conditions"]["shared_with"] == [held]
        notice = f"Shared list ({held}) ran beside this measurement and may have disturbed it."
        assert notice in Markup(client.get(f"/runs/{measured}").text).text
        client.post(f"/runs/{measured}/stop")


def test_three_experiments_start_by_one_button_and_their_question_is_open_then(browser: httpx.Client) -> None:
    answer = browser.post("/runs/together", data={"experiment": list(TOGETHER)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/#shared-list")
    ids = [run["id"] for run in browser.get("/api/runs").json()]
    assert len(ids) == len(TOGETHER)
    markup = Markup(browser.get("/").text)
    opened = [anchor for anchor, is_open in folds(markup).items() if is_open]
    assert opened == ["about-shared-list-pool-sizes-factorials"]
    for run_id in ids:
        assert f"/runs/{run_id}" in browser.get("/").text
        browser.post(f"/runs/{run_id}/stop")
        ended(browser, run_id)
    # One that came to an end; those that were stopped may not have begun.
    finished = ended(browser, start(browser, "shared-list", **BRIEF)["id"])["id"]
    last = re.search("Last result</dt><dd>(.*?)</dd>", browser.get("/").text, re.DOTALL)
    assert last is not None
    assert finished in last[1]
    assert last[1].index("<b>") < last[1].index("data-state")  # a check mark before a finding would seem to judge it


def test_a_run_of_another_process_is_the_last_result_and_in_its_panel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "OTHERS_S", 0.0)

    async def beside(work: Callable[[Journal], Awaitable[Any]]) -> None:
        journal = Journal(tmp_path / "poolscope.sqlite")
        await journal.open()
        await work(journal)
        await journal.close()

    # It has begun before the server, which must not take it for one that stays as it is then.
    owner = {"server": identity(os.getpid())}
    asyncio.run(beside(lambda journal: journal.create("fa", "factorials", {"first": 1, "last": 3}, AT, owner)))
    over: dict[str, Any] = {"status": "failed", "started": AT, "ended": AT, "error": "No such function."}

    with serving(tmp_path) as server, server.client(**BY_BROWSER) as client, server.client() as viewer:
        assert "<dd>none yet</dd>" in client.get("/").text
        with viewer.stream("GET", "/live") as stream:
            shown = itertools.takewhile(lambda event: event.event != "beat", events(stream))
            next(shown)
            asyncio.run(beside(lambda journal: journal.save("fa-0001", **over)))
            server.app_state.scheduler.activity.notify()  # a quiet page looks by itself, after some seconds
            assert any('factorials-head"' in frame.data and "fa-0001: failed" in frame.data for frame in shown)
        text = client.get("/").text
        assert "<b>No such function.</b>" in text.split("Last result")[1].split("</dl>")[0]
        assert 'factorials-title"><a href="/runs/fa-0001">' in text


def test_what_another_process_runs_is_shown_and_can_not_be_stopped_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "OTHERS_S", 0.0)

    async def begin() -> None:
        journal = Journal(tmp_path / "poolscope.sqlite")
        await journal.open()
        owner = {"server": identity(os.getppid())}
        run_id = await journal.create("wp", "which-pool", {"workload": "square"}, AT, owner)
        assert run_id is not None
        await journal.save(run_id, status="running", started=AT)
        await journal.close()

    with serving(tmp_path) as server, server.client(**BY_BROWSER) as client, server.client() as viewer:
        assert "<dd>nothing" in client.get("/").text
        with viewer.stream("GET", "/live") as stream:
            shown = itertools.takewhile(lambda event: event.event != "beat", events(stream))
            next(shown)
            asyncio.run(begin())
            server.app_state.scheduler.activity.notify()  # a quiet page looks by itself, after some seconds
            assert any("running in another process" in frame.data for frame in shown)
        bench = Markup(client.get("/").text)
        assert "/runs/wp-0001" in [each["href"] for each in bench.all("a")]
        assert MEASURING in bench.text
        page = Markup(client.get("/runs/wp-0001").text)
        assert "This run belongs to another process" in page.text
        assert "/runs/wp-0001/stop" not in page.forms_by_action
        assert "/runs/wp-0001/stop" not in Markup(client.get("/runs").text).forms_by_action
        for method, path, body in (
            ("POST", "/stop", None),
            ("POST", "/faults", {"worker": 1}),
            ("PATCH", "/controls", {"paused": True}),
            ("DELETE", "", None),
        ):
            refused = client.request(method, f"/api/runs/wp-0001{path}", json=body)
            assert (refused.status_code, refused.json()["title"]) == (409, RunElsewhere.title), path
        assert client.post("/runs/wp-0001/stop").status_code == 409
        assert told(client, "wp-0001")["status"] == "running"


def test_a_function_that_is_offered_stands_first_among_the_work_of_the_first_card(serve: Serve) -> None:
    with serve(workloads="mine:parse@files") as server, server.client(**BY_BROWSER) as client:
        page = client.get("/").text
    way = page.split('id="which-pool-form"')[1].split("</select>")[0]
    panel = page.split('id="which-pool-live"')[1].split("</section>")[0]
    first = re.search('<option value="([^"]+)" selected>([^<]+)', way)
    assert first is not None
    assert first.groups() == ("mine:parse@files", "mine:parse")
    assert way.index("<option") == first.start()
    assert 'name="workload" value="mine:parse@files" aria-label="Run: mine:parse"' in panel  # and in its panel's list


def test_a_panel_offers_no_button_for_a_function_that_the_server_can_t_run(serve: Serve, tmp_path: Path) -> None:
    about = EXPERIMENTS["which-pool"]
    run = Run("wp-0001", about, parse(about.params, {"workload": "gone:f@items"}), status=Status.FINISHED)
    with serve() as server:
        moving, _ = panel_sections(server.app_state, about, run)

        async def of_panel() -> RunFacts:
            facts: RunFacts = (await moving.context())["run"]()
            return facts

        facts = asyncio.run(of_panel())
        # By the path of the program that serves, and with the folder in which this server finds the run.
        assert facts.command == f"{program()} measure gone:f --items gone:items --data {tmp_path}"
        remedy = FindingFacts(0, "check", "Sentence.", "Repeat 9×", "about 9 s", facts.command)
        macros: Any = server.app_state.templates.globals["ui"]
        shown = macros.again("/runs/wp-0001", remedy)
        timed = macros.again("/runs/wp-0001", replace(remedy, change="Measure for 8 s", takes=""))
    assert "Repeat 9×, which takes about 9 s, by this command:" in shown
    assert "Measure for 8 s by this command:" in timed
    assert "<span>--items</span> <span>gone:items</span>" in shown  # a line ends between words alone
    assert "<form" not in shown  # only what copies the command


def test_an_experiment_that_is_not_there_starts_nothing(browser: httpx.Client) -> None:
    before = len(browser.get("/api/runs").json())
    assert browser.post("/runs/together", data={"experiment": ["no such one"]}).status_code == 404
    assert len(browser.get("/api/runs").json()) == before


@pytest.mark.parametrize(("experiment", "parameter", "value", "_"), BREAKING)
def test_what_breaks_by_a_click_can_be_asked_for(experiment: str, parameter: str, value: str, _: str) -> None:
    assert takes(EXPERIMENTS[experiment], {parameter: value})  # '' for what can't be run


def test_what_other_programs_use_is_not_told_of_a_moment() -> None:
    assert Neighbours().cpus(changes=0) is None


def test_what_a_run_of_ours_used_is_not_taken_for_that_of_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where nobody has looked while it was live."""
    at, busy_s = 0.0, 10.0
    monkeypatch.setattr("poolscope.web.app_state.time", SimpleNamespace(monotonic=lambda: at))
    monkeypatch.setattr("poolscope.web.app_state.host_busy_s", lambda: busy_s)
    neighbours = Neighbours()
    at, busy_s = 4.0, 11.0
    assert neighbours.cpus(changes=0) == 0.25
    at, busy_s = 14.0, 31.0  # a run began and ended meanwhile, and had two CPUs
    assert neighbours.cpus(changes=2) is None
    at, busy_s = 24.0, 36.0
    assert neighbours.cpus(changes=2) == 0.5
