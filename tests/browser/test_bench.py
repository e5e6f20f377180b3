"""The first screen in a browser: one button starts three experiments, and nothing jumps meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens, run, until_live
from tests.browser.shifts import BEARABLE, observe, shifts, worst_burst
from tests.served import Served
from tests.waiting import until

# How high each part of a card is; beside higher ones, the card itself says nothing.
CONTENT = "card => [...card.children].map(part => part.offsetHeight)"
HEIGHT = "element => element.offsetHeight"
EVERY = (320, 390, 800, 1100, 1440, 2560)
FROM_A_TABLET = (768, 900, 1024, 1280, 1440, 1920, 2400, 2560)  # on a phone panels grow with their runs
# Together, as far as only one run measures at a time; each outlasts a slow look at it in all widths.
LIVE: tuple[dict[str, dict[str, object]], ...] = (
    {
        "failures": {"scenarios": "by-hand", "wait": 600},
        "shared-list": {"seconds": 600, "delay_min": 1, "delay_max": 2},
        "pool-sizes": {"workload": "square-sleep", "work_ms": 100, "sizes": "1", "repeats": 100},
    },
    {"sharing": {"operations": 20_000, "repeats": 30}},
)
# The part of a panel's height below all that is in it.
EMPTY = """panel => {
    const {top, bottom} = panel.getBoundingClientRect();
    const ends = [...panel.children].map(part => part.getBoundingClientRect().bottom);
    return (bottom - Math.max(top, ...ends)) / (bottom - top);
}"""
# How far each state in the strip of runs reaches out of its line, in pixels.
CUT_OFF = """lines => [...lines.querySelectorAll("dd small")].map(state => {
    const [inner, outer] = [state, state.closest("dd")].map(element => element.getBoundingClientRect());
    return Math.ceil(Math.max(0, inner.bottom - outer.bottom, inner.right - outer.right));
})"""
# How much of a panel the bar at the top covers, in pixels.
HIDDEN = """panel => document.querySelector("body > header").getBoundingClientRect().bottom
    - document.querySelector(panel).getBoundingClientRect().top"""


def test_three_experiments_start_by_one_button_and_nothing_jumps(open_page: Opens, bench: Served) -> None:
    page = until_live(open_page(unfold=False))
    observe(page)
    page.get_by_role("button", name="Start all three").click()
    assert page.evaluate(HIDDEN, "#shared-list") <= 0
    expect(page.locator("#shared-list-live .chips li").first).to_be_visible()
    expect(page.locator("#factorials-head output")).to_contain_text("finished")
    bench.stop_all()
    expect(page.locator("#shared-list-head output")).to_contain_text(re.compile("stopped|finished"))
    assert worst_burst(moved := shifts(page)) < BEARABLE, moved


PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}
TOUCH: dict[str, Any] = {**PHONE, "has_touch": True, "is_mobile": True}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 844}}


@pytest.mark.parametrize(
    ("screen", "experiment", "runs"),
    [
        # Rows with sentences of several lengths, and what ran last stands first.
        (PHONE, "failures", [{"scenarios": "process-queue"}, {"scenarios": "thread-uncaught"}]),
        # The readings grow to six digits, and the numbers of the list change all the time.
        (PHONE, "shared-list", [{"seconds": 1, "delay_min": 0, "delay_max": 0, "guard": "none"}, {"seconds": 0.5}]),
        (DESK, "shared-list", [{"seconds": 1, "delay_min": 0, "delay_max": 0, "guard": "none"}]),
        # The rows move on with the run, and all but the first run's numbers are long.
        (TOUCH, "factorials", [{}, {"first": 1000, "last": 1040}]),
        (DESK, "factorials", [{}, {"first": 1000, "last": 1040}]),
        # Buttons come into the rows at the end.
        (TOUCH, "sharing", [{"tools": "lock,none", "repeats": 1, "operations": 100}, {"tools": "rlock", "repeats": 1}]),
    ],
)
def test_nothing_in_sight_jumps_while_a_panel_shows_one_run_after_another(
    open_page: Opens, bench: Served, screen: dict[str, Any], experiment: str, runs: list[dict[str, object]]
) -> None:
    page = until_live(open_page(**screen))
    page.locator(f"#{experiment}-live").evaluate("panel => panel.scrollIntoView()")
    observe(page)
    before = page.evaluate("performance.now()")
    run_ids = []
    for params in runs:
        run_ids.append(bench.begin(experiment, **params))
        expect(page.locator(f"#{experiment}-head output")).to_contain_text(run_ids[-1])
        expect(page.locator(f"#{experiment}-head output")).to_contain_text("finished")
    moved = shifts(page, before)
    for run_id in run_ids:  # the forms show the values of the last run, which other tests measure
        bench.api.delete(f"/api/runs/{run_id}")
    assert worst_burst(moved) < BEARABLE, moved


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_a_panel_whose_run_waits_is_not_empty_and_nothing_in_sight_jumps_as_it_begins(
    open_page: Opens, bench: Served, screen: dict[str, Any]
) -> None:
    page, head = until_live(open_page(**screen)), "#failures-head output"
    measured = bench.begin("sharing", operations=20_000)
    run(page, "failures")
    expect(page.locator("#failures-live .said")).to_contain_text("Waits for its turn")
    panel = page.locator("#failures-live")
    assert panel.evaluate(EMPTY) < 0.2
    panel.evaluate("panel => panel.scrollIntoView()")
    observe(page)
    before = page.evaluate("performance.now()")
    bench.stop(measured)
    expect(page.locator(head)).to_contain_text("running")
    expect(page.locator("#failures-live .said")).not_to_contain_text("Waits for its turn")
    assert worst_burst(moved := shifts(page, before)) < BEARABLE, moved


def test_the_first_card_leads_to_its_panel_once_its_run_has_begun(open_page: Opens) -> None:
    page = until_live(open_page("/?defaults=which-pool", unfold=False))
    panel, sizes = page.locator("#which-pool"), page.locator("#which-pool-form [name=sizes]")
    run(page, "which-pool", sizes="many")
    expect(sizes).to_be_focused()
    expect(page.locator("#which-pool-sizes-wrong")).to_be_in_viewport()
    expect(panel).not_to_be_in_viewport()

    run(page, "which-pool", sizes="2")
    expect(page.locator("#which-pool-head output")).to_contain_text("running")
    until(lambda: page.evaluate(HIDDEN, "#which-pool") <= 0, "the panel below the bar")
    expect(panel).to_be_in_viewport()


def test_the_first_card_keeps_its_height_as_its_run_begins(open_page: Opens) -> None:
    page = until_live(open_page("/?defaults=which-pool", unfold=False))
    form = page.locator("#which-pool-form")
    form.get_by_role("link", name="Reset").click()
    expect(form.locator("[name=sizes]")).to_have_value("1, 2, 4, 8")
    expect(form.get_by_role("button", name="Run", exact=True)).to_be_visible()
    idle = in_widths(page, [".ways article"], CONTENT, EVERY)
    page.evaluate("scrollTo(0, 0)")
    form.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#which-pool-stop button")).to_be_visible()
    assert in_widths(page, [".ways article"], CONTENT, EVERY) == idle


def test_the_fields_of_a_panel_keep_their_room_as_a_run_begins(open_page: Opens, bench: Served) -> None:
    page = until_live(open_page())
    asks = {experiment: f"#{experiment}-ask" for together in LIVE for experiment in together}
    for selector in asks.values():
        expect(page.locator(selector).get_by_role("button", name="Run", exact=True)).to_be_visible()
    idle = in_widths(page, asks.values(), HEIGHT, FROM_A_TABLET)
    for together in LIVE:
        for experiment, params in together.items():
            bench.begin(experiment, **params)
        for experiment in together:
            ask = page.locator(asks[experiment])
            expect(ask.get_by_role("button", name="Stop")).to_be_visible()
            if experiment != "shared-list":
                expect(ask.get_by_role("button", name="Kill now")).to_be_visible()
        live = in_widths(page, [asks[experiment] for experiment in together], HEIGHT, FROM_A_TABLET)
        assert live == {selector: idle[selector] for selector in live}
        bench.stop_all()


def test_states_stay_in_sight_behind_long_results_and_several_runs(open_page: Opens, bench: Served) -> None:
    page, lines = until_live(open_page()), "#now dl"
    idle = in_widths(page, [lines], HEIGHT, EVERY)
    runs = [bench.begin("failures", scenarios="by-hand")]
    page.locator("#failures-kill").get_by_role("button", name="Kill now").click()
    expect(page.locator(lines)).to_contain_text("You killed worker")
    assert in_widths(page, [lines], CUT_OFF, EVERY) == {lines: [[0]] * len(EVERY)}
    assert in_widths(page, [lines], HEIGHT, EVERY) == idle

    runs += [bench.begin("shared-list", seconds=600, delay_min=1, delay_max=2) for _ in range(4)]
    expect(page.locator(lines)).to_contain_text("and 1 more")
    assert in_widths(page, [lines], CUT_OFF, EVERY) == {lines: [[0] * 5] * len(EVERY)}
    assert in_widths(page, [lines], HEIGHT, EVERY) == idle
    bench.stop_all()
    for run_id in runs:  # the forms show the values of the last run, which other tests measure
        bench.api.delete(f"/api/runs/{run_id}")


def test_the_button_of_a_tool_with_its_cure_stays_on_a_phone(open_page: Opens, bench: Served) -> None:
    run_id = bench.done("sharing", tools=["none"], repeats=1)
    page = open_page(**PHONE)
    expect(page.locator("#sharing-live").get_by_role("button", name="no guard")).to_have_text("Run with Lock")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bench.api.delete(f"/api/runs/{run_id}")


def in_widths(page: Page, selectors: Iterable[str], what: str, widths: tuple[int, ...]) -> dict[str, list[object]]:
    """What the first of each kind says of itself in windows of several widths."""
    found: dict[str, list[object]] = {selector: [] for selector in selectors}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        for selector, said in found.items():
            said.append(page.locator(selector).first.evaluate(what))
    return found


def test_a_link_to_a_panel_opens_what_it_is_folded_in(open_page: Opens) -> None:
    page = open_page("/?defaults=sharing#sharing", unfold=False)
    assert page.evaluate(HIDDEN, "#sharing") <= 0
    expect(page.locator("#sharing-form")).to_be_visible()
    expect(page.locator("#failures-form")).to_be_hidden()
