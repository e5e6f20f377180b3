"""Forms on a page that changes: wrong values come back with what is allowed, typed text and focus stay."""

from __future__ import annotations

from playwright.sync_api import expect
from poolscope.text.numbers import NARROW

from tests.browser.conftest import Opens, fill, run, start, until_live
from tests.served import Served

# What a form must hold for the wrong value to be the only one; it comes filled with what ran last.
SOUND = {
    "shared-list": {"producers": "1", "delay_min": "0.01", "delay_max": "0.05"},
    "factorials": {"first": "1", "workers": "5"},
    "pool-sizes": {"workload": "square", "work_ms": ""},
}
WRONG = {
    "shared-list": (
        ("producers", "99", "1", "1 to 16"),
        ("capacity", "-1", "0", "0 to 100"),
    ),
    "factorials": (("last", "5001", "10", f"5{NARROW}000"), ("workers", "2.5", "5", "whole number")),
    "pool-sizes": (
        ("sizes", "2, two", "2", "whole numbers from 1 to 64"),
        ("work_ms", "5", "", "must stay empty for square"),
    ),
}

PUT_RIGHT = ("factorials", "workers")  # of these the one that is run with a right value in the end

# How many fields stand out of line with the one before: neither level with it nor in another row.
ROWS = """fields => fields.map(field => field.getBoundingClientRect()).filter((field, index, all) => {
    const apart = index ? Math.abs(field.top - all[index - 1].top) : 0;
    return apart > 1 && apart < 1.5 * field.height;
}).length"""


def test_a_complaint_goes_with_a_value_that_it_is_about_and_the_others_stay(open_page: Opens) -> None:
    page = until_live(open_page("/?defaults=shared-list"))
    form, wrong = page.locator("#shared-list-form"), page.locator("#shared-list-form .complaint")
    run(page, "shared-list", producers="99", consumers="77")
    expect(wrong).to_have_count(2)
    form.locator("[name=producers]").fill("9")
    expect(wrong).to_have_attribute("id", "shared-list-consumers-wrong")
    expect(form.locator("[name=producers]")).not_to_have_attribute("aria-invalid", "true")
    expect(form.locator("[name=consumers]")).to_have_attribute("aria-invalid", "true")

    run(page, "shared-list", consumers="1", delay_min="2", delay_max="1")
    expect(wrong).to_have_attribute("id", "shared-list-delay_min-wrong")
    form.locator("[name=seconds]").fill("1")
    expect(wrong).to_have_count(1)
    form.locator("[name=delay_max]").fill("3")
    expect(wrong).to_have_count(0)
    expect(form.locator("[aria-invalid]")).to_have_count(0)


def test_a_wrong_value_stays_and_is_complained_of_beside_its_field_until_it_is_put_right(
    open_page: Opens, bench: Served
) -> None:
    page = until_live(open_page())
    before = bench.api.get("/api/runs").json()
    for experiment, wrongs in WRONG.items():
        fill(page, experiment, **SOUND[experiment])
        for name, value, right, allowed in wrongs:
            run(page, experiment, **{name: value})

            field = page.locator(f"#{experiment}-form [name={name}]")
            wrong = page.locator(f"#{experiment}-{name}-wrong")
            expect(wrong).to_contain_text(allowed)
            expect(wrong).to_be_visible()
            expect(field).to_be_visible()
            expect(field).to_have_value(value)
            expect(field).to_have_attribute("aria-invalid", "true")
            expect(field).to_be_focused()
            expect(field).to_have_accessible_description(wrong.inner_text())
            assert page.locator(f"#{experiment}-form label > input:visible").evaluate_all(ROWS) == 0
            if (experiment, name) != PUT_RIGHT:
                fill(page, experiment, **{name: right})
    assert bench.api.get("/api/runs").json() == before

    experiment, name = PUT_RIGHT
    expect(page.locator(f"#{experiment}-{name}-wrong")).to_be_visible()
    start(page, experiment, **{name: "2"}, last="3")
    expect(page.locator(f"#{experiment}-head output")).to_contain_text("finished")
    expect(page.locator(f"#{experiment}-form .complaint")).to_have_count(0)
    expect(page.locator(f"#{experiment}-form [name={name}]")).to_have_value("2")


def test_who_comes_for_the_defaults_keeps_them_until_a_run_begins_and_what_is_folded_stays_closed(
    open_page: Opens, bench: Served
) -> None:
    bench.done("factorials", last=7)
    page = until_live(open_page("/?defaults=factorials"))
    form, head = page.locator("#factorials-form"), page.locator("#factorials-head output")
    last, folded = form.locator("[name=last]"), page.locator("#factorials-ask [name=time_limit]")
    other = until_live(open_page())
    expect(other.locator("#factorials-form [name=last]")).to_have_value("7")
    expect(last).not_to_have_value("7")

    for limit in (5, 6):  # as one begins, and as one ends
        run_id = bench.begin("factorials", last=3, time_limit=limit)
        expect(head).to_contain_text(run_id)
        expect(head).to_contain_text("finished")
        expect(last).to_have_value("3")
        expect(folded).to_have_value(str(limit))
        expect(folded).to_be_hidden()

    run(page, "factorials", time_limit="99")
    expect(page.locator("#factorials-ask [name=time_limit][aria-invalid=true]")).to_be_visible()
    form.get_by_text("More", exact=True).click()
    expect(folded).to_be_hidden()
    form.get_by_role("button", name="Run", exact=True).click()
    expect(folded).to_be_visible()  # it is wrong, which must be seen


