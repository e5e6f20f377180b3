"""The page of a run in a browser: it goes on with its run, and nothing on it jumps meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens
from tests.browser.shifts import BEARABLE, observe, shifts, worst_burst
from tests.served import Served

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
SCREENS: tuple[dict[str, Any], ...] = (
    {**PHONE, "has_touch": True, "is_mobile": True},
    {"viewport": {"width": 1440, "height": 900}},
)
A_WORD = 0.005  # the score of a few words that move within their line; a paragraph on a phone has twice that


@pytest.mark.parametrize(
    ("experiment", "params"),
    [
        ("shared-list", {"seconds": 1}),
        ("factorials", {"last": 8}),
        ("factorials", {"first": 1000, "last": 1040}),
        ("pool-sizes", {"sizes": "2, 4", "repeats": 2}),
        ("which-pool", {"kinds": ["thread", "process"], "sizes": "2", "repeats": 2, "work_ms": 1}),
        ("sharing", {"tools": "none, lock, pipe", "repeats": 2, "operations": 200}),
    ],
)
def test_nothing_in_sight_jumps_from_the_start_of_a_run_to_its_end(
    open_page: Opens, bench: Served, experiment: str, params: dict[str, Any]
) -> None:
    run_id = bench.begin(experiment, **params)
    pages = [open_page(f"/runs/{run_id}", unfold=False, **screen) for screen in SCREENS]
    for page in pages:
        observe(page)
    assert_nothing_moves(pages, bench, run_id)


def test_nothing_in_sight_jumps_as_a_worker_is_killed(open_page: Opens, bench: Served) -> None:
    run_id = bench.begin("failures", scenarios="by-hand")
    pages = [open_page(f"/runs/{run_id}", unfold=False, **screen) for screen in SCREENS]
    for page in pages:
        observe(page)
        expect(page.locator("#run-kill")).to_be_visible()
    assert bench.api.post(f"/api/runs/{run_id}/faults", json={"worker": 1}).is_success
    for page in pages:
        expect(page.locator("#run-head .notice")).to_be_visible()
    assert_nothing_moves(pages, bench, run_id, A_WORD)


def assert_nothing_moves(pages: list[Page], bench: Served, run_id: str, bearable: float = BEARABLE) -> None:
    """Wait on all pages of a run for its end; none of them may have moved until then."""
    bench.ended(run_id)
    for page in pages:
        expect(page.locator("#run-state")).to_contain_text("finished")
        expect(page.locator("#verdict")).to_be_visible()
    moved = [shifts(page) for page in pages]
    for page in pages:
        page.goto("/healthz")  # nothing asks any more for the charts of what is deleted
    # The bench's forms show the values of the last run, which other tests measure.
    bench.api.delete(f"/api/runs/{run_id}")
    assert max(map(worst_burst, moved)) < bearable, [shift for each in moved for shift in each if shift[1] > 0.001]


def test_the_page_of_a_run_that_has_ended_keeps_no_room_for_it(open_page: Opens, bench: Served) -> None:
    run_id = bench.done("factorials", last=3)
    page = open_page(f"/runs/{run_id}", unfold=False, **PHONE)
    head, workers = page.locator("#run-head"), page.locator("#run-workers")
    gap = head.evaluate(
        "(head, below) => below.getBoundingClientRect().top - head.getBoundingClientRect().bottom",
        workers.element_handle(),
    )
    assert gap < 16


def test_the_head_of_a_chart_has_its_height_before_there_is_an_interval(open_page: Opens, bench: Served) -> None:
    run_id = bench.done("pool-sizes", sizes="2", repeats=2)
    page = open_page(f"/runs/{run_id}", unfold=False, **PHONE)
    said = page.locator("#run-map header p")
    expect(said).to_contain_text("median, ")
    page.locator("main").evaluate("main => main.classList.add('live')")
    height = "said => said.offsetHeight"
    named = said.evaluate(height)
    said.evaluate("said => { said.textContent = said.textContent.replace(/, [^,]*$/, '.'); }")
    assert said.evaluate(height) == named
    bench.api.delete(f"/api/runs/{run_id}")
