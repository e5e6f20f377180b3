"""The page of which pool, over records of a run that never took place: whole, on its way, and with nothing yet."""

from __future__ import annotations

import asyncio
import html
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.charts import (
    HANDING_OVER,
    LAST_ITEMS,
    OFF_CPU,
    SHUTDOWN,
    START_UP,
    WORK,
    chart,
    explained,
    side_by_side,
    to_compare,
)
from poolscope.experiments.pool_benchmark.messages import CHECKS
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.payloads import ConfigurationDropped, MapProgress, NoiseReading, RoundEnded
from poolscope.protocol.records import Actor, End, Progress, Record, Result, Span, to_line
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.text.sentences import capital
from poolscope.web.app_state import environment
from poolscope.web.assets import content
from poolscope.web.context import run_facts
from poolscope.web.fragments import part
from poolscope.web.views import VIEWS
from poolscope.web.views.which_pool.answer import split
from poolscope.web.views.which_pool.grounds import causes
from poolscope.web.views.which_pool.pictures import crews

from tests.experiments.pool_benchmark.invented_runs import LOUD, QUIET, about, planned, traced
from tests.experiments.pool_benchmark.invented_runs import told as told_by
from tests.web.conftest import BY_BROWSER, serving
from tests.web.made_which_pool import CPUS, CPUS_OF_HOSTS, ITEMS, KINDS, SIZES, records, records_of_two_hosts
from tests.web.markup import Markup

SPECS = Path(__file__).resolve().parents[2] / "templates" / "charts"
ASKED = {"kinds": list(KINDS), "items": ITEMS, "pythons": ["3.11", "3.13t"]}
CONDITIONS = {
    "usable_cpus": CPUS,
    "usable_cpus_why": "4 of 16: quota of 4 CPUs from /x/cpu.max",
    "logical_cpus": 16,
    "physical_cpus": 8,
    "affinity_cpus": 16,
    "cpu_quota": 4.0,
    "cpu_quota_source": "/x/cpu.max",
}


def kept(folder: Path, *runs: Sequence[Record]) -> None:
    """Put the runs into the journal of a server that is yet to start."""

    async def write() -> None:
        journal = Journal(folder / "poolscope.sqlite")
        await journal.open()
        about = EXPERIMENTS["which-pool"]
        asked = parse(about.params, ASKED).model_dump(mode="json")
        for number, told in enumerate(runs, 1):
            run_id = await journal.create("wp", "which-pool", asked, "2026-01-01T00:00:00.000+00:00", {})
            assert run_id == f"wp-{number:04d}"
            await journal.append(run_id, 1, [to_line(record) for record in told])
            await journal.save(
                run_id,
                status="finished",
                started="2026-01-01T00:00:00.000+00:00",
                ended="2026-01-01T00:00:36.400+00:00",
                conditions=CONDITIONS,
            )
        await journal.close()

    asyncio.run(write())


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("data")
    kept(folder, list(records()), list(records_of_two_hosts()))
    with serving(folder) as server, server.client(**BY_BROWSER) as browser:
        yield browser


@pytest.fixture(scope="module")
def page(browser: httpx.Client) -> Markup:
    markup = Markup(browser.get("/runs/wp-0001").text)
    assert markup.mistakes == []
    return markup


def test_the_page_says_what_to_use_and_shows_each_kind_beside_it(page: Markup) -> None:
    assert page.text_of("p", id="verdict").startswith("Use 4 processes on 3.11: 3.84×")
    rows = [row for row in page.texts("tr") if "MiB" not in row]
    assert any(row.startswith("processes on 3.114") and row.endswith("11.0") for row in rows)
    assert any(row.startswith("threads on 3.13t4") for row in rows)
    assert page.text.count("plain loop on 3.13t") >= 2


def test_many_reasons_stand_as_a_list_below_the_verdict_on_the_bench_too(browser: httpx.Client) -> None:
    reasons = browser.get("/api/runs/wp-0002").json()["state"]["verdict"]["reasons"]
    told = {}
    for path in ("/runs/wp-0002", "/"):
        shown = html.unescape(browser.get(path).text).split('<ul class="reasons">')[1].split("</ul>")[0]
        told[path] = [each.removesuffix("</li>") for each in shown.split("<li>")[1:]]
    assert len(told["/"]) > 2
    assert set(told["/"]) <= set(reasons)
    assert told["/"] == told["/runs/wp-0002"]


