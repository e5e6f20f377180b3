"""The first screen in a browser: one button starts three experiments, and nothing jumps meanwhile."""

from __future__ import annotations

import re
from itertools import pairwise

from playwright.sync_api import expect

from tests.browser.conftest import Opens, until_live
from tests.served import Served

# What moved without anybody's doing, as (ms, score); those from before the script came are told too.
OBSERVE = """() => {
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) if (!shift.hadRecentInput) shifts.push([shift.startTime, shift.value]);
    }).observe({type: "layout-shift", buffered: true});
}"""
BEARABLE = 0.02
# How much of a panel the bar at the top covers, in pixels.
HIDDEN = """panel => document.querySelector("body > header").getBoundingClientRect().bottom
    - document.querySelector(panel).getBoundingClientRect().top"""


def worst_burst(shifts: list[tuple[float, float]]) -> float:
    """The greatest sum of shifts that follow each other within a second: a page's layout shift, as browsers tell it."""
    worst = burst = shifts[0][1] if shifts else 0.0
    for (before, _), (moment, score) in pairwise(shifts):
        burst = burst + score if moment - before < 1_000 else score
        worst = max(worst, burst)
    return worst


def test_three_experiments_start_by_one_button_and_nothing_jumps(open_page: Opens, bench: Served) -> None:
    page = until_live(open_page(unfold=False))
    page.evaluate(OBSERVE)
    page.get_by_role("button", name="Start all three").click()
    assert page.evaluate(HIDDEN, "#shared-list") <= 0
    expect(page.locator("#shared-list-live .chips li").first).to_be_visible()
    expect(page.locator("#factorials-head output")).to_contain_text("finished")
    bench.stop_all()
    expect(page.locator("#shared-list-head output")).to_contain_text(re.compile("stopped|finished"))
    assert worst_burst(page.evaluate("shifts")) < BEARABLE


def test_a_link_to_a_panel_opens_what_it_is_folded_in(open_page: Opens) -> None:
    page = open_page("/?defaults=sharing#sharing", unfold=False)
    assert page.evaluate(HIDDEN, "#sharing") <= 0
    expect(page.locator("#sharing-form")).to_be_visible()
    expect(page.locator("#failures-form")).to_be_hidden()
