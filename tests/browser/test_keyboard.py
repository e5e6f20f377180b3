"""Hands on the keyboard alone, the theme button, and what the page offers to those who can't see it."""

from __future__ import annotations

from typing import Any, Literal

from playwright.sync_api import Page, expect

from tests.browser.conftest import Opens, until_live
from tests.served import Served

FOCUSED = """() => {
    const element = document.activeElement, style = getComputedStyle(element), box = element.getBoundingClientRect();
    return {
        tag: element.tagName, id: element.id, name: element.name || element.textContent.trim().slice(0, 40),
        panel: element.closest("article")?.id || "", outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
        seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    };
}"""


def focused(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(FOCUSED)
    return found


def tab_to(page: Page, panel: str, name: str) -> None:
    """Press Tab until something of a panel has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        here = focused(page)
        if here["panel"] == panel and here["name"] == name:
            return
    raise AssertionError(f"Tab never came to {name} of {panel}")


def test_every_stop_of_the_bench_is_seen_in_the_order_of_the_page_and_the_first_skips_to_the_content(
    open_page: Opens, bench: Served
) -> None:
    bench.done("factorials", last=3)  # each of whose rows is a stop
    page = until_live(open_page())
    stops = []
    while True:
        page.keyboard.press("Tab")
        here = focused(page)
        if here["tag"] == "BODY":
            break
        stops.append(here)
        assert len(stops) < 200, "it goes round in a circle"

    assert [stop for stop in stops if not stop["seen"] or stop["outline"] == "none" or stop["width"] < 2] == []
    panels = list(dict.fromkeys(stop["panel"] for stop in stops if stop["panel"]))
    order = [each.get_attribute("id") for each in page.locator("main article[id]").all()]
    assert panels == [panel for panel in order if panel in panels]
    assert len(panels) >= 2

    page.reload()
    skip = page.get_by_role("link", name="Skip to the content")
    page.keyboard.press("Tab")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#main :focus")).to_be_visible()  # past the menu


def test_a_run_is_started_paused_and_stopped_by_keys_alone_and_the_focus_stays_in_its_panel(open_page: Opens) -> None:
    page = until_live(open_page())
    tab_to(page, "shared-list", "seconds")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("600")
    tab_to(page, "shared-list", "Run")
    page.keyboard.press("Enter")
    head = page.locator("#shared-list-head output")
    expect(head).to_contain_text("running")
    expect(page.locator("#shared-list-stop button")).to_be_visible()
    expect(page.locator("#shared-list-ask")).to_be_focused()
    assert focused(page)["outline"] == "none"  # no box round a whole form
    page.keyboard.press("Tab")
    expect(page.locator("#main :focus")).to_be_visible()  # past the menu
    page.keyboard.press("Shift+Tab")

    tab_to(page, "shared-list", "paused")
    page.keyboard.press("Space")
    expect(head).to_contain_text("paused")
    tab_to(page, "shared-list", "Stop")
    page.keyboard.press("Space")
    expect(head).to_contain_text("stopped by you")


def test_each_press_of_the_theme_button_is_told_and_the_first_is_seen(open_page: Opens) -> None:
    page = open_page("/guide")
    button, ground = page.locator("#theme"), "getComputedStyle(document.documentElement).backgroundColor"
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for system, other in (schemes, schemes[::-1]):
        page.evaluate("localStorage.clear()")
        page.emulate_media(color_scheme=system)
        page.reload()
        at_first = page.evaluate(ground)
        expect(button).to_have_text(f"Theme: system ({system})")
        button.click()
        expect(button).to_have_text(f"Theme: {other}")
        changed = page.evaluate(ground)
        assert changed != at_first

        page.reload()
        expect(button).to_have_text(f"Theme: {other}")
        assert page.evaluate(ground) == changed
        button.click()
        expect(button).to_have_text(f"Theme: {system}")
        assert page.evaluate(ground) == at_first
        button.click()
        expect(button).to_have_text(f"Theme: system ({system})")
        page.emulate_media(color_scheme=other)
        expect(button).to_have_text(f"Theme: system ({other})")
        assert page.evaluate(ground) == changed