def test_the_causes_name_the_gil_and_the_key_names_every_colour(page: Markup, browser: httpx.Client) -> None:
    causes = dict(zip(page.texts("dt"), page.texts("dd"), strict=True))
    assert "% waiting for the GIL" in causes["4 threads on 3.11"]
    assert "GIL" not in causes["4 threads on 3.13t"]
    drawn = {row["phase"] for row in browser.get("/runs/wp-0001/chart.json").json()["why"] if row["share"] > 0}
    assert {each["data-phase"] for each in page.all("span") if "data-phase" in each} == drawn


def test_a_phase_has_one_name_and_a_colour_by_it_in_every_chart_and_key() -> None:
    coloured = set(re.findall(r'\[data-phase="([^"]+)"\]', content("poolscope.css").decode()))
    drawn = {START_UP, SHUTDOWN, HANDING_OVER, LAST_ITEMS, *WORK, *OFF_CPU.values()}
    assert coloured == drawn | {"map"}
    for name in ("phases", "which-why"):
        spec = (SPECS / f"{name}.vl.json").read_text()
        (domain,) = re.findall(r'"field": "phase",\s+"type": "nominal".*?"domain": (\[.*?\])', spec, re.DOTALL)
        assert coloured >= set(json.loads(domain)), name


def test_every_setting_stands_in_the_heat_map_and_in_the_table(page: Markup) -> None:
    settings = len(SIZES) * len(KINDS) * 2
    levels = [cell for cell in page.all("td") if "data-level" in cell]
    assert len(levels) == settings
    assert [cell.get("aria-current") for cell in levels].count("true") == 1
    assert f"{settings + 2} settings with their intervals" in page.text
    assert page.text.count("given up") == 1


def test_the_page_shows_the_trial_the_pythons_the_lanes_and_the_cpus(page: Markup) -> None:
    words = page.text
    for said in (
        "sum_of_squares",
        "the very first call 20.8 ms",
        "the quickest of 3 items 19.9 ms",
        "an item, pickled 28 B",
        "CPython 3.13.2",
        "off",
        "No interpreter is at /opt/python3.12/bin/python.",
        "One pass took longer than the limit of 60 s.",
        "quota 4 CPUs, from /x/cpu.max",
        "3.87 CPUs",
        "physical 8",
    ):
        assert said in words, said
    assert len([figure for figure in page.all("figure") if str(figure.get("id")).startswith("crew-")]) == 6


def test_workers_of_two_hosts_are_grouped_and_their_clocks_not_compared(browser: httpx.Client) -> None:
    page = Markup(browser.get("/runs/wp-0002").text)
    assert page.mistakes == []
    assert [name for name in page.texts("strong") if name.startswith("node-")] == ["node-a", "node-b"]
    anchors = [str(figure.get("id")) for figure in page.all("figure") if str(figure.get("id")).startswith("crew-")]
    assert anchors == ["crew-1", "crew-1-2", "crew-2"]
    trace = browser.get("/api/runs/wp-0002/trace").json()["traceEvents"]
    named = {each["args"]["name"] for each in trace if each["name"] == "thread_name"}
    assert "3.11 executor 2 c0 · w2 on node-b" in named
    words = page.text
    assert words.count("each host’s lanes begin at its own first task") == 1
    assert "items were: 20 queued or running and 20 back." in words
    assert "A map sent 51.2 KiB to the workers and received 31.2 KiB." in words
    assert "node-a and node-b (8 CPUs)" in page.texts("dd")


def test_a_fit_over_two_hosts_says_so_and_the_ideal_goes_as_far_as_their_cpus(browser: httpx.Client) -> None:
    assert "Amdahl’s law, over 2 hosts" in Markup(browser.get("/runs/wp-0002").text).texts("td")
    data = browser.get("/runs/wp-0002/chart.json").json()
    assert {row["workers"] for row in data["fit"] if row["pool"] == "executor"} == set(range(1, CPUS_OF_HOSTS + 1))
    assert {row["workers"] for row in data["fit"] if row["pool"] == "thread"} <= set(range(1, CPUS + 1))
    assert max(row["speedup"] for row in data["ideal"]) == CPUS_OF_HOSTS
    assert [row["label"] for row in data["cpus"]] == [f"{CPUS} usable CPUs here"]


