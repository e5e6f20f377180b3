"""The failures on the bench and on their own page, with real runs: rows to run alone, stories, what is left."""

from __future__ import annotations

import re
from html import unescape

import pytest
from poolscope.experiments.failures.catalogue import SCENARIOS
from poolscope.experiments.failures.params import FailuresParams
from poolscope.experiments.failures.payloads import (
    CaseBegan,
    CaseEnding,
    CaseExited,
    CaseLeftovers,
    CaseMoment,
    CaseOutcome,
    FaultMade,
    TasksKept,
    TasksLost,
)
from poolscope.experiments.failures.state import fold, initial
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import Actor, Result, Span
from poolscope.runs.run import Run, Status
from poolscope.text import numbers
from poolscope.web.app_state import environment
from poolscope.web.fragments import part
from poolscope.web.views import VIEWS
from poolscope.web.views.failures import scenario_facts

from tests.openings import opening
from tests.web.conftest import BY_BROWSER, Serve, ended, start


def test_the_bench_offers_every_scenario_and_one_button_runs_one(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        scheduler = client.get("/").text
        buttons = scheduler.count('<button class="outline" name="scenarios" value="')
        assert buttons == 19 + 5  # a button a row, and those that the page begins with
        assert scheduler.count('<input type="checkbox" name="scenarios" value="') == 19
        answer = client.post("/runs", data={"experiment": "failures", "scenarios": "thread-uncaught", "limit": "0.1"})
        assert answer.status_code == 303
        run = ended(client, answer.headers["location"].rsplit("/", 1)[1])
        assert run["params"]["scenarios"] == ["thread-uncaught"]
        page = client.get(answer.headers["location"]).text
        assert "<h1>Exception in a thread, not caught</h1>" in page
        assert "threading.excepthook gets ValueError" in page
        assert "ValueError: Cannot process 0" in page
        assert "def thread_uncaught():" in page
        assert "on stderr; it went unreported." in page
        assert 'id="run-deadlock"></div>' in page  # not chosen, so nothing of it is shown
        scheduler = client.get("/").text
        assert "Nothing surfaced in the main thread" in scheduler
        rows = re.findall(
            r'<th scope="row"[^>]*>(?:<a [^>]*>)?([^<]+)', scheduler[scheduler.index('id="failures-live"') :]
        )
        ran = SCENARIOS["thread-uncaught"].title
        others = [each.title for each in SCENARIOS.values() if each.title != ran]
        assert [unescape(row) for row in rows[:20]] == [ran, "all 18 of them", *others]
        assert 'value="all" aria-label="Run all: all scenarios"' in scheduler


def test_a_case_is_counted_when_it_is_over_as_in_the_progress_of_the_run() -> None:
    state = initial(FailuresParams(scenarios=["worker-killed"]))
    state = fold(state, Result(1, CaseBegan("worker-killed", "SIGKILL / Pool"), "worker-killed: SIGKILL / Pool"))
    assert (state.done, scenario_facts(state, "worker-killed", 1, True).counted) == (0, "0 of 6 cases")
    state = fold(state, Result(2, CaseExited(0, "", False, 1.0), "worker-killed: SIGKILL / Pool"))
    assert (state.done, scenario_facts(state, "worker-killed", 2, True).counted) == (1, "1 of 6 cases")


def test_while_cases_are_to_come_a_scenario_runs_and_only_those_that_are_over_are_told() -> None:
    state = initial(FailuresParams(scenarios=["pool-methods"]))
    for number, case in enumerate(SCENARIOS["pool-methods"].cases):
        key = f"pool-methods: {case}"
        state = fold(state, Result(number, CaseBegan("pool-methods", case), key))
        facts = scenario_facts(state, "pool-methods", number, True)
        assert (facts.outcome, facts.mark, facts.endings) == ("running", "running", "raised" if number else "")
        state = fold(state, Result(number, CaseOutcome(CaseEnding.RAISED, "So it was."), key))
        state = fold(state, Result(number, CaseExited(0, "", False, 1.0), key))
    facts = scenario_facts(state, "pool-methods", 9, True)
    assert (facts.outcome, facts.mark, facts.endings) == ("raised", "done", "raised")


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ("side-by-side", ["long task 3 s", "limit 0.5 s, longer where workers start"]),
        ("time-limit", ["long task 1 s", "limit 0.5 s"]),
        ("deadlock", ["limit 0.5 s"]),
        ("thread-uncaught", []),
        ("all", ["long task 1 s and 3 s", "limit 0.5 s, longer where workers start"]),
    ],
)
def test_a_run_names_the_seconds_that_its_scenarios_use(scenario: str, says: list[str]) -> None:
    facts = VIEWS["failures"].facts(FailuresParams(scenarios=[scenario]))
    assert [fact.replace("\N{NO-BREAK SPACE}", " ") for fact in facts] == says


