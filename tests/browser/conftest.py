"""A real Chromium, and pages that are watched: no error, no violation of the policy, no request to another host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)

from tests.served import Served, served
from tests.waiting import BOUND_S

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--in-process-gpu",  # a process of its own for drawing in software takes a sixth of the browser's CPU time
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What the browser itself notes of an answer that is an error on purpose; nobody can prevent it.
NOTED = "Failed to load resource: the server responded with a status of 4"

expect.set_options(timeout=BOUND_S * 1000)


def executable() -> str | None:
    """The browser that provide.py found; None leaves it to Playwright."""
    note = ROOT / ".venv" / "browser"
    return os.environ.get("POOLSCOPE_BROWSER") or (note.read_text().strip() if note.exists() else None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for this folder: it must be closed before a test with a loop of its own begins, for Playwright's runs on."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def bench() -> Iterator[Served]:
    """One server for this folder; each test finds it without a live run, and with the runs of those before."""
    with served() as server:
        yield server


class Watched:
    """What a page did that it should not have done, and what it asked for."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []  # paths with their queries, in order
        self.expected: list[str] = [NOTED]

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._said)
        context.on("weberror", self._raised)
        context.on("request", self._asked)

    def leave(self, context: BrowserContext) -> None:
        context.remove_listener("console", self._said)
        context.remove_listener("weberror", self._raised)
        context.remove_listener("request", self._asked)

    def streams(self) -> int:
        """How often a page opened its stream."""
        return sum(urlsplit(path).path == "/live" for path in self.requests)

    def unexpected(self) -> list[str]:
        return [said for said in self.complaints if not any(part in said for part in self.expected)]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _raised(self, error: WebError) -> None:
        self.complaints.append(f"uncaught: {error.error}")

    def _asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in ("data", "blob"):
            if asked.hostname != "127.0.0.1":
                self.complaints.append(f"a request to another host: {request.url}")
            self.requests.append(asked._replace(scheme="", netloc="").geturl())


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    assert watched.unexpected() == []


class Opens(Protocol):
    def __call__(self, path: str = "/", *, alone: bool = False, unfold: bool = True, **options: Any) -> Page: ...


class KeptPages:
    """A page for each set of options, used by one test after the other.

    A context of its own starts two processes and compiles all scripts anew, which is four fifths of what it costs to
    open the bench.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._kept: dict[str, Page] = {}

    def take(self, options: dict[str, Any]) -> Page:
        """The page that is kept for these options, or a new one; nobody else gets it until it is given back."""
        return self._kept.pop(repr(options), None) or self.new(options)

    def new(self, options: dict[str, Any]) -> Page:
        context = self._browser.new_context(**options)
        context.set_default_timeout(BOUND_S * 1000)
        return context.new_page()

    def give_back(self, page: Page, options: dict[str, Any]) -> None:
        """Keep a page for the next test, as it was when it was new."""
        page.unroute_all()
        # A place of the same site without scripts: on the way from about:blank the browser would change the process.
        page.goto("/healthz")
        if options.get("java_script_enabled", True):
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.context.clear_cookies()
        page.emulate_media(color_scheme=options.get("color_scheme", "null"))
        page.set_viewport_size(options["viewport"])
        self._kept[repr(options)] = page


@pytest.fixture(scope="package")
def kept_pages(browser: Browser) -> KeptPages:
    return KeptPages(browser)


@pytest.fixture
def open_page(kept_pages: KeptPages, bench: Served, watched: Watched) -> Iterator[Opens]:
    """Opens pages, each with cookies and a storage of its own; afterwards no run is left live.

    What is folded is opened, unless a test is about that.

    A page that is opened `alone` has a context that ends with the test: for what can't be taken back, such as scripts
    that come before a page's own, or a context that the test closes.
    """
    opened: list[tuple[Page, dict[str, Any], bool]] = []

    def open_one(path: str = "/", *, alone: bool = False, unfold: bool = True, **options: Any) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "base_url": bench.url, **options}
        page = kept_pages.new(options) if alone else kept_pages.take(options)
        opened.append((page, options, alone))
        watched.watch(page.context)
        page.goto(path)
        if unfold:
            page.evaluate("for (const fold of document.querySelectorAll('details.fold')) fold.open = true")
        return page

    yield open_one
    for page, options, alone in opened:
        watched.leave(page.context)
        if alone:
            page.context.close()
        else:
            kept_pages.give_back(page, options)
    bench.stop_all()


def until_live(page: Page) -> Page:
    """Wait until the page's stream is open."""
    expect(page.locator("#link")).to_have_text("live")
    return page


def hide(page: Page, hidden: bool) -> None:
    """Have the page believe that its tab was hidden or shown."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
            Object.defineProperty(document, "visibilityState",
                {get: () => hidden ? "hidden" : "visible", configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def fill(page: Page, experiment: str, **values: str) -> None:
    """Type values into the form of an experiment on the bench, where they are not there already."""
    form = page.locator(f"#{experiment}-form")
    present = form.evaluate("(form, names) => names.map(name => form.elements[name].value)", list(values))
    for (name, value), there in zip(values.items(), present, strict=True):
        if value == there:
            continue
        field = form.locator(f"[name={name}]")
        if not field.is_visible():
            form.get_by_text("More", exact=True).click()
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def run(page: Page, experiment: str, **values: str) -> None:
    """Fill in the form of an experiment on the bench and click Run."""
    fill(page, experiment, **values)
    page.locator(f"#{experiment}-form").get_by_role("button", name="Run", exact=True).click()


def start(page: Page, experiment: str, **values: str) -> str:
    """Fill in the form, click Run and wait until the panel shows the new run; returns its id."""
    link = page.locator(f"#{experiment}-head output a")
    before = link.inner_text() if link.count() else ""
    run(page, experiment, **values)
    expect(link).to_be_visible()
    if before:
        expect(link).not_to_have_text(before)
    return link.inner_text()