def test_a_host_of_many_workers_hides_no_other() -> None:
    state = told_by({"serial": about(100), "executor 40": about(20)})
    key = next(config.key for config in state.pools)
    for number in range(40):
        name, host = f"{key} · w{number + 1}", "node-a" if number < 38 else "node-b"
        state = replace(state, lanes=state.lanes.fold(Actor(0, name, "started", "process", "worker", number, host)))
        state = replace(state, lanes=state.lanes.fold(Span(name, "running", 0, 10, "", key)))
    (crew,), _ = crews(state)
    assert [(part.host, len(part.names)) for part in crew.parts] == [("node-a", 8), ("node-b", 2)]
    assert crew.hidden == 30


def test_lanes_of_merged_tasks_say_how_much_of_them_was_in_tasks() -> None:
    """5,000 tasks of 0.5 µs are merged into blocks on their way, whose gaps nobody has seen drawn."""
    state = told_by({"serial": about(2), "thread 2": about(60)})
    key = next(config.key for config in state.pools)
    for number in (1, 2):
        for began in range(0, 60_000, 600):
            block = Span(f"{key} · w{number}", "running", began, began + 599, "0 … 9", key, busy=12)
            state = replace(state, lanes=state.lanes.fold(block))
    (crew,), _ = crews(state)
    assert crew.filled == "Gaps too short to draw are filled in; of what is drawn, really so: in a task 2.0%."


def test_the_charts_have_the_data_that_their_specifications_name(browser: httpx.Client) -> None:
    data = browser.get("/runs/wp-0001/chart.json").json()
    for name in ("which-speedup", "which-why", "memory"):
        for dataset, fields in asked(json.loads((SPECS / f"{name}.vl.json").read_text())):
            assert data[dataset], f"{name}: {dataset}"
            assert fields <= set(data[dataset][0]), f"{name}: {dataset}"