def test_the_story_tells_the_fault_from_which_the_time_to_notice_counts_and_once() -> None:
    ms = 1_000_000
    begun = fold(initial(FailuresParams(scenarios=["by-hand"])), opening("failures"))
    begun = fold(begun, Result(ms, CaseBegan("by-hand", ""), "by-hand"))
    begun = fold(begun, Result(3 * ms, FaultMade("worker 2")))
    for stamp, story in ((3, ["0.002 s"]), (4, ["0.002 s", "0.003 s"])):
        state = fold(begun, Result(stamp * ms, CaseMoment("worker 2 is killed", "killed", "worker 2")))
        (case,) = scenario_facts(state, "by-hand", 5 * ms, True).cases
        assert [moment.at for moment in case.moments] == story
        assert numbers.duration(ms / 1e9) in case.origin


def test_a_story_keeps_its_place_as_it_begins_and_as_the_exception_surfaces() -> None:
    asked = FailuresParams(scenarios=["by-hand"])
    run = Run("fl-0001", EXPERIMENTS["failures"], asked, status=Status.RUNNING)
    state = fold(fold(initial(asked), opening("failures")), Result(1, CaseBegan("by-hand", ""), "by-hand"))
    state = fold(fold(state, Actor(2, "worker 1", "started", "process")), Span("worker 1", "running", 2))
    view = VIEWS["failures"].view(run, state)
    item = view.scenarios["by-hand"]
    assert item.first is not None
    assert item.first.picture is not None
    assert not item.first.moments
    story = part(environment(), "experiments/failures.html", "story", {"view": view, "item": item, "run": run})
    assert item.first.origin in story  # with the lanes, whose times are the same, and not as a line above them later
    assert "<span>Not known yet.</span>" in story


def test_nothing_is_said_of_tasks_that_are_still_under_way() -> None:
    asked = FailuresParams(scenarios=["by-hand"])
    run = Run("fl-0001", EXPERIMENTS["failures"], asked, status=Status.RUNNING)
    state = fold(initial(asked), Result(1, CaseBegan("by-hand", ""), "by-hand"))
    state = fold(state, Result(2, TasksKept(("task 1 = 1",))))
    view = VIEWS["failures"].view(run, state)
    (case,) = view.scenarios["by-hand"].cases
    assert (case.kept, case.share, case.settled) == (("task 1 = 1",), "", False)
    assert (case.unknown, case.silence) == ("not known yet", "Not known yet.")
    assert {row.cells[1:] for row in view.left.rows} == {("", "not known yet")}
    state = fold(state, Result(3, TasksLost(())))
    state = fold(state, Result(4, CaseLeftovers()))
    view = VIEWS["failures"].view(run, state)
    (case,) = view.scenarios["by-hand"].cases
    assert (case.share, case.settled, case.silence) == ("1 of 1", True, "No exception.")
    assert {row.cells[1] for row in view.left.rows} == {"0"}


def test_a_deadlock_is_drawn_and_what_is_left_is_counted(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        run = start(client, "failures", scenarios="deadlock", limit=0.2, task=0.4)
        ended(client, run["id"])
        page = client.get(f"/runs/{run['id']}").text
        assert "Wait-for graph, a cycle: thread 1 → thread 2 → thread 1" in page
        assert "Stack of process 2" in page
        assert 'data-state="failed">Surfaced' in page  # no check mark at what surfaced nowhere
        left = page[page.index('id="run-sentinel"') :]
        assert re.findall(r'<td class="n">(\d+)</td>', left) == ["0"] * 6
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
