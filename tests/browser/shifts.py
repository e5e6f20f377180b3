"""What moves on a page without anybody's doing: the browser's own layout shift."""

from __future__ import annotations

from itertools import pairwise

from playwright.sync_api import Page

# Each as (ms, score, what moved); those from before the script came are told too.
OBSERVE = """() => {
    const named = node => node && (node.id || node.parentElement?.id || node.nodeName);
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const shift of list.getEntries()) {
            if (!shift.hadRecentInput) {
                shifts.push([shift.startTime, shift.value, shift.sources.map(source => named(source.node)).join()]);
            }
        }
    }).observe({type: "layout-shift", buffered: true});
}"""
BEARABLE = 0.02

Shift = tuple[float, float, str]


def observe(page: Page) -> None:
    """Have the page keep its shifts from now on, and those that it has had."""
    page.evaluate(OBSERVE)


def shifts(page: Page, since: float = 0) -> list[Shift]:
    """The page's shifts so far, with those of the frame that is being drawn."""
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)))")
    return [shift for shift in page.evaluate("shifts") if shift[0] > since]


def worst_burst(shifts: list[Shift]) -> float:
    """The greatest sum of shifts that follow each other within a second: a page's layout shift, as browsers tell it."""
    worst = burst = shifts[0][1] if shifts else 0.0
    for (before, *_), (moment, score, _) in pairwise(shifts):
        burst = burst + score if moment - before < 1_000 else score
        worst = max(worst, burst)
    return worst
