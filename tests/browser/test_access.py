"""A demo that asks for a token, in a browser: the field lets in, and the forms have the demo's bounds and limits."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Opens, run, until_live
from tests.served import served

TOKEN = "a token for this test alone"


def test_the_token_lets_in_once_and_the_forms_have_the_demos_bounds_and_limits(open_page: Opens) -> None:
    with served(demo="true", token=TOKEN, starts_per_minute="1") as demo:
        page = open_page("/runs", alone=True, base_url=demo.url)
        field = page.get_by_role("textbox", name="token")
        expect(field).to_be_focused()
        field.fill("another")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("heading", name="Wrong token")).to_be_visible()
        page.goto("/runs")
        page.get_by_role("textbox", name="token").fill(TOKEN)
        page.get_by_role("button", name="Open").click()
        expect(page).to_have_url(f"{demo.url}/runs")

        page.goto("/?defaults=shared-list")
        until_live(page)
        producers = page.locator("#shared-list-form [name=producers]")
        assert (producers.get_attribute("min"), producers.get_attribute("max")) == ("1", "8")
        run(page, "shared-list", producers="9")
        expect(page.locator("#shared-list-producers-wrong")).to_contain_text("1 to 8")
        run(page, "shared-list", producers="2", seconds="0.5")
        expect(page.locator("#shared-list-head output")).to_contain_text("finished")
        run(page, "factorials", last="7")
        expect(page.get_by_role("alert")).to_contain_text("within a minute, which is the limit")
        expect(page.locator("#factorials-form [name=last]")).to_have_value("7")
        # The cookies are nothing that a script could read.
        assert page.evaluate("document.cookie") == ""
