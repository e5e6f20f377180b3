"""Every page answers, is well-formed, needs no script and nothing from elsewhere, and holds what its stream sends."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.shared_list.payloads import ListCounts
from poolscope.protocol.records import End, Result
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.web.app_state import environment
from poolscope.web.context import run_facts
from poolscope.web.fragments import part
from poolscope.web.requests import POLICY
from poolscope.web.run_lists import PreviousRun
from poolscope.web.table import Cell, Column, table
from poolscope.web.views import VIEWS

from tests.kept_runs import kept
from tests.openings import opening
from tests.web.conftest import (
    BY_BROWSER,
    BY_HTMX,
    ENDLESS,
    SHORT,
    Serve,
    Serving,
    ended,
    fragments,
    frames,
    running,
    serving,
    start,
    told,
)
from tests.web.markup import Markup, plain

S = 1_000_000_000
BOXES = {
    "shared-list": "run-threads",
    "factorials": "run-results",
    "pool-sizes": "run-repetitions",
    "sharing": "run-compared",
    "failures": "run-matrix",
    "which-pool": "run-kinds",
}


def page(browser: httpx.Client, path: str, status: int = 200) -> Markup:
    """A page, which must be well-formed and allow nothing from elsewhere."""
    answer = browser.get(path)
    assert answer.status_code == status, answer.text
    return checked(answer)


def checked(answer: httpx.Response) -> Markup:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.text.startswith("<!doctype html>")
    markup = Markup(answer.text)
    assert markup.mistakes == []
    return markup


def marked_as_failed(browser: httpx.Client, run_id: str) -> int:
    """How many findings of a run have the mark of a failure."""
    return browser.get(f"/runs/{run_id}").text.split('id="run-findings"')[1].count('data-state="failed"')


@pytest.fixture
def htmx(server: Serving) -> Iterator[httpx.Client]:
    with server.client(**BY_HTMX) as client:
        yield client


# Every page


@pytest.mark.parametrize("path", ["/", "/runs", "/runs?experiment=factorials&status=finished", "/api"])
def test_every_page_is_well_formed_and_needs_nothing_from_elsewhere(
    browser: httpx.Client, finished: dict[str, Any], path: str
) -> None:
    markup = page(browser, path)
    assert markup.title.endswith(" - Poolscope")
    assert len(markup.all("h1")) == 1
    assert len(markup.all("main")) == 1


@pytest.mark.parametrize("experiment", SHORT)
def test_the_page_of_a_finished_run(browser: httpx.Client, finished: dict[str, Any], experiment: str) -> None:
    run = finished[experiment]
    markup = page(browser, f"/runs/{run['id']}")
    assert run["id"] in markup.title
    assert BOXES[experiment] in markup.ids
    assert run["verdict"].split(" ")[0] in markup.text
    assert "hx-sse:connect" not in str(markup.all("div")), "what is over needs no stream"
    links = {link.get("href") for link in markup.all("a")}
    assert {f"/api/runs/{run['id']}{what}" for what in ("", "/csv", "/trace", "/script")} <= links


def test_every_link_of_a_page_leads_somewhere(browser: httpx.Client, finished: dict[str, Any]) -> None:
    seen: set[str] = set()
    for path in ("/", "/runs", *(f"/runs/{run['id']}" for run in finished.values())):
        markup = page(browser, path)
        for tag, name in (
            ("a", "href"),
            ("link", "href"),
            ("script", "src"),
            ("vl-chart", "src"),
            ("vl-chart", "spec"),
        ):
            seen |= {str(found.get(name)) for found in markup.all(tag)}
    for address in sorted(each for each in seen if not each.startswith(("#", "data:"))):
        assert browser.get(address).status_code == 200, address


def test_pages_of_live_waiting_refused_and_stopped_runs(browser: httpx.Client, endless: dict[str, Any]) -> None:
    first = start(browser, "pool-sizes", sizes=[1], repeats=100, workload="square-sleep", work_ms=200)
    second = start(browser, "pool-sizes", sizes=[64], repeats=1)
    try:
        for path in ("/", "/runs", f"/runs/{endless['id']}", f"/runs/{first['id']}", f"/runs/{second['id']}"):
            page(browser, path)
        assert "1st in the queue" in page(browser, f"/runs/{second['id']}").text
        live = page(browser, f"/runs/{endless['id']}")
        assert live.one("div", id="stream")["hx-sse:connect"] == f"/live?run={endless['id']}"
        assert live.all("input") == page(browser, f"/runs/{endless['id']}?t=0.01").all("input") == [], "a replay"
        for path, stream_of in ((f"/runs/{endless['id']}", f"/live?run={endless['id']}"), ("/", "/live")):
            markup = page(browser, path)
            with browser.stream("GET", stream_of) as stream:
                coming = frames(stream)
                for frame in (next(coming), next(coming)):
                    sent = fragments(frame.data)
                    assert sent.keys() <= markup.ids, "a piece without a place"
                    assert all(Markup(fragment).roots == [target] for target, fragment in sent.items())
        # A page for every refusal.
        assert "There is no run" in page(browser, "/runs/sl-9999", 404).text
        assert "No page here" in page(browser, "/nonsense", 404).text
        page(browser, "/runs/sl-9999/at?t=1", 404)
        page(browser, f"/runs/{endless['id']}?t=soon", 422)
        checked(browser.post(f"/runs/{endless['id']}/delete"))
        checked(browser.post("/runs", data={"experiment": "<script>alert(1)</script>"}))
        assert told(browser, endless["id"])["status"] == "running"
        running(browser, first["id"])  # what is stopped before that is cancelled
    finally:
        for run in (second, first):
            browser.post(f"/runs/{run['id']}/stop")
        ended(browser, first["id"])
    assert "cancelled" in page(browser, f"/runs/{second['id']}").text
    assert "stopped by you" in page(browser, f"/runs/{first['id']}").text


def test_the_page_of_a_run_that_was_flat_out(browser: httpx.Client) -> None:
    asked = {"guard": "rlock", "delay_min": 0, "delay_max": 0, "seconds": 0.2}
    run = ended(browser, start(browser, "shared-list", **asked)["id"])
    assert run["status"] == "finished"
    page(browser, "/")
    page(browser, f"/runs/{run['id']}")


def test_what_lost_updates_offers_the_cure_and_the_tools_compared(browser: httpx.Client) -> None:
    crowd = {"producers": 8, "consumers": 8, "delay_min": 0, "delay_max": 0.002, "seconds": 0.3}
    run = ended(browser, start(browser, "shared-list", guard="none", **crowd)["id"])
    assert not run["state"]["consistent"]
    (remedy,) = [finding["remedy"] for finding in run["findings"] if finding["remedy"]]
    assert remedy == {**run["params"], "guard": "lock"}
    for path in ("/", f"/runs/{run['id']}"):
        text = page(browser, path).text
        assert "Run with guard lock" in text
        assert "Compare the tools" in text
    for words in run["state"]["lost"]["disagreements"]:
        assert plain(words).casefold() in text.casefold()  # it may begin a sentence
    assert marked_as_failed(browser, run["id"]) == 1
    answer = browser.post("/runs", data={"experiment": "sharing", "tools": "none,lock,condition,queue"})
    compared = answer.headers["location"].removeprefix("/runs/")
    browser.post(f"/runs/{compared}/stop")
    assert ended(browser, compared)["params"]["tools"] == ["none", "lock", "condition", "queue"]


def test_pages_of_failing_and_long_factorials_with_all_their_digits_and_their_deletion(
    browser: httpx.Client, htmx: httpx.Client, finished: dict[str, Any]
) -> None:
    failing = ended(browser, start(browser, "factorials", first=-10, last=-1)["id"])["id"]
    assert "Error: " in page(browser, f"/runs/{failing}").text
    run = ended(browser, start(browser, "factorials", first=1, last=400, workers=3)["id"])
    long = run["id"]
    assert "386 more" in page(browser, "/").text
    assert len(page(browser, f"/runs/{long}").all("tr")) == 401
    assert run["findings"]
    assert marked_as_failed(browser, long) == 0

    for n in (1, 25, 400):
        answer = browser.get(f"/runs/{long}/factorial/{n}.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.text == str(math.factorial(n))
    for wrong, status in (("0", 404), ("401", 404), ("x", 422), ("9" * 5000, 422)):
        assert browser.get(f"/runs/{long}/factorial/{wrong}.txt").status_code == status
    assert browser.get(f"/runs/{failing}/factorial/-1.txt").status_code == 404
    assert browser.get(f"/runs/{finished['shared-list']['id']}/factorial/1.txt").status_code == 404
    assert browser.get(f"/runs/{long}/log.txt").status_code == 404

    answer = browser.post(f"/runs/{failing}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs")
    answer = htmx.post(f"/runs/{long}/delete")
    assert (answer.status_code, answer.headers["hx-redirect"]) == (200, "/runs")
    page(browser, f"/runs/{failing}", 404)
    page(browser, f"/runs/{long}", 404)
    assert not {failing, long} & {run["id"] for run in browser.get("/api/runs").json()}
    page(browser, "/")


def test_the_facts_of_a_run_take_the_same_room_before_it_starts() -> None:
    about = EXPERIMENTS["pool-sizes"]
    run = Run("ps-0001", about, parse(about.params, {}), created="2026-11-30T08:15:00+00:00")
    queued = run_facts(run).facts
    run.status, run.started = Status.RUNNING, "2026-11-30T08:15:02+00:00"
    started = run_facts(run).facts
    assert queued[1:] == started[1:]
    assert queued[0].startswith("queued 2026-11-30 ")
    assert started[0].startswith("started 2026-11-30 ")


def test_a_word_in_the_place_of_a_number_is_no_text_that_the_number_goes_on_as() -> None:
    column = Column("n!", lambda cell: cell, align="n")
    shown: Any = environment().get_template("partials/_macros.html").module
    cells = [Cell("queued", state="queued", align="wrap"), Cell("6", small="1 digit"), "24"]
    rows = shown.table(table([column], cells))
    assert '<td class="wrap" data-state="queued"><span>queued</span></td>' in rows
    assert '<td class="n">6 <small>1 digit</small></td>' in rows
    assert '<td class="n">24</td>' in rows


def test_what_a_user_typed_can_not_become_markup(browser: httpx.Client) -> None:
    nasty = "\"'><script>alert(1)</script><blink onclick=x>"
    answer = browser.post("/runs", data={"experiment": "shared-list", "producers": nasty, nasty: "1"})
    assert answer.status_code == 422
    markup = checked(answer)
    assert markup.one("input", name="producers")["value"] == nasty
    assert markup.all("blink") == []  # which no page of ours has
    page(browser, f"/runs?experiment={nasty}&status={nasty}&before={nasty}")
    page(browser, "/runs/" + nasty.replace("/", "%2F").replace("<", "%3C"), 404)


# Page and stream


@pytest.mark.parametrize("experiment", SHORT)
def test_a_runs_page_holds_the_very_pieces_that_its_stream_sends(
    browser: httpx.Client, finished: dict[str, Any], experiment: str
) -> None:
    run_id = finished[experiment]["id"]
    with browser.stream("GET", f"/live?run={run_id}") as stream:
        sent = fragments(next(frames(stream)).data)
    compare(browser.get(f"/runs/{run_id}").text, sent)
    assert {"run-head", "run-more", "machine", BOXES[experiment]} <= sent.keys()


def test_the_bench_holds_the_very_pieces_that_its_stream_sends(browser: httpx.Client, finished: dict[str, Any]) -> None:
    with browser.stream("GET", "/live") as stream:
        sent = fragments(next(frames(stream)).data)
    compare(browser.get("/").text, sent)
    parts = ("head", "ask", "progress", "live")
    of_panels = {f"{name}-{part}" for name in EXPERIMENTS for part in parts} | {"which-pool-above"}
    assert sent.keys() == of_panels | {"now", "recent", "machine"}


def test_an_untouched_bench_says_what_will_be_seen_and_holds_the_pieces_too(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as browser:
        with browser.stream("GET", "/live") as stream:
            sent = fragments(next(frames(stream)).data)
        answer = browser.get("/")
        checked(answer)
        compare(answer.text, sent)
        assert "No run yet." in answer.text
        assert answer.text.count("not run yet") == len(EXPERIMENTS)
        page(browser, "/runs")


def compare(html: str, sent: dict[str, str]) -> None:
    """Every piece of a frame stands in the page as it is, and is the element that it replaces."""
    for target, fragment in sent.items():
        assert Markup(fragment).roots == [target]
        if target != "machine":  # the load changes meanwhile, of which the first line of what runs now speaks, too
            same = fragment.partition("</p>")[2] if target == "now" else fragment
            assert same in html, target
        assert html.count(f'id="{target}"') == 1


# Without JavaScript


def as_sent(value: Any) -> str | list[str]:
    """A parameter as a form sends it: names are ticked, numbers are typed."""
    if isinstance(value, list):
        return [*value] if all(isinstance(each, str) for each in value) else ", ".join(map(str, value))
    return str(value)


def test_a_form_asks_for_the_defaults_or_what_was_typed_and_leads_to_its_run(serve: Serve) -> None:
    # Behind a run that goes on all others wait, which takes no runner; that one starts is seen by every other test.
    with serve(live_limit=1, queued_of_visitor=20) as server, server.client(**BY_BROWSER) as browser:
        first = running(browser, start(browser, "shared-list", **ENDLESS)["id"])["id"]
        for experiment, wanted in SHORT.items():
            form = page(browser, f"/?defaults={experiment}").forms[f"{experiment}-form"]
            assert form.action == ("post", "/runs")
            assert form.values["experiment"] == experiment
            run_id = browser.post("/runs", data=form.values).headers["location"].removeprefix("/runs/")
            assert told(browser, run_id)["params"] == EXPERIMENTS[experiment].params().model_dump(mode="json")
            browser.post(f"/runs/{run_id}/stop")

            short = {name: as_sent(v) for name, v in wanted.items()}
            assert short.keys() <= form.names
            answer = browser.post("/runs", data={**form.values, **short})
            assert answer.status_code == 303
            run_id = answer.headers["location"].removeprefix("/runs/")
            assert told(browser, run_id)["params"].items() >= dict(wanted).items()
            page(browser, answer.headers["location"])
            browser.post(f"/runs/{run_id}/stop")
            assert ended(browser, run_id)["status"] == "stopped", experiment
        browser.post(f"/runs/{first}/stop")
        ended(browser, first)
        forms = page(browser, "/").forms  # which now hold what was asked for
        for experiment, wanted in SHORT.items():
            kept = forms[f"{experiment}-form"].values
            short = {name: as_sent(v) for name, v in wanted.items()}
            assert {name: kept[name] for name in short} == short, experiment


@pytest.fixture(scope="module")
def bench(browser: httpx.Client) -> Markup:
    """The bench while nothing is live."""
    return page(browser, "/")


@pytest.mark.parametrize(
    ("experiment", "typed", "wrong", "says"),
    [
        (
            "shared-list",
            {"producers": "17", "consumers": "two"},
            ["producers", "consumers"],
            "from 1 to 16; '17' is not",
        ),
        ("shared-list", {"delay_min": "2", "delay_max": "1"}, ["delay_min"], "2 s is more than 1 s"),
        ("shared-list", {"capacity": "-3", "seconds": "7"}, ["capacity"], "from 0 to 100 000; '-3' is not"),
        ("factorials", {"first": "9", "last": "3"}, ["last"], "“to” must not be less than “from”"),
        ("factorials", {"first": "0x10", "workers": "1e9"}, ["first", "workers"], "a whole number from -10 to 5 000"),
        ("pool-sizes", {"sizes": "4, 2, 4"}, ["sizes"], "4 stands there more than once"),
        ("pool-sizes", {"sizes": "many", "work_ms": "x"}, ["sizes", "work_ms"], "“pool sizes” must be whole numbers"),
        ("pool-sizes", {"chunksize": "3", "method": "apply_async"}, ["chunksize"], "must be 0 for apply_async"),
        ("sharing", {"operations": "1", "workers": "3"}, ["operations"], "“operations” must be a whole number from 10"),
        ("failures", {"limit": "-1", "task": "2"}, ["limit"], "“limit” must be a number from 0.05 to 5; '-1' is not"),
        ("which-pool", {"work_ms": "-3", "items": "7"}, ["work_ms"], "“time per item” must be a number from 0.01"),
        (
            "which-pool",
            {"workload": "large-arguments", "work_ms": "3"},
            ["work_ms"],
            "must stay empty for “Large arguments and results”, whose length can't be chosen; “Computing in Python, "
            "under the GIL”, primes, “Computing in C, which releases the GIL”, zlib, “Waiting”, http,",
        ),
        ("which-pool", {"sizes": "many", "repeats": "x"}, ["sizes", "repeats"], "“workers” must be whole numbers"),
    ],
)
def test_a_wrong_form_comes_back_as_it_was_typed_with_the_complaint_beside_the_field(
    browser: httpx.Client, bench: Markup, experiment: str, typed: dict[str, str], wrong: list[str], says: str
) -> None:
    before = browser.get("/api/runs?limit=1").json()
    form = bench.forms[f"{experiment}-form"]
    answer = browser.post("/runs", data={**form.values, **typed})
    assert answer.status_code == 422
    markup = checked(answer)
    back = markup.forms[f"{experiment}-form"]
    assert back.values == {**form.values, **typed}
    assert says in markup.text
    fields = [*markup.all("input"), *markup.all("select")]
    complained = {str(field["name"]): field for field in fields if field.get("aria-invalid") == "true"}
    assert list(complained) == wrong
    for name, field in complained.items():
        complaint = markup.one("em", id=str(field["aria-describedby"]))
        assert complaint["class"] == "complaint"
        assert f"{experiment}-{name}-wrong" == complaint["id"]
    assert browser.get("/api/runs?limit=1").json() == before


def test_a_complaint_about_no_field_stands_in_the_form(browser: httpx.Client) -> None:
    answer = browser.post("/runs", data={"experiment": "factorials", "more": "1"})
    assert answer.status_code == 422
    assert "more is not a parameter here" in checked(answer).text_of("p", role="alert")


def test_a_form_that_names_no_experiment_is_404(browser: httpx.Client) -> None:
    for sent in ({}, {"experiment": ""}, {"experiment": "nonsense", "producers": "1"}):
        answer = browser.post("/runs", data=sent)
        assert answer.status_code == 404
        assert "There is no experiment" in checked(answer).text


def test_a_live_run_is_controlled_paused_and_stopped_by_forms(browser: httpx.Client) -> None:
    busy = {"guard": "queue", "capacity": 1, "producers": 16}
    run_id = running(browser, start(browser, "shared-list", **ENDLESS, **busy)["id"])["id"]
    page(browser, f"/runs/{run_id}")
    forms = page(browser, "/").forms
    assert forms["shared-list-controls"].action == ("post", f"/runs/{run_id}/controls")
    assert forms["shared-list-controls"].values.keys() >= {"delay_min", "delay_max"}
    assert "shared-list-form" not in forms, "one run of an experiment at a time from its panel"
    for typed in ({"delay_min": "0.001", "delay_max": "0.002"}, {"paused": "true"}, {"paused": "false"}):
        answer = browser.post(f"/runs/{run_id}/controls", data=typed)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run_id}")
    answer = browser.post(f"/runs/{run_id}/controls", data={"delay_min": "9"})
    assert answer.status_code == 422
    back = checked(answer)
    assert back.forms["shared-list-controls"].values["delay_min"] == "9"
    assert back.text_of("em", id="shared-list-delay_min-wrong").startswith("“delay from” must not exceed “delay to”")

    assert forms["shared-list-stop"].action == ("post", f"/runs/{run_id}/stop")
    answer = browser.post(f"/runs/{run_id}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/runs/{run_id}")
    run = ended(browser, run_id)
    assert run["status"] == "stopped"
    assert run["state"]["controls"] == {"delay_min": 0.001, "delay_max": 0.002, "paused": False}
    answer = browser.post(f"/runs/{run_id}/controls", data={"paused": "true"})
    assert answer.status_code == 422
    checked(answer)


@pytest.mark.parametrize(("experiment", "block"), [("pool-sizes", "repetitions"), ("which-pool", "answer")])
def test_a_run_of_the_same_work_as_one_before_leads_to_it(experiment: str, block: str) -> None:
    about = EXPERIMENTS[experiment]
    run = Run("xx-0002", about, parse(about.params, {}), status=Status.FINISHED)
    earlier = PreviousRun("xx-0001", "/runs/xx-0001", "2026-01-01 00:00:00", "Stay with the plain loop.")
    context = {"view": VIEWS[experiment].view(run), "run": run_facts(run), "earlier": earlier}
    assert 'href="/runs/xx-0001"' in part(environment(), f"experiments/{about.slug}.html", block, context)


def test_run_again_takes_the_same_parameters_and_a_remedy_changes_them(serve: Serve) -> None:
    # Behind a run that goes on those that are asked for wait, which takes no runner.
    with serve(live_limit=1, queued_of_visitor=20) as server, server.client(**BY_BROWSER) as browser:
        # Alone with its counter no thread loses an update, which would have the mark.
        slow = {"producers": 1, "consumers": 1, "delay_min": 0.05, "delay_max": 0.1, "seconds": 0.2}
        alone = ended(browser, start(browser, "shared-list", **slow, guard="none")["id"])
        assert marked_as_failed(browser, alone["id"]) == 0
        (remedy,) = [finding["remedy"] for finding in alone["findings"] if finding["remedy"]]
        markup = page(browser, f"/runs/{alone['id']}")
        offered = [form for form in markup.all("form") if form.get("action") == f"/runs/{alone['id']}/again"]
        assert len(offered) == 3  # the remedy stands at its check, and where the loss is shown or could have been
        (number,) = {each["value"] for each in markup.all("input", type="hidden", name="remedy")}

        start(browser, "shared-list", **ENDLESS)
        nonsense = [{"remedy": text} for text in ("99", "\u00b2", "-1", "9" * 5000)]
        for sent in ({}, {"remedy": str(number)}, *nonsense):
            answer = browser.post(f"/runs/{alone['id']}/again", data=sent)
            assert answer.status_code == 303
            again = told(browser, answer.headers["location"].removeprefix("/runs/"))
            changes = remedy if sent == {"remedy": str(number)} else {}
            assert (again["status"], again["params"]) == ("queued", {**alone["params"], **changes})


# With htmx


def test_htmx_gets_the_pieces_of_the_panel_that_it_asked_from(htmx: httpx.Client) -> None:
    panel = {f"shared-list-{part}" for part in ("head", "ask", "progress", "live")}
    asked = {**ENDLESS, "guard": "condition", "consumers": 16}
    typed = {"experiment": "shared-list", **{name: str(value) for name, value in asked.items()}}
    assert set(fragments(htmx.post("/runs", data={**typed, "producers": "0"}).text)) == {"shared-list-ask"}
    answer = htmx.post("/runs", data=typed)
    assert answer.status_code == 200
    assert set(fragments(answer.text)) == panel
    run_id = str(htmx.get("/api/runs?limit=1").json()[0]["id"])
    running(htmx, run_id)
    wrong = htmx.post(f"/runs/{run_id}/controls", data={"delay_min": "0.3", "delay_max": "0.2"})
    assert wrong.status_code == 422
    ((target, html),) = fragments(wrong.text).items()
    assert target == "shared-list-ask"
    markup = Markup(html)
    assert markup.mistakes == []
    assert markup.one("input", name="delay_min")["value"] == "0.3"
    assert markup.one("input", name="delay_max")["value"] == "0.2"
    assert "0.3 s is more than 0.2 s" in markup.text
    assert set(fragments(htmx.post(f"/runs/{run_id}/controls", data={"paused": "true"}).text)) == panel
    own = {"HX-Current-URL": f"{htmx.base_url}/runs/{run_id}"}
    answer = htmx.post(f"/runs/{run_id}/stop", headers=own)
    assert {"run-head", "run-threads", "run-more"} <= fragments(answer.text).keys()
    ended(htmx, run_id)
    assert htmx.post(f"/runs/{run_id}/stop").status_code == 200
    for path in ("/", f"/runs/{run_id}"):
        checked(htmx.get(path, headers={**BY_BROWSER, "HX-Request": "false"}))


def test_a_refused_start_is_said_to_htmx_too(serve: Serve) -> None:
    with serve(starts_per_minute=1) as server, server.client(**BY_HTMX) as htmx:
        assert htmx.post("/runs", data={"experiment": "factorials"}).status_code == 200
        answer = htmx.post("/runs", data={"experiment": "factorials"})
        assert answer.status_code == 429
        assert "within a minute" in unescape(answer.text)


# Replay


def test_a_replay_shows_the_run_as_it_was(tmp_path: Path, serve: Serve) -> None:
    counted = [Result(n * S, ListCounts(added=n, length=n, really_added=n)) for n in (1, 2, 3)]
    asked = {"producers": 1, "consumers": 1}
    run_id = kept(tmp_path, "shared-list", asked, [opening("shared-list"), *counted, End(4 * S, "finished")])
    path = f"/runs/{run_id}"
    with serve() as server, server.client(**BY_BROWSER) as browser:
        whole = page(browser, path)
        scrub = whole.one("input", type="range")
        assert whole.forms_by_action[path].action == ("get", path)
        assert float(str(scrub["max"])) == pytest.approx(4, abs=0.1)
        assert scrub["value"] == scrub["max"]

        begin = page(browser, f"{path}?t=0")
        assert begin.one("input", type="range")["value"] == "0.0"
        assert numbers(begin)["added"] == 0
        assert numbers(page(browser, f"{path}?t=2.5"))["added"] == 2
        assert numbers(page(browser, f"{path}?t=999")) == numbers(whole)
        assert numbers(whole)["added"] == 3


def numbers(markup: Markup) -> dict[str, int]:
    """The first readings of a shared list's page."""
    names, values = markup.texts("dt"), markup.texts("dd")
    told = dict(zip(names, values, strict=True))
    return {name: int(re.sub(r"\D", "", told[name])) for name in ("added", "removed")}


