"""The shared list in the browser: started by a click, watched live, changed, paused and stopped while it runs."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Opens, start, until_live
from tests.served import Served

# The form remembers what ran last, so each test says all that it rests on.
BRISK = {
    "producers": "1",
    "consumers": "1",
    "delay_min": "0.01",
    "delay_max": "0.05",
    "guard": "lock",
    "capacity": "0",
    "seconds": "600",
}


# How many signs of the equation begin left of their card.
SIGNS_OUTSIDE = """numbers => numbers.filter(number => {
    const { left } = number.parentElement.getBoundingClientRect();
    const sign = left + parseFloat(getComputedStyle(number, "::after").left);
    return sign < number.closest("article").getBoundingClientRect().left;
}).length"""


def reading(page: Page, name: str, inside: str = "#shared-list-live") -> int:
    """A number of the equation over the list, by the name under it."""
    shown = page.locator(f"{inside} dl.read div", has=page.locator("dt", has_text=re.compile(f"^{name}$")))
    return int(re.sub(r"\D", "", shown.locator("dd").inner_text()))


def top(part: Locator) -> float:
    return float(part.evaluate("part => part.getBoundingClientRect().top"))


def bottom(part: Locator) -> float:
    return float(part.evaluate("part => part.getBoundingClientRect().bottom"))


def test_a_click_starts_it_everything_moves_and_it_pauses_resumes_changes_and_stops_while_it_runs(
    open_page: Opens,
) -> None:
    page = until_live(open_page())
    start(page, "shared-list", **{**BRISK, "producers": "2"})

    live, head = page.locator("#shared-list-live"), page.locator("#shared-list-head output")
    expect(head).to_contain_text("running")
    expect(page.locator("#shared-list-progress progress")).to_be_visible()
    expect(live.locator("ol.chips li").nth(5)).to_be_visible()
    expect(live.locator("ol.chips li.new")).to_have_count(1)
    expect(live.locator("figure.lanes li")).to_have_text(["producer 1", "producer 2", "consumer 1"])
    sleeping = live.locator("figure.lanes path[data-state=sleeping]")
    expect(sleeping).to_have_attribute("d", re.compile(r"M\d+ [\d.]+h\d+"))

    before, path = reading(page, "added"), sleeping.get_attribute("d") or ""
    expect(sleeping).not_to_have_attribute("d", path)
    expect(live.locator("dl.read dd").first).not_to_have_text(str(before))
    expect(live.locator("dl.read")).to_contain_text("holds")

    log = live.locator(".log")
    expect(log).to_contain_text(re.compile(r"Added: \d+ \| Current List: \[[\d, ]+\]"))
    expect(log).to_contain_text(re.compile(r"Removed: \d+ \| Current List: \[[\d, ]*\]"))

    controls = page.locator("#shared-list-controls")
    expect(controls.locator("[name=producers]")).to_be_disabled()
    controls.get_by_role("button", name="Pause").click()
    expect(head).to_contain_text("paused")
    # However many wait for the lock, they take no room from what is below.
    readings = live.locator("dl.read")
    calm = readings.evaluate("box => box.getBoundingClientRect().height")
    crowd = ", ".join(f"consumer {n}" for n in range(1, 17))
    readings.locator(".queue dd").evaluate("(names, crowd) => { names.textContent = crowd; }", crowd)
    assert readings.evaluate("box => box.getBoundingClientRect().height") == calm
    controls.get_by_role("button", name="Resume").click()
    expect(head).to_contain_text("running")

    controls.locator("[name=delay_max]").fill("0.02")
    controls.locator("[name=delay_max]").press("Enter")
    expect(controls.locator("[name=delay_max]")).to_have_attribute("value", "0.02")
    expect(controls.locator("[name=delay_min]")).to_have_value("0.01")
    assert not page.locator(".complaint").count()

    low = controls.locator("[name=delay_min]")
    low.fill("7")  # more than the greatest
    low.press("Enter")
    expect(low).to_have_attribute("aria-invalid", "true")
    expect(low).to_have_value("7")
    expect(controls.locator(".complaint")).to_contain_text("must not exceed")
    expect(head).to_contain_text("running")

    page.locator("#shared-list-stop").get_by_role("button").click()
    expect(head).to_contain_text("stopped by you")
    expect(page.locator("#shared-list-form").get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_the_counts_agree_when_it_has_ended_and_what_is_set_under_more_is_not_hidden(
    open_page: Opens, bench: Served
) -> None:
    page = until_live(open_page())
    more = page.locator("#shared-list-form details")
    if more.get_attribute("open") is None:
        more.locator("summary").click()
    shown = start(page, "shared-list", **{**BRISK, "consumers": "7", "capacity": "5", "seconds": "0.5"})

    expect(page.locator("#shared-list-head output")).to_contain_text("finished")
    expect(page.locator("#shared-list-form [name=capacity]")).to_be_visible()
    expect(page.locator("#shared-list-form [name=capacity]")).to_have_value("5")
    # Seven take out what one puts in.
    expect(page.locator("#shared-list-live .log")).to_contain_text("List is empty, nothing to remove.")
    expect(page.locator("#shared-list-live .verdict")).to_be_visible()
    state = bench.run(shown)["state"]
    assert reading(page, "added") == state["added"]
    assert reading(page, "removed") == state["removed"]
    assert state["consistent"]
    # Eight lanes are higher than the room of the panel, and are still not drawn over what is below them.
    axis, key = page.locator("#shared-list-lanes svg.axis"), page.locator("#shared-list-live .key")
    assert bottom(axis) <= top(key)


def test_without_a_guard_the_page_says_what_was_lost_and_the_signs_of_the_equation_stand_within_their_card(
    open_page: Opens,
) -> None:
    page = open_page()
    threads = {"producers": "8", "consumers": "4", "guard": "none"}
    shown = start(page, "shared-list", **{**BRISK, **threads, "delay_min": "0", "delay_max": "0.01", "seconds": "2"})

    expect(page.locator("#shared-list-head output")).to_contain_text("finished")
    expect(page.locator("#shared-list-live dl.read")).to_contain_text("broken")
    assert reading(page, "really added") > reading(page, "added")

    page.goto(f"/runs/{shown}")
    signs = page.locator("#run-list dd[data-op]")
    for width in (1280, 660, 540, 390):
        page.set_viewport_size({"width": width, "height": 900})
        expect(signs).to_have_count(2)
        assert signs.evaluate_all(SIGNS_OUTSIDE) == 0


def test_its_own_page_shows_everything_large_and_stops_it_for_the_bench_too(open_page: Opens) -> None:
    bench, page = until_live(open_page()), open_page("/runs")
    page.goto(f"/runs/{start(bench, 'shared-list', **{**BRISK, 'producers': '2', 'consumers': '2'})}")
    until_live(page)

    expect(page.locator("#run-threads figure.lanes li")).to_have_count(4)
    expect(page.locator("#run-threads svg.track path.line")).to_have_attribute("d", re.compile("M"))
    expect(page.locator("#run-list tbody tr")).to_have_count(4)
    expect(page.locator("#run-lock table.hists")).to_contain_text("acquire")
    expect(page.locator("#run-log ol.log li").nth(20)).to_be_attached()
    expect(page.locator("#run-more")).to_contain_text("Conditions")

    page.locator("#run-head").get_by_role("button", name="Stop").click()
    expect(page.locator("#run-state")).to_contain_text("stopped by you")
    expect(page.get_by_role("button", name="Run again")).to_be_visible()
    expect(bench.locator("#shared-list-head output")).to_contain_text("stopped by you")
