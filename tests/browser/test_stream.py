"""The page's one stream: reloads, second tabs, lost servers, hidden tabs and dead lines end on the right picture."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.browser.conftest import Opens, Watched, fill, hide, start, until_live
from tests.served import Served
from tests.waiting import until

ENDLESS = {"delay_min": 0.01, "delay_max": 0.05, "seconds": 600}
LOST = (
    "net::ERR_",
    "htmx:sse:error",
    "htmx:error",
    "could not be loaded",
    "Failed to fetch",  # the data of a chart that was due just then
)  # what is noted of a server that is not there

# Of each message of the stream, the places that are drawn again.
NOTE_CHANGES = """() => {
    window.changed = [];
    document.addEventListener("htmx:before:swap", ({ detail }) => {
        changed.push(detail.tasks.map(task => task.target.id));
    });
}"""


def test_a_page_holds_exactly_one_stream_that_of_an_ended_run_none_and_only_changes_of_state_are_spoken(
    open_page: Opens, watched: Watched, bench: Served
) -> None:
    page = open_page(f"/runs/{bench.done('factorials', last=3)}")
    expect(page.get_by_role("button", name="Theme")).to_be_visible()
    assert watched.streams() == 0
    until(lambda: bench.viewers() == 0, "the end of all other streams")

    page.goto("/")
    until_live(page)
    spoken, clock = page.locator("#announce"), page.locator("#shared-list-head output")
    shown = bench.begin("shared-list", **ENDLESS)
    expect(spoken).to_contain_text(f"Shared list {shown}: running")
    for _ in range(3):
        expect(clock).not_to_have_text(clock.inner_text())
    expect(spoken).to_have_text(f"Shared list {shown}: running")
    bench.stop(shown)
    expect(spoken).to_contain_text("stopped by you")

    start(page, "factorials")
    expect(page.locator("#factorials-head output")).to_contain_text("finished")
    assert watched.streams() == 1
    until(lambda: bench.viewers() == 1, "the end of all other streams")


def test_a_reload_and_a_second_tab_show_the_same_picture_and_a_late_answer_does_not_turn_it_back(
    open_page: Opens, bench: Served
) -> None:
    page = until_live(open_page())
    shown = start(page, "shared-list", delay_min="0.01", delay_max="0.05", seconds="600")
    expect(page.locator("#shared-list-live ol.chips")).to_be_visible()

    page.reload()
    other = until_live(open_page())
    for each in (page, other):
        until_live(each)
        expect(each.locator("#shared-list-head output a")).to_have_text(shown)
        expect(each.locator("#shared-list-live ol.chips li.new")).to_be_visible()

    head, pause = page.locator("#shared-list-head output"), page.locator("#shared-list-controls [name=paused]")
    expect(pause).to_have_text("Pause")

    def late(route: Route) -> None:
        answer = route.fetch()
        expect(head).to_contain_text("paused")
        route.fulfill(response=answer)

    page.route("**/controls", late)
    page.evaluate('document.addEventListener("htmx:finally:request", () => document.body.id = "answered")')
    pause.click()
    expect(page.locator("#answered")).to_be_attached()
    expect(head).to_contain_text("paused")
    expect(pause).to_have_text("Resume")

    bench.stop(shown)
    for each in (page, other):
        expect(each.locator("#shared-list-head output")).to_contain_text("stopped by you")
    pictures = [each.locator("#shared-list-live").inner_text() for each in (page, other)]
    assert pictures[0] == pictures[1]


def runs(bench: Served) -> set[str]:
    """Ids of the newest runs of factorials; all are of one length, so that they sort by age."""
    return {run["id"] for run in bench.api.get("/api/runs", params={"experiment": "factorials", "limit": 500}).json()}


def test_two_tabs_that_start_the_same_thing_both_show_the_newest(open_page: Opens, bench: Served) -> None:
    before = runs(bench)
    one, other = until_live(open_page()), until_live(open_page())
    held: list[Route] = []
    for page in (one, other):  # held, as the first one's run would take the button from the other tab
        page.route(re.compile(r"/runs$"), lambda route: held.append(route))
        page.locator("#factorials-form").get_by_role("button", name="Run").focus()
        page.keyboard.press("Enter")
    until(lambda: one.title() == other.title() and len(held) == 2, "the second tab's request")
    for route in held:
        route.continue_()

    until(lambda: len(runs(bench) - before) == 2, "the second run")
    newest = max(runs(bench) - before)
    for page in (one, other):
        expect(page.locator("#factorials-head output a")).to_have_text(newest)
        expect(page.locator("#factorials-head output")).to_contain_text("finished")


def test_a_server_that_was_killed_and_came_back(open_page: Opens, watched: Watched, bench: Served) -> None:
    watched.expected += LOST
    page, own = until_live(open_page()), open_page()
    shown = bench.begin("shared-list", **ENDLESS)
    # The page may still show an earlier test's run, and would have no news of this one when the server is back.
    expect(page.locator("#shared-list-head output[data-live] a")).to_have_text(shown)
    expect(page.locator("#shared-list-live ol.chips")).to_be_visible()
    own.goto(f"/runs/{shown}")
    until_live(own)

    bench.kill()
    for each in (page, own):
        expect(each.locator("#link")).to_have_text("reconnecting")
        expect(each.locator("#banner")).to_contain_text("The server does not answer")
    page.locator("#factorials-form [name=last]").press("Enter")  # waits for the server, as a button does
    bench.start()

    until_live(page)
    expect(page.locator("#banner")).to_contain_text(f"Shared list {shown}: interrupted")
    page.locator("#banner").get_by_role("button", name="Close").click()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#shared-list-head output")).to_contain_text("interrupted")
    expect(page.locator("#shared-list-live .verdict")).to_contain_text("The server ended while this run was live")
    expect(page.locator("#shared-list-form").get_by_role("button", name="Run")).to_be_enabled()
    expect(own.locator("#run-state")).to_contain_text("interrupted")
    start(page, "shared-list", seconds="0.2")
    expect(page.locator("#shared-list-head output")).to_contain_text("finished")


def test_a_first_stream_that_is_refused_is_asked_for_again(open_page: Opens, watched: Watched, bench: Served) -> None:
    watched.expected += [*LOST, "status of 503", "htmx:response:error"]
    page = open_page("/runs")
    answers = iter(("abort", "busy"))

    def refuse(route: Route) -> None:
        match next(answers, "let through"):
            case "abort":
                route.abort()
            case "busy":
                route.fulfill(status=503, content_type="application/problem+json", body="{}")
            case _:
                route.fallback()

    page.route(re.compile(r"/live$"), refuse)
    page.goto("/")
    until_live(page)
    assert watched.streams() == 3


def test_a_page_that_is_hidden_lets_go_of_its_stream_and_comes_back_as_one_that_was_left_does(
    open_page: Opens, bench: Served
) -> None:
    page = until_live(open_page())
    fill(page, "pool-sizes", sizes="1-3", chunksize="3")
    hide(page, True)
    until(lambda: bench.viewers() == 0, "the end of the stream")
    shown = bench.done("factorials", last=3)

    hide(page, False)  # its new stream begins with everything
    expect(page.locator("#factorials-head output a")).to_have_text(shown)
    until_live(page)
    until(lambda: bench.viewers() == 1, "its new stream")
    form = page.locator("#pool-sizes-form")
    expect(form.locator("[name=sizes]")).to_have_value("1-3")
    expect(form.locator("[name=chunksize]")).to_be_visible()
    expect(form.locator("[name=chunksize]")).to_have_value("3")

    page.evaluate(NOTE_CHANGES)
    hide(page, True)
    until(lambda: bench.viewers() == 0, "the end of the stream")
    hide(page, False)  # of what comes now nothing is new
    until(lambda: page.evaluate("changed.length"), "the first frame")
    left = set(page.evaluate("changed[0]"))
    assert not left & {"factorials-head", "factorials-ask", "shared-list-live", "failures-ask", "recent"}

    page.get_by_role("link", name="Runs", exact=True).click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    shown = bench.done("factorials", last=4)
    page.go_back()
    until_live(page)
    expect(page.locator("#factorials-head output a")).to_have_text(shown)


def test_a_stream_comes_though_its_tab_was_in_the_background_its_extension_late_its_network_lost_or_it_went_silent(
    open_page: Opens, watched: Watched, bench: Served
) -> None:
    page = open_page("/runs", alone=True)

    def late(route: Route) -> None:
        page.wait_for_timeout(500)  # the delay is what is tested, not waited for
        route.continue_()

    page.route("**/hx-sse*", late)
    page.goto("/")
    until_live(page)
    expect(page.locator("#factorials-head output a")).to_have_text(bench.done("factorials", last=3))
    assert watched.unexpected() == []
    watched.expected += LOST
    page.context.set_offline(True)
    expect(page.locator("#link")).to_have_text("reconnecting")
    page.context.set_offline(False)
    until_live(page)
    page.unroute_all()
    watched.complaints.clear()
    del watched.expected[-len(LOST) :]

    page.clock.install()
    page.goto("/")
    until_live(page)
    opened = watched.streams()
    page.clock.fast_forward(15_000)
    assert watched.streams() == opened
    page.clock.fast_forward(30_000)
    until(lambda: page.evaluate("document.readyState") and watched.streams() == opened + 1, "another stream")
    until_live(page)
    page.goto("/healthz")

    page = page.context.new_page()
    page.add_init_script('Object.defineProperty(document, "hidden", {get: () => true, configurable: true});')
    page.goto("/")
    shown = bench.done("factorials", last=3)
    until(lambda: bench.viewers() == 0, "the end of the stream")
    hide(page, False)
    expect(page.locator("#factorials-head output a")).to_have_text(shown)
    until_live(page)