@pytest.mark.parametrize("experiment", SHORT)
def test_any_moment_of_any_run_can_be_asked_for(
    browser: httpx.Client, finished: dict[str, Any], experiment: str
) -> None:
    run_id = finished[experiment]["id"]
    ids = page(browser, f"/runs/{run_id}").ids
    nonsense = ("1e-9", "1e300", "-1", "inf", "-inf") if experiment == "shared-list" else ()  # which is read for all
    for t in ("0", "0.05", "1e9", "nan", *nonsense):
        page(browser, f"/runs/{run_id}?t={t}")
        answer = browser.get(f"/runs/{run_id}/at?t={t}")
        assert answer.status_code == 200
        sent = fragments(answer.text)
        assert BOXES[experiment] in sent
        assert not sent.keys() & {"run-head", "run-replay", "run-more"}, "what a replay must not replace"
        assert sent.keys() <= ids


# History


@pytest.fixture(scope="module")
def aged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server that finds 240 old runs, of which 40 failed, and none with a record."""
    folder = tmp_path_factory.mktemp("aged")

    async def fill() -> None:
        journal = Journal(folder / "poolscope.sqlite")
        await journal.open()
        for number in range(240):
            name, prefix = (("factorials", "fa"), ("pool-sizes", "ps"))[number % 2]
            stamp = f"2026-01-01T00:00:{number % 60:02}.000+00:00"
            params = EXPERIMENTS[name].params().model_dump(mode="json")
            run_id = await journal.create(prefix, name, params, stamp, {})
            assert run_id
            status = "failed" if number % 6 == 0 else "finished"
            await journal.save(
                run_id, status=status, started=stamp, ended=stamp, error="It broke." if number == 0 else None
            )
        await journal.save("ps-0240", status="stopped")
        await journal.save("ps-0238", params={"sizes": 5})  # as no version of ours has it
        await journal.save("ps-0236", summary=f"A pool of 2 is faster. {'It is so for a reason. ' * 8}")
        await journal.save("ps-0234", summary=f"Slower, by {'very ' * 40}much.")
        await journal.close()

    asyncio.run(fill())
    with serving(folder) as server, server.client(**BY_BROWSER) as client:
        yield client


def listed(markup: Markup) -> list[str]:
    return [str(row["id"]).removeprefix("row-") for row in markup.all("tr") if "id" in row]


def test_the_history_goes_on_page_by_page(aged: httpx.Client) -> None:
    path, seen = "/runs", list[str]()
    while path:
        markup = page(aged, path)
        seen += listed(markup)
        older = [link["href"] for link in markup.all("a") if "before=" in str(link.get("href"))]
        path = str(older[0]) if older else ""
    assert seen == [run["id"] for run in aged.get("/api/runs?limit=500").json()]
    assert len(seen) == 240
    assert "240 kept" in page(aged, "/runs").text


def test_the_history_tells_runs_apart_and_cuts_no_word(aged: httpx.Client) -> None:
    markup = page(aged, "/runs")

    def row(run_id: str) -> str:
        return markup.text_of("tr", id=f"row-{run_id}")

    assert "Factorials of 1 to 10 in a pool of 5 threads" in row("fa-0239")
    assert "Stopped before it had a result." in row("ps-0240")
    assert "Pool sizes" in row("ps-0238")  # whose parameters nobody can read any more
    assert re.search(r"faster\. (It is so for a reason\. ?)+2026", row("ps-0236"))
    assert re.search(r"very …", row("ps-0234"))


def test_the_history_is_filtered_and_keeps_its_filter_on_the_next_page(aged: httpx.Client) -> None:
    markup = page(aged, "/runs?experiment=factorials&status=finished")
    (older,) = [str(link["href"]) for link in markup.all("a") if "before=" in str(link.get("href"))]
    filter_ = markup.forms_by_action["/runs"]
    assert filter_.values == {"experiment": "factorials", "status": "finished"}
    rest = page(aged, older)
    # Every second is one of factorials, and every third of those failed.
    assert len(listed(markup)) + len(listed(rest)) == 80 == len(set(listed(markup) + listed(rest)))
    assert all(run_id.startswith("fa-") for run_id in listed(markup) + listed(rest))
    for each in (markup, rest):
        assert "80 of 240 kept runs match" in each.text
    assert len(listed(page(aged, "/runs?status=failed"))) == 40
    assert "0 of 240 kept runs match" in page(aged, "/runs?status=running").text
    assert "No run matches." in page(aged, "/runs?status=running").text
    assert "No run matches." in page(aged, "/runs?experiment=nonsense").text
    assert "No run matches." in page(aged, "/runs?before=nonsense").text


def test_pages_of_runs_without_any_record(aged: httpx.Client) -> None:
    assert "It broke." in page(aged, "/runs/fa-0001").text
    for path in ("/runs/ps-0002", "/runs/ps-0240", "/runs/fa-0119", "/runs/ps-0240?t=1", "/"):
        page(aged, path)
    for what in ("records", "trace", "csv", "script", ""):
        assert aged.get(f"/api/runs/ps-0002/{what}".rstrip("/")).status_code == 200


# What a run leaves


def test_the_whole_log_as_text(browser: httpx.Client, finished: dict[str, Any]) -> None:
    run = finished["shared-list"]
    answer = browser.get(f"/runs/{run['id']}/log.txt")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    told = [re.fullmatch(r"(\d+\.\d{6}) ((?:producer|consumer) \d): (.+)", line) for line in lines]
    assert all(told)
    assert [match[3] for match in told if match][-300:] == run["state"]["log"][-300:]
    stamps = [float(match[1]) for match in told if match]
    assert stamps == sorted(stamps)
    assert len(lines) == run["state"]["steps"] - run["state"]["left_out"]


def test_the_data_of_the_charts(browser: httpx.Client, finished: dict[str, Any]) -> None:
    datasets = browser.get(f"/runs/{finished['pool-sizes']['id']}/chart.json").json()
    for spec in ("pool-times", "pool-speedup", "phases", "drift"):
        named = re.findall(r'"data":\s*\{\s*"name":\s*"(\w+)"', browser.get(f"/charts/{spec}.vl.json").text)
        assert named
        assert set(named) <= datasets.keys(), spec
    for experiment in ("shared-list", "factorials"):
        assert browser.get(f"/runs/{finished[experiment]['id']}/chart.json").status_code == 404


def test_no_file_is_served_but_those_that_are_meant(browser: httpx.Client) -> None:
    for path in (
        "/static/%2e%2e/app/poolscope/main.py",
        "/static/..%2fapp/poolscope/main.py",
        "/charts/..%2fpages/run.html",
        "/static/",
    ):
        assert browser.get(path).status_code == 404