def asked(spec: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Each dataset that a specification names, with the fields that it reads of it."""
    for layer in spec.get("layer", [spec]):
        if "values" in layer.get("data", {}):  # a mark of the chart's own
            continue
        encodings = {**spec.get("encoding", {}), **layer.get("encoding", {})}
        made = {
            each.get("as") for each in (*spec.get("transform", ()), *layer.get("transform", ())) if "calculate" in each
        }
        fields = {about["field"] for about in encodings.values() if isinstance(about, dict) and "field" in about}
        yield (layer.get("data") or spec["data"])["name"], fields - made


def test_labels_at_the_ends_of_lines_can_be_read(browser: httpx.Client) -> None:
    data = browser.get("/runs/wp-0001/chart.json").json()
    ends = sorted((row["workers"], row["at"]) for row in data["ends"])
    top = max(row["speedup"] for row in data["ends"])
    # Those of lines that end at the same size are a line of text apart; the words of the CPUs are on no point.
    assert all(upper[1] - lower[1] > top / 15 for lower, upper in itertools.pairwise(ends) if lower[0] == upper[0])
    for cpus in data["cpus"]:
        beside = [row["speedup"] for row in data["speed"] if row["workers"] == cpus["workers"]]
        assert all(abs(cpus["at"] - speed) > top / 40 for speed in (1.0, *beside))


def test_the_words_of_the_cpus_keep_away_from_labels_that_are_crowded_at_the_bottom() -> None:
    slow = {"process 2": about(300), "loky 2": about(700), "joblib 2": about(450), "dask 2": about(3600)}
    data = chart(told_by({"serial": about(25), "thread 2": about(12), **slow}, asked={"sizes": "2"}), 2)
    [cpus] = data["cpus"]
    top = max(row["speedup"] for row in data["ends"])
    assert min(abs(cpus["at"] - row["at"]) for row in data["ends"]) > top / 15


@pytest.mark.parametrize("rounds", [None, 0, 1, 2])
def test_a_run_on_its_way_shows_what_has_landed(browser: httpx.Client, rounds: int | None) -> None:
    about = EXPERIMENTS["which-pool"]
    run = Run("wp-0001", about, parse(about.params, ASKED), status=Status.RUNNING, conditions=CONDITIONS)
    for record in () if rounds is None else records(rounds=rounds, ended=False):
        run.state = about.meaning.fold(run.state, record)
    view = VIEWS["which-pool"].view(run)
    assert (view.speedups is not None) is bool(rounds)
    assert view.repetitions == (rounds or 0)
    words = {row.cells[-1].text for row in view.cells.rows}
    assert words == (set() if rounds is None else {""} if rounds else {"queued"})
    assert not view.causes
    if rounds:
        assert len(view.kinds.rows) == 2 + 2 * len(KINDS)


def test_a_map_of_an_engine_that_goes_on_is_shown_by_what_has_become_of_its_items() -> None:
    about, view = EXPERIMENTS["which-pool"], VIEWS["which-pool"]
    run = Run("wp-0001", about, parse(about.params, ASKED), status=Status.RUNNING, conditions=CONDITIONS)

    def take(*taken: Record) -> None:
        for record in taken:
            run.state = about.meaning.fold(run.state, record)

    take(*records(("3.11",), ("thread",), rounds=0, ended=False))
    assert view.view(run).now is None  # nothing of it tells how far its map is
    key = "3.11 executor 2 c0"
    take(*records(("3.11",), ("thread", "executor"), rounds=0, ended=False))
    take(Progress(0, 5, 20, None, "repetition 2", key))
    assert view.view(run).now.paths == ()
    take(Result(0, MapProgress(40, 30, 10, 2048, 1024), key))
    now = view.view(run).now
    assert now.title == "2\N{NO-BREAK SPACE}executor workers"
    words = now.sentence.replace("\N{NO-BREAK SPACE}", " ")
    assert words.startswith("10 of 40 items are done, up to 2 in work, 28 wait. So far 2.00 KiB were sent")
    assert now.paths == (("done", "M0 .5h2500"), ("running", "M2500 .5h500"), ("waiting", "M3000 .5h7000"))
    assert view.progress(run).replace("\N{NO-BREAK SPACE}", " ").endswith(", 10 of 40 items")
    assert about.meaning.as_json(run.state)["map_progress"]["done"] == 10
    take(Result(0, MapProgress(40, 30, 20), "3.11 executor 4 c0"))  # late, of another setting
    assert view.view(run).now.paths == ()
    take(Result(0, MapProgress(40, 30, 20), key), Progress(0, 6, 20, None, "repetition 2", "3.11 thread 2 c0"))
    assert view.view(run).now.paths == ()
    take(Result(0, MapProgress(40, 30, 20), "3.11 thread 2 c0"), End(0, "stopped"))
    assert view.view(run).now is None


def test_a_run_that_failed_at_once_says_before_what_it_ended_and_shows_no_empty_table() -> None:
    about = EXPERIMENTS["which-pool"]
    run = Run("wp-0001", about, parse(about.params, ASKED), status=Status.FAILED)
    context = {"view": VIEWS["which-pool"].view(run), "run": run_facts(run), "earlier": None}
    shown = {
        name: part(environment(), "experiments/which_pool.html", name, context)
        for name in ("answer", "speedup", "why", "kinds")
    }
    for name, before in (("answer", "there was an answer"), ("why", "a repetition was traced")):
        assert f"The run ended before {before}." in shown[name]
    for name in ("speedup", "kinds"):
        assert "The run ended before anything was timed." in shown[name]
    assert "<table" not in shown["kinds"]


@pytest.mark.parametrize(
    ("maps", "kind", "decided"),
    [
        ({"serial": about(640), "pool 2 c8": about(335)}, "pool", True),
        ({"serial": about(640), "process 2": about(641), "thread 2": about(639)}, "thread", False),
        ({"serial": about(1), "process 2": about(9)}, "serial", True),
    ],
)
def test_the_script_has_the_winner_or_the_fastest_and_says_which(
    maps: dict[str, list[float]], kind: str, decided: bool
) -> None:
    about_it = EXPERIMENTS["which-pool"]
    run = Run("wp-0001", about_it, parse(about_it.params, {"chunksizes": "0, 8"}), state=told_by(maps))
    found = VIEWS["which-pool"].program(run)
    assert (found.kind, found.decided) == (kind, decided)


def test_only_the_fastest_lines_have_bands_and_the_ideal_is_not_named_where_the_winner_is() -> None:
    maps = {"serial": about(640)} | {f"{kind} {size}": about(700 / size) for kind in KINDS for size in (1, 2, 4)}
    many = {f"{python}: {key}": times for python in ("3.11", "3.14", "3.13t") for key, times in maps.items()}
    data = chart(told_by(many, pythons={key: {} for key in ("3.11", "3.14", "3.13t")}, asked={"sizes": "1, 2, 4"}), 4)
    assert len({row["kind"] for row in data["bands"]}) == 4 < len({row["kind"] for row in data["speed"]})
    [named] = [row["workers"] for row in data["ideal"] if row["label"]]
    assert named not in {row["workers"] for row in data["best"]}


def test_the_progress_names_the_setting_instead_of_its_key() -> None:
    about = EXPERIMENTS["which-pool"]
    run = Run("wp-0001", about, parse(about.params, ASKED))
    for record in records(rounds=0, ended=False):
        run.state = about.meaning.fold(run.state, record)
        if getattr(record, "note", ""):
            break
    assert "c0" not in VIEWS["which-pool"].progress(run)


@pytest.mark.parametrize(("noise", "said"), [(QUIET, False), (LOUD, True)])
def test_the_shares_of_a_disturbed_run_say_that_it_was(noise: NoiseReading, said: bool) -> None:
    trace = traced(planned("process 2", 32), 400, cpus=2)
    state = told_by({"serial": about(640), "process 2": about(400)}, traces={"process 2": trace}, noise=noise)
    found = split(state, recommend(state), 2)
    assert found is not None
    assert ("The run was disturbed" in found.sentence) == said


@pytest.mark.parametrize("on_cpu", [0.004, 0.006, 0.008, 0.012])
def test_the_share_of_the_sentence_is_that_of_the_legend(on_cpu: float) -> None:
    """Also where the work computed for less than a percent, which is not named and not counted."""
    trace = traced(planned("thread 2", 32), 400, cpus=2 * on_cpu, share=on_cpu / 0.77)
    state = told_by(
        {"serial": about(640), "thread 2": about(400)},
        traces={"thread 2": trace},
        loop_share=0.01,
        asked={"workload": "sleep"},
    )
    found = split(state, recommend(state), 2)
    assert found is not None
    told = re.match(r"(\d+)% of the time of 2\sthreads went into (.+?);", found.sentence)
    assert told
    named = {share.phase: share.words for share in found.shares if share.phase in told[2]}
    assert named
    assert int(told[1]) == sum(int(words.removesuffix("%")) for words in named.values())


def test_where_nothing_but_the_work_took_time_both_sentences_say_almost_all() -> None:
    trace = traced(planned("process 2", 32), 320, cpus=2, tail=0.005)
    maps = {"serial": about(640), "process 2": about(320)}
    state = told_by(maps, traces={"process 2": trace}, around_ms=0.01)
    found = split(state, recommend(state), 2)
    assert found is not None
    assert found.sentence == "Almost all of the time of 2\xa0processes went into computing."
    assert [each.sentence for each in causes(state, 2)] == ["almost all of the workers’ time was computing"]


@pytest.mark.parametrize("sizes", [(4, 8), (8,)])
def test_what_to_try_is_about_what_is_recommended(sizes: Sequence[int]) -> None:
    """Threads are, so that processes which start slowly are a finding and no next step."""
    maps = {"serial": about(640), **{f"thread {size}": about(648 / size) for size in sizes}, "process 8": about(81)}
    asked = {"workload": "sleep", "sizes": [4, 8], "repeats": 5}
    state = told_by(maps, loop_share=0.01, around_ms={"process 8": 500.0}, asked=asked)
    run = Run("wp-0001", EXPERIMENTS["which-pool"], state.params, status=Status.FINISHED, state=state)
    run.conditions = {"usable_cpus": 2}
    facts = run_facts(run)
    assert any("processes" in finding.sentence and finding.change for finding in facts.findings)
    assert facts.attempt is None if sizes == (8,) else facts.attempt is not None
    assert facts.attempt is None or "threads" in facts.attempt.sentence


def left_out() -> Run:
    """A run whose fastest settings were left out after three of seven rounds, for they were not far ahead."""
    wide = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 0.85]
    times = {"serial": 171, "process 2": 165, "process 4": 104, "pool 4": 115, "pool 8": 101}
    few = ("process 4", "pool 8")
    maps = {key: [ms * each for each in (wide[:3] if key in few else wide)] for key, ms in times.items()}
    pools = [key for key in maps if key != "serial"]
    state = told_by(
        maps,
        traces={key: traced(planned(key, 32), times[key], cpus=1.5) for key in pools},
        more=[
            Result(0, RoundEnded(7, 30.0)),
            *(Result(0, ConfigurationDropped(3, "process 2", "beyond CPUs"), key) for key in few),
        ],
        asked={"repeats": None},
    )
    run = Run("wp-0001", EXPERIMENTS["which-pool"], state.params, status=Status.FINISHED, state=state)
    run.conditions = {"usable_cpus": 2}
    return run


def test_what_stands_beside_an_answer_is_about_the_pool_that_the_answer_names() -> None:
    run = left_out()
    choice, view = recommend(run.state), VIEWS["which-pool"].view(run)
    assert choice is not None
    assert (choice.config, choice.best.key) == (None, "pool 4")
    assert {row.key for row in side_by_side(run.state)} == {"process 4", "pool 4"}
    shown = explained(run.state, choice)
    assert shown is not None
    assert shown.key == "pool 4"
    assert [row.key for row in to_compare(run.state, choice)] == ["pool 4", "process 4"]
    assert view.each == "3 to 7"
    repetitions = [column.title for column in VIEWS["which-pool"].columns["kinds"]].index("repetitions")
    assert sorted(row.cells[repetitions] for row in view.kinds.rows) == ["3", "7", "7"]


def test_where_the_pool_of_the_answer_was_not_traced_the_shares_are_said_to_be_of_another() -> None:
    maps = {"serial": about(2440, 1), "thread 8": about(324, 1), "pool 8": about(313, 1), "thread 2": about(1220, 1)}
    traces = {key: traced(planned(key, 32), maps[key][0], cpus=0.1) for key in ("thread 2", "thread 8")}
    state = told_by(maps, traces=traces, asked={"workload": "sleep"})
    choice = recommend(state)
    found = split(state, choice, 2)
    assert choice is not None
    assert found is not None
    assert (choice.best.key, "not traced" in found.sentence) == ("pool 8", True)
    traced_too = told_by(maps, traces={**traces, "pool 8": traced(planned("pool 8", 32), 313, cpus=0.1)})
    found = split(traced_too, recommend(traced_too), 2)
    assert found is not None
    assert "not traced" not in found.sentence


def test_where_no_pool_gains_the_shares_are_those_of_several_workers() -> None:
    """One worker waits for nobody: its shares would not tell why the others gain nothing."""
    maps = {"serial": about(40), "thread 1": about(60), "thread 2": about(80)}
    state = told_by(maps, traces={key: traced(planned(key, 32), maps[key][0], cpus=1.0) for key in [*maps][1:]})
    choice = recommend(state)
    assert choice is not None
    assert (choice.maps.outcome, choice.best.key) == ("loop", "thread 1")
    shown, found = explained(state, choice), split(state, choice, 2)
    assert shown is not None
    assert shown.key == "thread 2"
    assert found is not None
    assert "takes one item at a time" in found.sentence


def test_one_command_stands_once_among_what_to_try_and_what_was_found() -> None:
    run = left_out()
    facts = run_facts(run)
    command = "poolscope measure mine:f --items mine:items --seconds 60"
    found = [replace(each, command=command if each.change else "") for each in facts.findings]
    assert sum(bool(each.command) for each in found) > 0
    facts = replace(facts, findings=tuple(found), attempt=next(each for each in found if each.command))
    shown = part(environment(), "partials/run.html", "findings", {"run": facts})
    assert facts.attempt is not None
    assert "<pre" not in shown.partition("<details")[0]
    assert f'href="#try-{facts.attempt.place}"' in shown


def test_a_check_that_was_passed_is_titled_by_what_is_so() -> None:
    facts = run_facts(left_out())
    shown = part(environment(), "partials/run.html", "findings", {"run": facts}).partition('id="passed-checks"')[2]
    assert "<strong>No worker broke</strong>" in shown
    assert {each.title for each in facts.passed} <= {capital(titles.otherwise) for titles in CHECKS.values()}
