"""A finished run plays again: the slider shows any moment, Play moves the slider, the end is the end."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opens
from tests.served import Served

# All that a button says from now on.
NOTE_TEXTS = """button => {
    window.said = [];
    new MutationObserver(() => said.push(button.textContent)).observe(button, {childList: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def played(bench: Served) -> str:
    """A run that lasted a second and a bit."""
    return bench.done("shared-list", delay_min=0.01, delay_max=0.02, seconds=1.3)


def test_the_slider_shows_any_moment_play_moves_it_to_the_end_and_pause_holds_it(open_page: Opens, played: str) -> None:
    page = open_page(f"/runs/{played}")
    added, clock = page.locator("#run-list dl.read dd").first, page.locator("#run-threads header output")
    whole, last = added.inner_text(), clock.inner_text()
    slider, play, speed = page.get_by_role("slider"), page.locator("#play"), page.locator("#speed")
    slider.press("Home")
    expect(clock).to_have_text(re.compile(r"^0\.0"))
    expect(page.locator("#moment")).to_contain_text("0.0 of ")
    expect(added).not_to_have_text(whole)
    assert slider.evaluate("slider => slider === document.activeElement")

    slider.press("End")
    expect(added).to_have_text(whole)
    for _ in range(5):  # from its end, for on a busy machine a run begins with a pause
        slider.press("ArrowLeft")
    expect(clock).not_to_have_text(last)
    expect(clock).not_to_have_text(re.compile(r"^0\.0"))
    slider.press("End")
    expect(clock).to_have_text(last)
    expect(added).to_have_text(whole)

    expect(speed).to_be_visible()
    speed.select_option("4")
    play.evaluate(NOTE_TEXTS)
    play.click()
    page.wait_for_function(
        "() => said.includes('Pause') && said.at(-1) === 'Play'"
    )  # it may be over before anybody looks
    expect(page.locator("#moment")).to_have_text(re.compile(r"^(\S+) of \1.s$"))
    end = slider.get_attribute("max") or ""
    assert float(slider.input_value()) == float(end)
    expect(clock).to_have_text(last)

    speed.select_option("0.1")
    play.click()
    expect(slider).not_to_have_value(end)
    play.click()
    expect(play).to_have_text("Play")
    expect(clock).to_have_text(re.compile(r"^0\."))
    held = slider.input_value()
    page.locator("#run-replay").get_by_role("link", name="To the end").click()
    expect(slider).not_to_have_value(held)


def test_what_is_shown_is_the_last_moment_that_was_asked_for_however_late_the_answers_come(
    open_page: Opens, played: str
) -> None:
    page = open_page(f"/runs/{played}")
    added, slider = page.locator("#run-list dl.read dd").first, page.get_by_role("slider")
    whole = added.inner_text()
    page.evaluate(
        """() => {
          const ask = window.fetch, open = new Promise(answer => { window.answer = answer; });
          window.fetch = async (...asked) => { await open; return ask(...asked); };
          window.asked = 0;
          document.addEventListener("htmx:config:request", () => { window.asked += 1; });
        }"""
    )
    for number, key in enumerate(("Home", "ArrowRight", "End"), 1):
        slider.press(key)
        page.wait_for_function("number => window.asked === number", arg=number)
    page.evaluate("window.answer()")
    expect(page.locator("#run-threads header output")).not_to_have_text(re.compile(r"^0\."))
    expect(added).to_have_text(whole)


def test_the_page_of_a_live_run_offers_a_replay_as_soon_as_it_has_ended(open_page: Opens, bench: Served) -> None:
    shown = bench.begin("shared-list", delay_min=0.01, delay_max=0.05, seconds=600)
    page = open_page(f"/runs/{shown}")
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#play")).to_have_count(0)
    bench.stop(shown)

    expect(page.locator("#play")).to_be_visible()
    page.get_by_role("slider").press("Home")
    expect(page.locator("#run-threads header output")).to_have_text(re.compile(r"^0\.0"))
