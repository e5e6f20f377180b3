"""The first screen in a browser: one button starts three experiments, and nothing jumps meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens, hide, run, until_live
from tests.browser.shifts import BEARABLE, observe, shifts, worst_burst
from tests.served import Served
from tests.waiting import until

# How high each part of a card is; beside higher ones, the card itself says nothing.
CONTENT = "card => [...card.children].map(part => part.offsetHeight)"
HEIGHT = "element => element.offsetHeight"
EVERY = (320, 800, 1100, 1440, 2560)
PHONES = (320, 390)
FROM_A_TABLET = (768, 960, 1088, 1344, 1440, 1920, 2400)  # on a phone panels grow with their runs
# Together, as only one of them measures; each outlasts a slow look at it in all widths.
LIVE: dict[str, dict[str, object]] = {
    "failures": {"scenarios": "by-hand", "wait": 600},
    "shared-list": {"seconds": 600, "delay_min": 1, "delay_max": 2},
    "pool-sizes": {"workload": "square-sleep", "work_ms": 100, "sizes": "1", "repeats": 100},
}
# The part of a panel's height below all that is in it.
EMPTY = """panel => {
    const {top, bottom} = panel.getBoundingClientRect();
    const ends = [...panel.children].map(part => part.getBoundingClientRect().bottom);
    return (bottom - Math.max(top, ...ends)) / (bottom - top);
}"""
# The height of the strip of runs, and how far each state in it reaches out of its line, in pixels.
STRIP = """lines => [lines.offsetHeight, [...lines.querySelectorAll("dd small")].map(state => {
    const [inner, outer] = [state, state.closest("dd")].map(element => element.getBoundingClientRect());
    return Math.ceil(Math.max(0, inner.bottom - outer.bottom, inner.right - outer.right));
})]"""
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


# The readings grow to six digits, and the numbers of the list change all the time.
UNGUARDED: dict[str, object] = {"seconds": 1, "delay_min": 0, "delay_max": 0, "guard": "none"}
# The rows move on with the run, and all but the first run's numbers are long.
SHORT_AND_LONG: list[dict[str, object]] = [{}, {"first": 1000, "last": 1040}]


@pytest.mark.parametrize(
    ("screen", "panels"),
    [
        # In failures rows with sentences of several lengths, and what ran last stands first.
        (
            PHONE,
            {
                "failures": [{"scenarios": "process-queue"}, {"scenarios": "thread-uncaught"}],
                "shared-list": [UNGUARDED, {"seconds": 0.5}],
            },
        ),
        (DESK, {"shared-list": [UNGUARDED], "factorials": SHORT_AND_LONG}),
        # In sharing buttons come into the rows at the end.
        (
            TOUCH,
            {
                "factorials": SHORT_AND_LONG,
                "sharing": [
                    {"tools": "lock,none", "repeats": 1, "operations": 100},
                    {"tools": "rlock", "repeats": 1, "operations": 100},
                ],
            },
        ),
    ],
    ids=["phone", "desk", "touch"],
)
def test_nothing_in_sight_jumps_while_a_panel_shows_one_run_after_another(
    open_page: Opens, bench: Served, screen: dict[str, Any], panels: dict[str, list[dict[str, object]]]
) -> None:
    page = until_live(open_page(**screen))
    observe(page)
    run_ids, moved = [], {}
    for experiment, runs in panels.items():
        page.locator(f"#{experiment}-live").evaluate("panel => panel.scrollIntoView()")
        shifts(page)  # those of the way there
        before = page.evaluate("performance.now()")
        for params in runs:
            run_ids.append(bench.begin(experiment, **params))
            expect(page.locator(f"#{experiment}-head output")).to_contain_text(run_ids[-1])
            expect(page.locator(f"#{experiment}-head output")).to_contain_text("finished")
        moved[experiment] = shifts(page, before)
    for run_id in run_ids:  # the forms show the values of the last run, which other tests measure
        bench.api.delete(f"/api/runs/{run_id}")
    assert {experiment: each for experiment, each in moved.items() if worst_burst(each) >= BEARABLE} == {}


def test_a_panel_whose_run_waits_is_not_empty_and_nothing_in_sight_jumps_as_it_begins(
    open_page: Opens, bench: Served
) -> None:
    pages = [until_live(open_page(**screen)) for screen in (DESK, PHONE)]
    measured = bench.begin("sharing", operations=20_000)
    run(pages[0], "failures")
    begins = []
    for page in pages:
        panel = page.locator("#failures-live")
        expect(panel.locator(".said")).to_contain_text("Waits for its turn")
        assert panel.evaluate(EMPTY) < 0.2
        panel.evaluate("panel => panel.scrollIntoView()")
        observe(page)
        begins.append(page.evaluate("performance.now()"))
    bench.stop(measured)
    for page, before in zip(pages, begins, strict=True):
        expect(page.locator("#failures-head output")).to_contain_text("running")
        expect(page.locator("#failures-live .said")).not_to_contain_text("Waits for its turn")
        assert worst_burst(moved := shifts(page, before)) < BEARABLE, moved


def test_the_first_card_keeps_its_height_as_its_run_begins_and_leads_to_its_panel(open_page: Opens) -> None:
    page = until_live(open_page("/?defaults=which-pool", unfold=False))
    panel, form = page.locator("#which-pool"), page.locator("#which-pool-form")
    sizes, button = form.locator("[name=sizes]"), form.get_by_role("button", name="Run", exact=True)
    run(page, "which-pool", sizes="many")
    expect(sizes).to_be_focused()
    expect(page.locator("#which-pool-sizes-wrong")).to_be_in_viewport()
    expect(panel).not_to_be_in_viewport()

    form.get_by_role("link", name="Reset").click()
    expect(sizes).to_have_value("1, 2, 4, 8")
    expect(form.locator(".complaint")).to_have_count(0)
    idle = in_widths(page, {".ways article": CONTENT}, EVERY)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate("scrollTo(0, 0)")
    button.click()
    expect(page.locator("#which-pool-head output")).to_contain_text("running")
    until(lambda: page.evaluate(HIDDEN, "#which-pool") <= 0, "the panel below the bar")
    expect(panel).to_be_in_viewport()
    expect(page.locator("#which-pool-stop button")).to_be_visible()
    assert in_widths(page, {".ways article": CONTENT}, EVERY) == idle


def test_fields_keep_their_room_and_states_stay_in_sight_whatever_runs(open_page: Opens, bench: Served) -> None:
    page, lines = until_live(open_page()), "#now dl"
    asks = {f"#{experiment}-ask": HEIGHT for experiment in (*LIVE, "sharing")}
    for ask in asks:
        expect(page.locator(ask).get_by_role("button", name="Run", exact=True)).to_be_visible()
    room = in_widths(page, {lines: STRIP, **asks}, FROM_A_TABLET)
    strip = room.pop(lines) + in_widths(page, {lines: STRIP}, PHONES)[lines]
    runs = {experiment: bench.begin(experiment, **params) for experiment, params in LIVE.items()}
    for experiment in LIVE:
        are_live(page, experiment)
    hold(page, bench)
    assert in_widths(page, dict.fromkeys(list(asks)[:-1], HEIGHT), FROM_A_TABLET) == {
        ask: heights for ask, heights in room.items() if ask != "#sharing-ask"
    }

    hide(page, False)
    bench.stop(runs["pool-sizes"])
    page.locator("#failures-kill").get_by_role("button", name="Kill now").click()
    expect(page.locator(lines)).to_contain_text("You killed worker")
    several = [bench.begin("shared-list", **LIVE["shared-list"]) for _ in range(2)]
    several.append(bench.begin("sharing", operations=20_000, repeats=30))
    are_live(page, "sharing")
    expect(page.locator(lines)).to_contain_text("and 1 more")
    hold(page, bench)
    bench.stop_all()
    live = in_widths(page, {lines: STRIP, "#sharing-ask": HEIGHT}, FROM_A_TABLET)
    assert live["#sharing-ask"] == room["#sharing-ask"]
    full = live[lines] + in_widths(page, {lines: STRIP}, PHONES)[lines]
    assert full == [[height, [0] * 5] for height, _ in strip]
    for run_id in (*runs.values(), *several):  # the forms show the values of the last run, which other tests measure
        bench.api.delete(f"/api/runs/{run_id}")


def hold(page: Page, bench: Served) -> None:
    """Have the page stay as it is: frames that come while it is measured cost more than that."""
    hide(page, True)
    until(lambda: bench.viewers() == 0, "the end of the stream")


def are_live(page: Page, experiment: str) -> None:
    """Wait until a panel has the buttons of a live run."""
    ask = page.locator(f"#{experiment}-ask")
    expect(ask.get_by_role("button", name="Stop")).to_be_visible()
    if experiment != "shared-list":
        expect(ask.get_by_role("button", name="Kill now")).to_be_visible()


def test_the_button_of_a_tool_with_its_cure_stays_on_a_phone(open_page: Opens, bench: Served) -> None:
    run_id = bench.done("sharing", tools=["none"], repeats=1)
    page = open_page(**PHONE)
    expect(page.locator("#sharing-live").get_by_role("button", name="no guard")).to_have_text("Run with Lock")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bench.api.delete(f"/api/runs/{run_id}")


def in_widths(page: Page, asked: Mapping[str, str], widths: Iterable[int]) -> dict[str, list[Any]]:
    """What the first of each kind says, if asked, in windows of several widths."""
    found: dict[str, list[Any]] = {selector: [] for selector in asked}
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        for selector, what in asked.items():
            found[selector].append(page.locator(selector).first.evaluate(what))
    return found


def test_a_link_to_a_panel_opens_what_it_is_folded_in(open_page: Opens) -> None:
    page = open_page("/?defaults=sharing#sharing", unfold=False)
    assert page.evaluate(HIDDEN, "#sharing") <= 0
    expect(page.locator("#sharing-form")).to_be_visible()
    expect(page.locator("#failures-form")).to_be_hidden()
