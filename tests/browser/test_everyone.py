"""Every page for everyone: axe finds nothing, in light and dark, narrow and wide, and no window scrolls sideways."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect
from poolscope.experiments.failures.catalogue import SCENARIOS, SIDE_BY_SIDE, key
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
from poolscope.protocol.records import Result, from_line

from tests.browser.conftest import Opens, until_live
from tests.kept_runs import kept
from tests.served import Served, served
from tests.waiting import until

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
WIDTHS = (320, 360, 390, 768, 1440, 2560)
# What is looked for where, and everything in the first. A scheme changes colours and nothing else, a width places and
# sizes; looking for everything in all of them would take four times as long.
LOOKED_AT: dict[int, tuple[Literal["light", "dark"], *tuple[str, ...]]] = {
    390: ("light",),
    1440: ("dark", "color-contrast", "target-size", "scrollable-region-focusable", "region"),
}
# It would load style sheets and media again for two rules: no page has media, nor a style that forbids to turn it.
# A finding of a run that a terminal made has a command, as long as the paths in it.
COMMANDS = """
for (const finding of document.querySelectorAll('.findings li'))
  finding.insertAdjacentHTML('beforeend', `<pre class="log">${'poolscope measure a/long/path'.repeat(9)}</pre>`)
"""
RUN_AXE = """async ([within, options]) => (await axe.run(within, {
        preload: false, resultTypes: ["violations"], ...options})).violations.map(
    found => `${found.id}: ${found.nodes.slice(0, 3).map(node => `${node.html.slice(0, 160)} ${
        node.any.concat(node.all).map(check => check.message).join(" ")}`).join(" || ")}`)"""

# Rows that open one by one are all opened, too; but no lists of boxes to tick, which would cover each other.
OPEN = """document.querySelectorAll("main details:not(.menu)").forEach(details => {
    details.name = "";
    details.open = !details.matches(".several details");
})"""
# Of these one in each form, by its place there, as it is when somebody opens it: those of other forms are far away, and
# each look at them reads the whole page.
LISTS = "() => Math.max(0, ...[...document.forms].map(form => form.querySelectorAll('.several details').length))"
OPEN_LISTS = """at => {
    for (const form of document.forms) {
        form.querySelectorAll('.several details').forEach((list, place) => { list.open = place === at; });
    }
}"""

# A wait that long fills the time between two pools: starting pools is what costs, and what is looked at needs few.
SLOW: dict[str, Any] = {"workload": "square-sleep", "work_ms": 100, "sizes": "1, 2", "repeats": 100}

Prepare = Callable[[Served], str]


def running(bench: Served) -> str:
    """The bench with a live list, factorials and a measurement that another one waits for."""
    bench.begin("shared-list", producers=2, consumers=2, delay_min=0.2, delay_max=0.5, seconds=600)
    bench.begin("factorials", first=-2, last=30)
    bench.begin("pool-sizes", **SLOW)
    bench.begin("pool-sizes")
    return "/"


def measuring(bench: Served) -> str:
    return f"/runs/{bench.begin('pool-sizes', **SLOW)}"


def shared_list(bench: Served) -> str:
    return f"/runs/{bench.done('shared-list', producers=3, consumers=3, delay_min=0, delay_max=0.01, seconds=0.5)}"


def unguarded(bench: Served) -> str:
    params = {"producers": 8, "consumers": 8, "delay_min": 0, "delay_max": 0.01}
    return f"/runs/{bench.done('shared-list', guard='none', seconds=0.5, **params)}"


def factorials(bench: Served) -> str:
    return f"/runs/{bench.done('factorials', first=-2, last=25)}"


def pool_sizes(bench: Served) -> str:
    return f"/runs/{bench.done('pool-sizes', sizes='1-3', repeats=2)}"


def which_pool(bench: Served) -> str:
    params = {"workload": "square", "kinds": ["thread", "process"], "sizes": "1, 2", "chunksizes": [0, 4], "repeats": 2}
    return f"/runs/{bench.done('which-pool', **params, items=200)}"


def compared(_: Served) -> str:
    return "/guide/threads-or-processes"


def sharing(bench: Served) -> str:
    tools = "none, lock, condition, queue, semaphore, pipe, interpreters"
    return f"/runs/{bench.done('sharing', tools=tools, operations=200, workers=3, repeats=2)}"


def failures(bench: Served) -> str:
    """Real scenarios, and the table of faults and pools made up: it takes an interpreter for each of its many cells."""
    params: dict[str, Any] = {"scenarios": "thread-uncaught, deadlock, central-logging", "task": 0.2, "limit": 0.1}
    real = bench.done("failures", **params)
    answer = bench.api.get(f"/api/runs/{real}/records", headers={"Accept": "application/x-ndjson"})
    *told, end = map(from_line, answer.content.splitlines())
    for case, ending in zip(SCENARIOS[SIDE_BY_SIDE].cases, itertools.cycle(CaseEnding)):
        payloads = (
            CaseBegan(SIDE_BY_SIDE, case),
            FaultMade("worker 1"),
            CaseMoment("worker 1 fails", "failed", "worker 1"),
            TasksKept(("task 1 = 1", "task 2 = 4")),
            TasksLost(("task 3",)),
            CaseOutcome(ending, "Of three tasks, one is lost."),
            CaseExited(0, "", False, 1.0),
            CaseLeftovers(),
        )
        told += [Result(end.t, payload, key(SIDE_BY_SIDE, case)) for payload in payloads]
    scenarios = f"{params['scenarios']}, {SIDE_BY_SIDE}"
    return f"/runs/{kept(bench.data, 'failures', {**params, 'scenarios': scenarios}, [*told, end])}"


def finished(bench: Served) -> str:
    """The bench with an ended run in each panel: those of other tests, where there are some."""
    panels = (
        ("shared-list", shared_list),
        ("factorials", factorials),
        ("pool-sizes", pool_sizes),
        ("sharing", sharing),
    )
    for experiment, prepare in panels:
        runs = bench.api.get("/api/runs", params={"experiment": experiment, "limit": 1}).json()
        if not runs or runs[0]["status"] != "finished":
            prepare(bench)
    return "/"


def history(_: Served) -> str:
    return "/runs"


def queued(bench: Served) -> str:
    measuring(bench)
    return f"/runs/{bench.begin('pool-sizes')}"


def guide(_: Served) -> str:
    return "/guide"


def nothing_there(_: Served) -> str:
    return "/runs/sl-4711"


def api(_: Served) -> str:
    return "/api"


PAGES = (
    nothing_there,
    api,
    queued,
    guide,
    running,
    measuring,
    unguarded,
    factorials,
    pool_sizes,
    which_pool,
    compared,
    sharing,
    failures,
    finished,
    history,
)


def is_settled(page: Page) -> None:
    """Wait until streams are open and charts are drawn."""
    if page.locator("#link").count():
        until_live(page)
    for chart in page.locator("vl-chart").all():
        chart.scroll_into_view_if_needed()  # what is far below is not drawn before
        expect(chart.locator("svg .mark-symbol, svg .mark-rect").first).to_be_attached()


def sideways(page: Page) -> int:
    """By how many pixels the document is wider than its window."""
    wider: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wider


def violations(page: Page, *rules: str, within: str = "html") -> list[Any]:
    found: list[Any] = page.evaluate(RUN_AXE, [within, {"runOnly": list(rules)} if rules else {}])
    return found


@pytest.mark.parametrize("prepare", PAGES)
def test_everyone_can_use_it(open_page: Opens, bench: Served, prepare: Prepare) -> None:
    look_at(open_page(prepare(bench), bypass_csp=True))


def test_everyone_can_use_a_bench_that_has_run_nothing(open_page: Opens) -> None:
    with served() as empty:
        page = open_page(f"{empty.url}/", alone=True, bypass_csp=True)
        look_at(page)
        page.context.close()


def look_at(page: Page) -> None:
    """Look for violations in both themes and several widths; the page bypasses its policy, for axe sets styles."""
    is_settled(page)
    page.evaluate(AXE)
    page.evaluate(OPEN)
    page.evaluate(COMMANDS)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        until(lambda: sideways(page) == 0, f"a document as wide as its window of {width} px")  # charts follow it
        if width not in LOOKED_AT:
            continue
        scheme, *rules = LOOKED_AT[width]
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")  # what lies half below the bar at the top passes for too small a target
        assert violations(page, *rules) == [], f"{scheme}, {width} px"
        for place in range(page.evaluate(LISTS)):
            page.evaluate(OPEN_LISTS, place)
            assert sideways(page) == 0
            assert violations(page, *rules, within=".several details[open]") == [], f"{scheme}, {width} px, {place}"
        page.evaluate(OPEN_LISTS, None)
