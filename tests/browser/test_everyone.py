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

from tests.browser.conftest import Opens, hide, until_live
from tests.kept_runs import kept
from tests.served import Served
from tests.waiting import until

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text()
# As a page comes, then the narrowest of each arrangement; the bench has one more for the widest windows.
WIDTHS = (1440, 768, 320)
WIDEST = 2560
# What is looked for where, and everything in the narrowest. A scheme changes colours and nothing else, a width places
# and sizes; looking for everything in all of them would take four times as long.
LOOKED_AT: dict[int, tuple[Literal["light", "dark"], *tuple[str, ...]]] = {
    320: ("light",),
    1440: ("dark", "color-contrast", "target-size", "scrollable-region-focusable"),
}
# A finding of a run that a terminal made has a command, as long as the paths in it.
COMMANDS = """
for (const finding of document.querySelectorAll('.findings li'))
  finding.insertAdjacentHTML('beforeend', `<pre class="log">${'poolscope measure a/long/path'.repeat(9)}</pre>`)
"""
# It would load style sheets and media again for two rules: no page has media, nor a style that forbids to turn it. To
# find a selector for each place takes it a third of its time.
RUN_AXE = """async ([within, options]) => (await axe.run(within, {
        preload: false, resultTypes: ["violations"], selectors: false, elementRef: false, ...options})).violations.map(
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

# Of each panel a run that it may show, small enough to be made for that alone.
ENDED: dict[str, dict[str, Any]] = {
    "factorials": {"first": -2, "last": 30},
    "sharing": {"tools": "none, lock, pipe", "operations": 200, "workers": 3, "repeats": 2},
    "which-pool": {"workload": "square", "kinds": ["thread"], "sizes": "1, 2", "repeats": 2, "items": 200},
    "failures": {"scenarios": "thread-uncaught"},
}

Prepare = Callable[[Served], str]


def unguarded(bench: Served) -> str:
    params = {"producers": 8, "consumers": 8, "delay_min": 0, "delay_max": 0.01}
    return f"/runs/{bench.done('shared-list', guard='none', seconds=0.5, **params)}"


def factorials(bench: Served) -> str:
    return f"/runs/{bench.done('factorials', first=-2, last=25)}"


def pool_sizes(bench: Served) -> str:
    return f"/runs/{bench.done('pool-sizes', sizes='1-3', repeats=2)}"


def which_pool(bench: Served) -> str:
    params = {"workload": "square", "kinds": ["thread", "process"], "sizes": "2", "repeats": 2}
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


def guide(_: Served) -> str:
    return "/guide"


def nothing_there(_: Served) -> str:
    return "/runs/sl-4711"


def api(_: Served) -> str:
    return "/api"


PAGES = (nothing_there, api, guide, unguarded, factorials, pool_sizes, which_pool, compared, sharing, failures)
PLAIN = (nothing_there, api, compared)  # words, tables and code, as the guide has them


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
    look_at(open_page(prepare(bench), bypass_csp=True), dark=prepare not in PLAIN)


def test_everyone_can_use_the_pages_of_a_measurement_and_of_one_that_waits_for_it(
    open_page: Opens, bench: Served
) -> None:
    for run_id in (bench.begin("pool-sizes", **SLOW), bench.begin("pool-sizes")):
        look_at(open_page(f"/runs/{run_id}", bypass_csp=True), dark=False)


def test_everyone_can_use_a_bench_that_has_run_nothing(open_page: Opens, bench: Served) -> None:
    for run in bench.api.get("/api/runs", params={"limit": 500}).json():
        bench.api.delete(f"/api/runs/{run['id']}")
    page = open_page(bypass_csp=True)
    expect(page.locator("main article[id] output a")).to_have_count(0)
    look_at(page, WIDEST, *WIDTHS, lists=True)


def test_everyone_can_use_the_bench_while_runs_are_live_and_the_history(open_page: Opens, bench: Served) -> None:
    for experiment, params in ENDED.items():
        bench.done(experiment, **params)
    bench.begin("shared-list", producers=2, consumers=2, delay_min=0.2, delay_max=0.5, seconds=600)
    bench.begin("pool-sizes", **SLOW)
    waits = bench.begin("pool-sizes")
    page = open_page(bypass_csp=True)
    expect(page.locator("#pool-sizes-head output")).to_contain_text("queued")
    look_at(page, WIDEST, *WIDTHS)

    page.goto("/runs")
    expect(page.get_by_role("link", name=waits)).to_be_visible()
    look_at(page, dark=False)


def test_everyone_can_use_the_panels_whose_runs_have_ended(open_page: Opens, bench: Served) -> None:
    bench.done("shared-list", producers=3, consumers=3, delay_min=0, delay_max=0.01, seconds=0.5)
    bench.done("pool-sizes", sizes="1, 2", repeats=2)
    page = open_page(bypass_csp=True)
    for panel in (panels := ("#shared-list", "#pool-sizes")):
        expect(page.locator(f"{panel}-head output")).to_contain_text("finished")
    look_at(page, within=",".join(panels))


def look_at(page: Page, *widths: int, within: str = "html", lists: bool = False, dark: bool = True) -> None:
    """Look for violations in several widths; the page bypasses its policy, for axe sets styles.

    In the dark as well, unless all that a page shows is shown by others, too.
    """
    page.evaluate(OPEN)
    is_settled(page)
    hide(page, True)  # frames that come while it is looked at cost more than that
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    page.evaluate(COMMANDS)
    for width in widths or WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        until(lambda: sideways(page) == 0, f"a document as wide as its window of {width} px")  # charts follow it
        if width not in LOOKED_AT or (width == WIDTHS[0] and not dark):
            continue
        scheme, *rules = LOOKED_AT[width]
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")  # what lies half below the bar at the top passes for too small a target
        assert violations(page, *rules, within=within) == [], f"{scheme}, {width} px"
        assert not lists or page.evaluate(LISTS) > 0
        # In other colours one list looks as the others do.
        for place in range(min(page.evaluate(LISTS), 1 if rules else 99) if lists else 0):
            page.evaluate(OPEN_LISTS, place)
            assert sideways(page) == 0
            assert violations(page, *rules, within=".several details[open]") == [], f"{scheme}, {width} px, {place}"
        page.evaluate(OPEN_LISTS, None)
