"""The pages of a sharing run: every tool that was asked for has its bar, its row and its article."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.sharing.catalog import ALL, CATALOG, SEPARATOR
from poolscope.experiments.sharing.payloads import ToolOutcome
from poolscope.experiments.sharing.state import fold, initial
from poolscope.protocol.records import Actor, Record, Result, Sample, Span
from poolscope.runs.run import Run, Status
from poolscope.web import timeline
from poolscope.web.views import VIEWS

from tests.web.conftest import ended, running, start
from tests.web.markup import Markup

TOOLS = ["none", "lock", "queue", "semaphore", "pipe", "interpreters"]


def test_a_run_of_several_tools_is_shown_on_its_page_and_on_the_bench(
    client: httpx.Client, browser: httpx.Client
) -> None:
    asked: dict[str, Any] = {"tools": ", ".join(TOOLS), "operations": 500, "workers": 2, "repeats": 2}
    run = ended(client, start(client, "sharing", **asked)["id"])
    assert run["status"] == "finished", run["error"]
    assert run["params"]["tools"] == TOOLS

    page = browser.get(f"/runs/{run['id']}").text
    for tool in TOOLS:
        assert f'id="run-tool-{tool}"' in page
    assert re.search(r'data-state="failed">lost \d+%', page)
    assert page.count('data-state="done">right') >= 4
    assert "items in the queue" in page
    assert "permits in use" in page
    assert page.count("with guard:") == 2  # the race and its cure
    assert "What is timed is the plain <code>+= 1</code>" in page
    assert "<code>with</code>" in page  # of the explanation's `with`

    scheduler = browser.get("/").text
    panel = scheduler[scheduler.index('id="sharing-live"') :]
    assert panel.count("<rect width=") == 4  # of those that were right; the race's rate is that of something else
    assert "queue.Queue" in panel
    assert panel.count('name="tools" value="') == 16  # a button for each tool, also for those not in this run, and all
    assert 'value="none,lock,rlock,queue,semaphore,pipe,interpreters"' in panel  # by which RLock comes beside them

    chart = client.get(f"/runs/{run['id']}/chart.json").json()
    assert len(chart["reps"]) >= 10
    assert client.get("/charts/sharing-rate.vl.json").status_code == 200


def test_what_ran_comes_first_and_what_lost_updates_is_run_again_beside_its_cure() -> None:
    about = EXPERIMENTS["sharing"]
    run = Run("sh-0001", about, parse(about.params, {"tools": "value-unguarded"}), status=Status.FINISHED)
    lost = ToolOutcome(4, 1, correct=False, lost=3)
    state = fold(initial(run.params), Result(1, lost, "value-unguarded"))
    view = VIEWS["sharing"].view(run, state)
    rows = [(str(row.cells[0].text), row.cells[-1].button) for row in view.on_bench.rows]
    others = [tool.short for tool in CATALOG if tool.name != "value-unguarded"]
    assert [name for name, _ in rows] == ["Value, no lock", "compare all", *others]
    buttons = {name: (button.word, button.value) for name, button in rows}
    assert buttons["Value, no lock"] == ("Run with Value", "value,value-unguarded")
    assert buttons["Lock"] == ("Add", "lock,value-unguarded")
    run.status = Status.RUNNING
    live = VIEWS["sharing"].view(run, state).on_bench.rows
    assert [(row.cells[0].text, row.cells[-1].button) for row in live] == [(name, None) for name, _ in rows]


def test_before_any_run_a_panel_has_the_rows_and_the_head_that_a_run_will_have() -> None:
    about, view = EXPERIMENTS["sharing"], VIEWS["sharing"]
    live = Run("sh-0001", about, parse(about.params, {"tools": "lock"}), status=Status.RUNNING)
    run: Any = view.view(live, initial(live.params)).on_bench
    idle: Any = view.idle_table()
    assert (idle.style, idle.columns[1].scale, len(idle.rows)) == (run.style, run.columns[1].scale, len(run.rows))
    assert [column.title for column in idle.columns] == [column.title for column in run.columns]
    assert [row.cells[-1].button.value for row in idle.rows] == [ALL, *(tool.name for tool in CATALOG)]


def test_a_round_draws_no_picture_again_and_a_tool_moves_no_other_article(monkeypatch: pytest.MonkeyPatch) -> None:
    about, view = EXPERIMENTS["sharing"], VIEWS["sharing"]
    run = Run("sh-0001", about, parse(about.params, {"tools": "lock,queue"}), status=Status.RUNNING)
    drawn, picture = [], timeline.picture

    def counted(*lanes: Any, **how: Any) -> timeline.Picture:
        drawn.append(lanes)
        return picture(*lanes, **how)

    monkeypatch.setattr(timeline, "picture", counted)
    worker = f"lock{SEPARATOR}thread 1"
    told: list[Record] = [Actor(1, worker, "started"), Span(worker, "running", 1, 2), shown("lock")]
    state, articles = initial(run.params), []
    records = [*told, shown("queue"), Sample(9, "round", "lock", 1, 0.1)]
    for record in records:
        state = fold(state, record)
        articles.append(view.view(run, state).articles)
    assert [each["lock"].story is not None for each in articles] == [False, False, True, True, True]
    assert len(drawn) == 1
    assert articles[2]["lock"] == articles[3]["lock"] == articles[4]["lock"]
    assert [part.name for part in view.parts if part.item and part.item(view.view(run, state)).story] == [
        "tool-lock",
        "tool-queue",
    ]


def shown(tool: str) -> Result:
    return Result(3, ToolOutcome(4, 4, correct=True, operations=4), tool)


def test_only_where_one_repetition_is_all_there_is_that_is_said() -> None:
    about = EXPERIMENTS["sharing"]
    run = Run("sh-0001", about, parse(about.params, {"tools": "lock", "repeats": 2}), status=Status.QUEUED)
    assert not VIEWS["sharing"].view(run).one_sample


def test_a_form_with_a_bad_tool_comes_back_with_what_is_allowed(browser: httpx.Client) -> None:
    answer = browser.post("/runs", data={"experiment": "sharing", "tools": "lock, mutex"})
    assert answer.status_code == 422
    assert "“tools” must be" in answer.text
    ticked = [box.get("value") for box in Markup(answer.text).all("input", name="tools") if "checked" in box]
    assert ticked == ["lock", "mutex"]


def test_a_tool_that_fails_says_so_in_its_row_and_the_others_go_on(client: httpx.Client, browser: httpx.Client) -> None:
    asked: dict[str, Any] = {"tools": "pipe, lock", "operations": 20_000, "workers": 2, "repeats": 1}
    run_id = running(client, start(client, "sharing", **asked)["id"])["id"]
    with client.stream("GET", f"/api/runs/{run_id}/records") as records:
        next(
            line for line in records.iter_lines() if '"demonstration"' in line
        )  # its workers are at work for a while now
    assert client.post(f"/api/runs/{run_id}/faults", json={"worker": 1}).status_code == 202
    run = ended(client, run_id)
    assert run["status"] == "finished", run["error"]
    assert [failed["tool"] for failed in run["state"]["failed"]] == ["pipe"]

    page = browser.get(f"/runs/{run_id}").text
    assert re.search(r"Failed: Worker 1 of [12] \(process \d+\) was killed on request", page)
    assert 'data-state="failed">failed' in page
    assert 'data-state="done">right' in page
