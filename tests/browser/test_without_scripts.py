"""Without JavaScript every form still works: run, stop, change, a page for what is wrong, and the replay."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect
from poolscope.experiments.registry import EXPERIMENTS

from tests.browser.conftest import Opens, fill
from tests.served import Served
from tests.waiting import until

ENDLESS = {"delay_min": "0.01", "delay_max": "0.05", "seconds": "600"}

# Of every experiment a field, and a value that it refuses.
WRONG = {
    "shared-list": ("producers", "99"),
    "factorials": ("workers", "1000"),
    "pool-sizes": ("sizes", "many"),
    "sharing": ("operations", "1"),
    "which-pool": ("work_ms", "-3"),
    "failures": ("limit", "-1"),
}


def plain(open_page: Opens, path: str = "/") -> Page:
    return open_page(path, java_script_enabled=False)


def start(page: Page, experiment: str, **values: str) -> None:
    fill(page, experiment, **values)
    page.locator(f"#{experiment}-form").get_by_role("button", name="Run", exact=True).click()


def test_run_leads_to_the_run_where_it_is_paused_and_the_bench_offers_apply_and_stop(
    open_page: Opens, bench: Served
) -> None:
    page = plain(open_page)
    start(page, "shared-list", **ENDLESS)
    page.wait_for_url(re.compile(r"/runs/sl-\d+$"))
    shown = page.url.rpartition("/")[2]
    until(lambda: bench.run(shown)["status"] == "running", "the beginning of the run")
    page.get_by_role("link", name="Reload it").click()  # a page without scripts shows what was when it came
    page.wait_for_load_state()
    page.locator("#run-head").get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"/runs/sl-\d+$"))
    expect(page.locator("#run-head").get_by_role("button", name="Stop")).to_be_visible()

    page.goto("/")
    controls = page.locator("#shared-list-controls")
    controls.locator("[name=delay_max]").fill("0.2")
    controls.get_by_role("button", name="Apply").click()
    page.wait_for_url(f"**/runs/{shown}")
    page.goto("/")
    expect(page.locator("#shared-list-controls [name=delay_max]")).to_have_value("0.2")
    page.locator("#shared-list-stop").get_by_role("button", name="Stop").click()
    page.wait_for_url(f"**/runs/{shown}")

    assert bench.ended(shown)["status"] == "stopped"
    page.reload()
    expect(page.locator("#run-state")).to_contain_text("stopped by you")
    expect(page.get_by_role("link", name="Reload it")).to_have_count(0)
    expect(page.locator("#run-log ol.log li").first).to_be_visible()


def test_a_wrong_value_comes_back_on_a_page_that_says_what_is_allowed(open_page: Opens) -> None:
    page = plain(open_page)
    start(page, "shared-list", producers="99", consumers="7")

    expect(page.get_by_role("heading", level=1)).to_have_text("These parameters can't be run")
    field = page.locator("#shared-list-form [name=producers]")
    expect(field).to_have_value("99")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#shared-list-producers-wrong")).to_contain_text("1 to 16")
    expect(page.locator("#shared-list-form [name=consumers]")).to_have_value("7")

    start(page, "shared-list", producers="2", consumers="1", seconds="0.2")
    page.wait_for_url(re.compile(r"/runs/sl-\d+$"))


def test_a_form_that_comes_back_is_as_wide_as_its_page_leaves_it_room(open_page: Opens) -> None:
    assert WRONG.keys() == EXPERIMENTS.keys()
    page = plain(open_page)
    for experiment, (name, value) in WRONG.items():
        page.goto("/")
        page.evaluate("for (const fold of document.querySelectorAll('details.fold')) fold.open = true")
        start(page, experiment, **{name: value})
        expect(page.locator(f"#{experiment}-form [name={name}]")).to_have_value(value)
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            panel = page.locator(f"article:has(#{experiment}-form)").bounding_box()
            assert panel is not None, experiment
            assert panel["width"] > 0.7 * width, experiment
            expect(page.locator(f"#{experiment}-{name}-wrong")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, experiment


def test_a_run_that_is_not_there_has_a_page_that_says_so(open_page: Opens) -> None:
    page = plain(open_page, "/runs/sl-4711")

    expect(page.get_by_role("heading", level=1)).to_have_text("No such run")
    page.get_by_role("link", name="Back to the bench").click()
    expect(page.locator("#shared-list")).to_be_visible()


def test_the_history_is_filtered_and_leads_to_runs(open_page: Opens, bench: Served) -> None:
    shown = bench.done("factorials", last=3)
    page = plain(open_page, "/runs")
    page.locator("[name=experiment]").select_option("factorials")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name=shown).click()

    expect(page.locator("#run-results tbody tr")).to_have_count(3)
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/runs")
    expect(page.get_by_role("link", name=shown)).to_have_count(0)


def test_a_replay_shows_the_moment_that_was_chosen(open_page: Opens, bench: Served) -> None:
    shown = bench.done("shared-list", delay_min=0.01, delay_max=0.02, seconds=1)
    page = plain(open_page, f"/runs/{shown}")
    whole = page.locator("#run-list dl.read").inner_text()
    page.locator("#scrub").press("Home")
    page.get_by_role("button", name="Show this moment").click()
    page.wait_for_url("**?t=*")

    expect(page.locator("#run-threads header output")).to_have_text(re.compile(r"^0\.0.s$"))
    assert page.locator("#run-list dl.read").inner_text() != whole
    page.get_by_role("link", name="To the end").click()
    assert page.locator("#run-list dl.read").inner_text() == whole
