"""The fault button: one click kills a worker of a live run, and its page tells what became of it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Opens, until_live
from tests.served import Served

# Pools of two come and go several times a second, so that the next one comes within a request's patience, on a busy
# machine as well.
POOLS = {"sizes": [2], "first": 1, "last": 2, "workload": "square-sleep", "work_ms": 100, "repeats": 100}


def test_a_click_kills_the_worker_and_the_page_tells_the_story(open_page: Opens, bench: Served) -> None:
    shown = bench.begin("pool-sizes", **POOLS)
    page = until_live(open_page(f"/runs/{shown}"))
    form = page.locator("#run-kill")
    form.get_by_label("worker").fill("3")
    form.get_by_role("button", name="Kill now").click()
    expect(page.locator("#run-fault .complaint")).to_contain_text("there is no worker 3")

    # There is nobody to kill before the first pool, which on a busy machine comes later than a request waits for.
    expect(page.locator("#map-chart")).to_be_attached()
    form.get_by_label("worker").fill("2")
    form.get_by_role("button", name="Kill now").click()
    expect(page.locator("#verdict")).to_contain_text("was killed on request while its pool was")
    expect(page.locator("#run-head .notice")).to_have_text(re.compile(r"^Worker 2 of 2 \(pid \d+\) was killed on"))
    expect(page.locator("#run-workers rect[data-state=killed]")).to_have_count(1)
    expect(form).to_have_count(0)


def test_on_the_bench_the_button_stands_above_the_sentence_that_asks_for_it(open_page: Opens, bench: Served) -> None:
    bench.begin("failures", scenarios="by-hand")
    page = until_live(open_page())
    asks = page.locator("#failures-live .verdict")
    expect(asks).to_contain_text("Kill now")
    button, sentence = page.locator("#failures-kill button").bounding_box(), asks.bounding_box()
    assert button
    assert sentence
    assert sentence["x"] <= button["x"] <= sentence["x"] + sentence["width"]
    assert 0 <= sentence["y"] - button["y"] - button["height"] < 2 * button["height"]
