"""Pool sizes in the browser: dots as they land in the chart, the table, the verdict, and the large page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opens, Watched, start, until_live
from tests.served import Served

SMALL = {
    "sizes": "1, 2",
    "first": "1",
    "last": "10",
    "workload": "square",
    "work_ms": "",
    "repeats": "3",
    "method": "map",
}
LONG = {**SMALL, "workload": "square-sleep", "work_ms": "5", "repeats": "100"}
LABEL = "longer than any label before"
# Whether what a chart says ends where the chart does.
INSIDE = """label => {
    const chart = document.querySelector("#phase-chart");
    const text = [...chart.querySelectorAll("text")].find(text => text.textContent === label);
    return text.getBoundingClientRect().right <= chart.getBoundingClientRect().right;
}"""
VEGA = re.compile(r"/static/vendor/vega")


@pytest.fixture(scope="module")
def ended(bench: Served) -> str:
    """A finished run, which several tests look at."""
    return bench.done("pool-sizes", sizes=[2], repeats=3)


def dots(page: Page, chart: str = "#pool-sizes-chart") -> int:
    """Dots that a chart of map times has drawn."""
    return page.locator(f"{chart} svg .mark-symbol path").count()


def drawn(page: Page, chart: str) -> None:
    """Go to a chart, for what is far below is not drawn before, and wait until it shows something."""
    page.locator(chart).scroll_into_view_if_needed()
    expect(page.locator(f"{chart} svg .mark-symbol path").first).to_be_visible()


def lengthened(route: Route) -> None:
    """The same data with one longer label at the end of each bar."""
    answer = route.fetch()
    data = answer.json()
    route.fulfill(
        response=answer, json={**data, "phases": [{**row, "label": LABEL, "ms": 100} for row in data["phases"]]}
    )


def test_dots_land_in_the_chart_while_it_runs_and_a_second_one_waits_for_its_turn_and_can_be_cancelled(
    open_page: Opens, bench: Served
) -> None:
    page = until_live(open_page())
    start(page, "pool-sizes", **LONG)

    head = page.locator("#pool-sizes-head output")
    expect(head).to_contain_text(re.compile(r"running · .* left"))
    drawn(page, "#pool-sizes-chart")
    few = dots(page)
    expect(page.locator("#pool-sizes-chart svg .mark-symbol path").nth(few + 5)).to_be_attached()

    bench.begin("pool-sizes", repeats=100)
    expect(head).to_contain_text("queued, 1st")
    expect(page.locator("#pool-sizes-live")).to_contain_text("Waits for its turn")
    page.locator("#pool-sizes-stop").get_by_role("button", name="Cancel").click()
    expect(head).to_contain_text("cancelled")


def test_it_ends_with_a_verdict_and_a_table_of_medians(open_page: Opens, bench: Served) -> None:
    page = until_live(open_page())
    shown = start(page, "pool-sizes", **SMALL)

    expect(page.locator("#pool-sizes-head output")).to_contain_text("finished")
    expect(page.locator("#pool-sizes-live .verdict strong")).to_contain_text(re.compile(r"\w+"))
    rows = page.locator("#pool-sizes-live tbody tr")
    expect(rows.locator("th")).to_have_text(["plain loop", "1", "2"])
    state = bench.run(shown)["state"]
    for row, size in zip(rows.all()[1:], state["sizes"], strict=True):
        assert abs(float(row.locator("td").nth(1).inner_text()) - 1000 * size["map_s"]["median"]) < 0.06


def test_its_own_page_has_what_it_tells_and_only_a_page_with_charts_loads_vega_for_those_in_sight(
    open_page: Opens, watched: Watched, bench: Served, ended: str
) -> None:
    page = open_page(f"/runs/{bench.done('factorials')}")
    for path in ("/runs", "/api"):
        page.goto(path)
        expect(page.get_by_role("button", name="Theme")).to_be_visible()
    assert not [path for path in watched.requests if VEGA.search(path)]

    page.set_viewport_size({"width": 412, "height": 823})
    page.goto(f"/runs/{ended}")
    drawn(page, "#map-chart")
    assert len([path for path in watched.requests if VEGA.search(path)]) == 3
    assert not page.locator("#drift-chart").evaluate("chart => chart.seen")  # it is far below

    for chart in ("#map-chart", "#speed-chart", "#drift-chart"):
        drawn(page, chart)
    assert dots(page, "#map-chart") >= 3
    page.locator("#phase-chart").scroll_into_view_if_needed()
    expect(page.locator("#phase-chart svg .mark-rect path").first).to_be_visible()
    expect(page.locator("#run-workers figure.lanes li")).to_have_count(2)
    expect(page.locator("#run-workers rect").first).to_be_visible()
    transcript = page.locator("#run-transcript")
    expect(transcript).to_contain_text("Using a pool of size 2:")
    expect(transcript).to_contain_text("Results: [1, 4, 9")
    expect(transcript).to_contain_text(re.compile(r"Time taken: \d+\.\d{4} seconds"))
    expect(page.locator("#run-findings ol.findings li")).not_to_have_count(0)
    expect(page.locator("#run-repetitions tbody").first.locator("tr")).to_have_count(3)
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.locator("#run-speedup .scroll").evaluate("each => each.scrollWidth <= each.clientWidth"), width

    page.route("**/chart.json*", lengthened)
    page.locator("#phase-chart").evaluate(
        "chart => { chart.setAttribute('src', `${chart.getAttribute('src')}&later`); }"
    )
    expect(page.locator("#phase-chart").get_by_text(LABEL)).to_be_attached()
    page.wait_for_function(INSIDE, arg=LABEL)


def test_a_chart_whose_library_was_lost_on_the_way_is_drawn_after_all(
    open_page: Opens, watched: Watched, ended: str
) -> None:
    watched.expected += ["vega.min.js", "ERR_FAILED"]
    page = open_page("/runs", alone=True)
    page.route(VEGA, lambda route: route.abort(), times=1)
    page.goto(f"/runs/{ended}")

    drawn(page, "#map-chart")
    drawn(page, "#speed-chart")
