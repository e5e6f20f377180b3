"""Factorials in the browser: a row a number as it completes, errors in their rows, long values whole on demand."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Opens, start, until_live

TEN = {"first": "1", "last": "10", "workers": "5", "kind": "thread", "time_limit": "10"}


def test_a_click_gives_a_row_a_number_in_order_of_completion_and_a_negative_one_fails_in_its_own(
    open_page: Opens,
) -> None:
    page = until_live(open_page())
    start(page, "factorials", **{**TEN, "first": "-1"})

    live = page.locator("#factorials-live")
    expect(page.locator("#factorials-head output")).to_contain_text("finished")
    rows = live.locator("tbody tr")
    expect(rows).to_have_count(12)
    expect(live.locator("tbody tr td:first-child")).to_have_text([str(place) for place in range(1, 13)])
    expect(rows.filter(has_text="Error: n! is not defined for negative numbers.")).to_have_count(1)
    expect(rows.filter(has_text="Error")).to_contain_text("-1")
    expect(live.locator("tbody")).to_contain_text(re.compile(r"3.628.800"))
    expect(live.locator("tbody .keep").first).to_have_text(re.compile("^[1-5]$"))
    expect(live.locator("figure.lanes li").first).to_contain_text("thread 1")
    expect(live.locator("path[data-state=running]")).to_have_attribute("d", re.compile("M"))


def test_rows_appear_while_others_are_still_at_work(open_page: Opens) -> None:
    page = until_live(open_page())
    start(page, "factorials", **{**TEN, "first": "4001", "last": "5000", "workers": "1"})

    expect(page.locator("#factorials-head output")).to_contain_text(re.compile(r"running · \d+ of 1.?000"))
    expect(page.locator("#factorials-progress progress")).to_be_visible()
    done = page.locator("#factorials-live tbody .keep").filter(has_text="1")
    expect(done.first).to_be_visible()
    page.locator("#factorials-stop").get_by_role("button").click()
    expect(page.locator("#factorials-head output")).to_contain_text("stopped by you")
    expect(done.first).to_be_visible()


def test_long_values_leave_room_on_the_bench_and_are_whole_on_demand(open_page: Opens) -> None:
    page = open_page()
    long = {"first": "4997", "last": "5000", "kind": "process", "workers": "2"}
    shown = start(page, "factorials", **{**TEN, **long})

    expect(page.locator("#factorials-head output")).to_contain_text("finished")
    table = page.locator("#factorials-live .scroll")
    expect(table.locator("thead th").last).to_have_text("took")
    assert table.evaluate("box => box.scrollWidth <= box.clientWidth")

    page.goto(f"/runs/{shown}")
    row = page.locator("#run-results tbody tr").filter(has_text=re.compile(r"16.326 digits"))
    row.get_by_role("link").click()
    page.wait_for_url("**/factorial/5000.txt")
    digits = page.locator("body").inner_text()
    assert len(digits) == 16_326
    assert digits.startswith("422857792660")
