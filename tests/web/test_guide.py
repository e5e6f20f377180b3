"""The guide: pages that hang together, figures from the journal alone, programs and runs that work as they stand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from poolscope.examples import programs
from poolscope.experiments.failures.catalogue import SCENARIOS
from poolscope.experiments.failures.payloads import CaseBegan, CaseEnding, CaseExited, CaseOutcome
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.sharing.catalog import CATALOG
from poolscope.experiments.sharing.payloads import ToolOutcome
from poolscope.protocol.payloads import ClusterStarted
from poolscope.protocol.records import Actor, End, Record, Result, Sample
from poolscope.text.numbers import UNKNOWN
from poolscope.web.guide.glossary import GLOSSARY
from poolscope.web.guide.topics import PRESETS, TOPICS

from tests.experiments.pool_benchmark.invented_runs import ITEMS, LOUD, about, planned, traced
from tests.experiments.pool_benchmark.invented_runs import records as told_by
from tests.kept_runs import kept
from tests.openings import opening
from tests.web.conftest import BY_BROWSER, Serve, ended
from tests.web.made_which_pool import HERE
from tests.web.made_which_pool import records as which_pool_records
from tests.web.markup import Markup, plain

PATHS = ("/guide", *(topic.href for topic in TOPICS))
S = 1_000_000_000


def read(browser: httpx.Client, path: str) -> Markup:
    answer = browser.get(path)
    assert answer.status_code == 200, path
    markup = Markup(answer.text)
    assert markup.mistakes == []
    return markup


# Pages


def test_all_links_lead_somewhere_and_all_terms_to_their_sentence(browser: httpx.Client) -> None:
    pages = {path: read(browser, path) for path in PATHS}
    links = {str(link["href"]) for page in pages.values() for link in page.all("a")}
    for address in links:
        assert browser.get(address).status_code == 200, address
    anchors = {address.partition("#")[2] for address in links if address.startswith("/guide/glossary#")}
    assert anchors <= pages["/guide/glossary"].ids
    assert {term.anchor for term in GLOSSARY} == anchors, "a term that no page uses"
    for page in pages.values():
        assert page.one("a", href="/guide", **{"aria-current": "page"})


def test_the_reading_order_leads_through_every_page_and_back(browser: httpx.Client) -> None:
    for one, other in itertools.pairwise(TOPICS):
        assert read(browser, one.href).one("a", rel="next")["href"] == other.href
        assert read(browser, other.href).one("a", rel="prev")["href"] == one.href
    assert read(browser, TOPICS[0].href).all("a", rel="prev") == []
    assert read(browser, TOPICS[-1].href).all("a", rel="next") == []
    readings = [topic for topic in TOPICS if topic.reading]
    assert f"in {len(readings)} short pages" in browser.get("/guide").text


def test_a_page_that_is_not_there_names_those_that_are(browser: httpx.Client) -> None:
    answer = browser.get("/guide/coroutines")
    assert answer.status_code == 404
    assert "has no page 'coroutines'" in plain(Markup(answer.text).text)
    assert "sharing-data" in answer.text
    problem = browser.get("/guide/coroutines", headers={"Accept": "application/json"})
    assert problem.headers["content-type"] == "application/problem+json"


# Runs that pages start


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_run_that_can_be_asked_for(name: str) -> None:
    fields = dict(PRESETS[name].fields)
    model = EXPERIMENTS[fields.pop("experiment")].params
    assert parse(model, fields) == parse(model, PRESETS[name].params)


def test_every_form_asks_for_an_experiment_that_exists(browser: httpx.Client) -> None:
    for topic in (topic for topic in TOPICS if topic.reading):
        forms = [form for form in read(browser, topic.href).all("form") if form.get("action") == "/runs"]
        assert forms, topic
        assert all(form.get("method") == "post" for form in forms)
        asked = read(browser, topic.href).all("input", name="experiment")
        assert {field["value"] for field in asked} <= set(EXPERIMENTS)


def test_a_button_starts_its_run(browser: httpx.Client) -> None:
    answer = browser.post("/runs", data=dict(PRESETS["list"].fields))
    assert answer.status_code == 303
    run_id = answer.headers["location"].removeprefix("/runs/")
    browser.post(f"/runs/{run_id}/stop")
    assert ended(browser, run_id)["experiment"] == "shared-list"


# Programs


def test_every_program_of_no_run_s_page_stands_in_the_guide(browser: httpx.Client) -> None:
    # A host, and who measures his own work, gets commands, not programs.
    readings = [topic.href for topic in TOPICS if topic.reading and topic.name != "your-own-work"]
    shown = {words for path in readings for words in read(browser, path).texts("pre")}
    texts = {name: plain(text) for name, text in programs().items()}
    assert shown <= set(texts.values())
    of_runs = {scenario.slug for scenario in SCENARIOS.values()} | {
        name for name, text in programs().items() if text in {tool.code for tool in CATALOG}
    }
    assert {name for name, text in texts.items() if text not in shown} <= of_runs


# Figures


def sharing_records(*more: Record) -> Iterator[Record]:
    yield opening("sharing")
    yield from more
    for tool, seconds in (("queue", 0.5), ("mp-queue", 2.0)):
        yield Result(
            1,
            ToolOutcome(1000, 1000, correct=True, operations=1000),
            tool,
        )
        yield Sample(2, "round", tool, 1, seconds)
    yield End(3 * S, "finished")


def pool_records(size: int, *more: Record) -> Iterator[Record]:
    yield opening("pool-sizes")
    yield from more
    yield Sample(1, "map", "serial", 1, 5.0)
    for name, seconds in (("start", 0.01), ("first_ready", 0.01), ("map", 2.0), ("stop", 0.01)):
        yield Sample(2, name, f"{size} workers", 1, seconds)
    for number in range(size):
        yield Actor(3, f"{size} workers · w{number + 1}", "started", "process", "worker", 4711 + number)
    yield End(4 * S, "finished")


@pytest.fixture
def untouched(serve: Serve) -> Iterator[httpx.Client]:
    with serve() as server, server.client(**BY_BROWSER) as browser:
        yield browser


def test_a_figure_that_nobody_measured_is_a_dash(untouched: httpx.Client) -> None:
    page = read(untouched, "/guide/threads-or-processes")
    assert set(page.texts("b")) == {UNKNOWN}
    assert page.text.count("not measured here yet") == 7
    assert read(untouched, "/guide/sharing-data").text.count("not run yet") == len(CATALOG)
    assert "shown here once the pool of three has been run" in read(untouched, "/guide/process-pools").text


def test_threads_and_processes_are_compared_by_a_run_of_which_pool(tmp_path: Path, serve: Serve) -> None:
    asked = {**PRESETS["computing"].params, "sizes": [1, 2, 4, 8]}
    kept(tmp_path, "which-pool", asked, list(which_pool_records((HERE,), ("thread", "process"))))
    with serve() as server, server.client(**BY_BROWSER) as browser:
        said = read(browser, "/guide/threads-or-processes").texts("b")
    assert said == [
        UNKNOWN,
        UNKNOWN,
        "87.9 KiB",
        "11.0 MiB",
        UNKNOWN,
        UNKNOWN,
        "25% of each of 4",
        "100% of each of 4",
        UNKNOWN,
        UNKNOWN,
        "800 µs for 4",
        "48.0 ms for 4",
        "0.99× with 1",
        "3.81× with 4",
    ]


MARK = "disturbed: other programs used 1.0 of 2 CPUs"


def test_figures_of_a_disturbed_run_are_marked_with_what_disturbed_it(tmp_path: Path, serve: Serve) -> None:
    maps = {"serial": about(640), "thread 1": about(650), "thread 2": about(655), "process 1": about(330)}
    maps["process 2"] = about(340)
    traces = {key: traced(planned(key, ITEMS), 340, cpus=1) for key in ("thread 2", "process 2")}
    asked = {**PRESETS["computing"].params, "sizes": [1, 2]}
    kept(tmp_path, "which-pool", asked, [opening("which-pool"), *told_by(maps, traces=traces, noise=LOUD)])
    with serve() as server, server.client(**BY_BROWSER) as browser:
        page = read(browser, "/guide/threads-or-processes")
    assert page.text.count(MARK) == 4
    assert {"0.98× with 1", "1.94× with 1"} <= set(page.texts("b"))


def test_a_disturbed_run_of_sharing_is_treated_as_one_of_which_pool(tmp_path: Path, serve: Serve) -> None:
    messages = {"tools": ["queue", "mp-queue"], "repeats": 1}
    kept(tmp_path, "sharing", messages, list(sharing_records(Result(1, LOUD))), {"usable_cpus": 2})
    with serve() as server, server.client(**BY_BROWSER) as browser:
        page = read(browser, "/guide/threads-or-processes")
        tools = read(browser, "/guide/sharing-data")
    assert page.text.count(MARK) == 1
    assert {"2 000", "500"} <= set(page.texts("b"))
    assert tools.text.count(MARK) == 2  # of both tools, and none of those that were not run


def test_the_figures_of_the_pool_of_three_are_marked_too(tmp_path: Path, serve: Serve) -> None:
    noise = Result(1, replace(LOUD, host_busy_s=90.9))
    kept(tmp_path, "pool-sizes", {**PRESETS["pool-of-three"].params}, list(pool_records(3, noise)), {"usable_cpus": 2})
    with serve() as server, server.client(**BY_BROWSER) as browser:
        assert "disturbed: other programs used 2.0 of 2 CPUs" in read(browser, "/guide/process-pools").text


def failure_records() -> Iterator[Record]:
    """Of the same fault under each kind of pool: loky is there, dask is not installed."""
    yield opening("failures")
    endings = {"loky": (CaseEnding.POOL_BROKEN, "5 kept."), "dask": (CaseEnding.NOT_IN_THIS_PYTHON, "pip install it.")}
    for engine, (ending, sentence) in endings.items():
        case = f"exits / {engine}"
        yield Result(1, CaseBegan("side-by-side", case), f"side-by-side: {case}")
        yield Result(2, CaseOutcome(ending, sentence))
        yield Result(3, CaseExited(0, "ended with exit code 0", ended_by_us=False, seconds=0.1))
    yield End(4 * S, "finished")


def test_engines_are_compared_by_their_runs_and_a_disturbed_one_is_marked(tmp_path: Path, serve: Serve) -> None:
    maps = {"serial": about(640), "thread 2": about(655), "process 2": about(340), "loky 2": about(350)}
    maps["dask 2"] = about(360)
    traces = {key: traced(planned(key, ITEMS), 340, cpus=1) for key in maps if key != "serial"}
    started = Result(1, ClusterStarted(5.0), "dask 2")
    noisy = [opening("which-pool"), *told_by(maps, traces=traces, noise=LOUD, more=[started])]
    kept(tmp_path, "which-pool", dict(PRESETS["engines-computing"].params), noisy)
    kept(tmp_path, "failures", dict(PRESETS["engines-crashes"].params), list(failure_records()))
    with serve() as server, server.client(**BY_BROWSER) as browser:
        page = read(browser, "/guide/beyond-one-machine")
        assert page.text.count(MARK) == 8  # start-up and speed-up of four kinds, none of large arguments
        assert len([each for each in page.texts("td") if "for 2, after 5.00 s for the cluster" in each]) == 1
        assert "pool broken" in page.text
        assert page.texts("th").count("loky") == 2  # of the engines' row and of the matrix's column
        assert page.texts("th").count("dask") == 1  # of the engines' row: no column for what is not installed
        assert "No column for dask. pip install it." in page.text
        assert "No column for dask. pip install it." in read(browser, "/runs/fl-0002").text


def test_the_figures_are_those_of_the_newest_finished_run(tmp_path: Path, serve: Serve) -> None:
    messages = {"tools": ["queue", "mp-queue"], "repeats": 1}
    kept(tmp_path, "sharing", messages, list(sharing_records()))
    kept(tmp_path, "sharing", {"tools": ["lock"]}, [opening("sharing"), End(1, "finished")])
    kept(tmp_path, "pool-sizes", {**PRESETS["pool-of-three"].params}, list(pool_records(3)))
    kept(tmp_path, "pool-sizes", {**PRESETS["five-processes"].params}, list(pool_records(5)))
    with serve() as server, server.client(**BY_BROWSER) as browser:
        compared = read(browser, "/guide/threads-or-processes")
        assert {"2 000", "500"} <= set(compared.texts("b"))
        assert compared.one("a", href="/runs/sd-0001")
        pools = read(browser, "/guide/process-pools")
        assert {"5.00 s", "2.00 s", "2.50×"} <= set(pools.texts("dd"))
        assert "4711 4712 4713 4714 4715" in pools.text
        sharing = read(browser, "/guide/sharing-data")
        assert sharing.texts("td").count("right") == 2