def test_names_are_ticked_the_length_follows_and_reset_puts_the_defaults_back(open_page: Opens) -> None:
    page = until_live(open_page("/?defaults=which-pool"))
    form = page.locator("#which-pool-form")
    kinds, takes = form.locator("#which-pool-kinds summary"), form.locator(".takes")
    expect(takes).to_contain_text("up to about 30")
    expect(kinds).to_be_hidden()

    form.get_by_text("More", exact=True).click()
    kinds.click()
    form.get_by_label("thread", exact=True).check()
    form.get_by_label("pool", exact=True).check()
    page.keyboard.press("Escape")
    expect(kinds).to_have_text("thread, pool")
    expect(kinds).to_be_focused()
    expect(form.get_by_label("thread", exact=True)).to_be_hidden()
    fill(page, "which-pool", sizes="")
    expect(form.locator("[name=sizes]")).to_have_attribute("placeholder", "1, 2, 4, 8")  # what will be taken
    fill(page, "which-pool", sizes="1-3", repeats="2")
    kinds.focus()
    expect(takes).not_to_contain_text("up to")

    form.get_by_role("link", name="Reset").click()
    expect(kinds).to_have_text("all of the standard library")
    expect(form.locator("[name=sizes]")).to_have_value("1, 2, 4, 8")
    expect(takes).to_contain_text("up to about 30")


def test_what_is_typed_focused_and_opened_survives_while_the_page_changes(open_page: Opens, bench: Served) -> None:
    page = until_live(open_page())
    bench.begin("shared-list", delay_min=0.01, delay_max=0.05, seconds=600)
    clock = page.locator("#shared-list-head output")
    expect(clock).to_contain_text("running")

    def goes_on() -> None:
        for _ in range(3):
            expect(clock).not_to_have_text(clock.inner_text())

    fill(page, "factorials", last="17")
    fill(page, "pool-sizes", chunksize="3")
    sizes, chunksize = (page.locator(f"#pool-sizes-form [name={name}]") for name in ("sizes", "chunksize"))
    sizes.fill("1-3, 12")
    sizes.evaluate("field => field.setSelectionRange(2, 4)")
    goes_on()
    expect(sizes).to_be_focused()
    expect(sizes).to_have_value("1-3, 12")
    assert sizes.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 4]
    page.keyboard.type("5")
    expect(sizes).to_have_value("1-5 12")
    expect(page.locator("#factorials-form [name=last]")).to_have_value("17")

    delay = page.locator("#shared-list-controls [name=delay_max]")  # of the run that changes the page
    delay.click()
    delay.press("ControlOrMeta+a")
    delay.type("0.3")
    goes_on()
    expect(delay).to_be_focused()
    expect(delay).to_have_value("0.3")

    expect(page.locator("#factorials-head output a")).to_have_text(bench.done("factorials"))
    expect(chunksize).to_be_visible()
    expect(chunksize).to_have_value("3")


def test_an_ended_run_is_exported_run_again_and_deleted_and_the_filter_of_runs_is_true_after_a_step_back(
    open_page: Opens, bench: Served
) -> None:
    first = bench.done("factorials", last=5)
    page = open_page(f"/runs/{first}")
    export, state = page.get_by_text("Export", exact=True), page.locator("#run-state")
    place = state.bounding_box()
    export.click()
    expect(page.get_by_role("link", name="Trace for Perfetto, JSON")).to_be_visible()
    assert state.bounding_box() == place
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Trace for Perfetto, JSON")).to_be_hidden()
    expect(export).to_be_focused()

    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Delete").click()
    assert bench.run(first)["id"] == first
    page.get_by_role("button", name="Run again").click()
    expect(state).to_contain_text("finished")
    assert not page.url.endswith(first)
    expect(page.locator("#run-results tbody tr")).to_have_count(5)

    again = page.url.rpartition("/")[2]
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/runs")
    expect(page.get_by_role("link", name=first)).to_be_visible()
    expect(page.get_by_role("link", name=again)).to_have_count(0)

    page.locator("[name=status]").select_option("finished")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**status=finished")
    expect(page.locator("[name=status]")).to_have_value("finished")
    page.go_back()
    page.wait_for_url("**/runs")
    expect(page.locator("[name=status]")).to_have_value("")
