"""What the bench page weighs: the bytes that a real browser takes in, compressed, before any chart is shown.

Everything that the page itself asks for on a first visit counts, headers included, and the live stream does not: it
goes on for as long as one looks. The charts' libraries are loaded where a chart is shown, which is checked as well.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from _report import Claims, asked, heading
from _server import browser, served
from playwright.sync_api import CDPSession, Page, sync_playwright

LIMIT_KIB = 40
LIMIT_WITH_RUNS_KIB = 42


class Traffic:
    """What a page loaded, by address, in bytes on the wire (headers included) as the browser's network layer saw it."""

    def __init__(self, session: CDPSession) -> None:
        self._addresses: dict[str, str] = {}
        self.encodings: dict[str, str] = {}
        self.loaded: dict[str, float] = {}
        session.on("Network.responseReceived", self._answered)
        session.on("Network.loadingFinished", self._finished)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})

    def _answered(self, event: dict[str, Any]) -> None:
        address = event["response"]["url"].split("?")[0]
        if address.startswith("data:"):  # comes with the style sheet
            return
        self._addresses[event["requestId"]] = address
        headers = {name.lower(): value for name, value in event["response"]["headers"].items()}
        self.encodings[address] = headers.get("content-encoding", "as it is")

    def _finished(self, event: dict[str, Any]) -> None:
        if address := self._addresses.get(event["requestId"]):
            self.loaded[address] = self.loaded.get(address, 0) + event["encodedDataLength"]


def settled(page: Page, url: str) -> None:
    """Load a page, wait until its stream is live and nothing else comes any more."""
    page.goto(url, wait_until="load")
    page.wait_for_selector("#link[data-link=live]")
    time.sleep(1)
    page.evaluate("0")  # lets Playwright hand over the events that have come


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    with served() as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser())
        page = chromium.new_page()
        traffic = Traffic(page.context.new_cdp_session(page))
        settled(page, f"{server.url}/")
        first = dict(traffic.loaded)
        # With runs of every kind to show, still without a chart: the panels are then as full as they get.
        for name, params in (("shared-list", {"seconds": 2}), ("factorials", {"last": 40})):
            run = server.begin(name, **params)
            while server.run(run)["status"] in ("queued", "running"):
                time.sleep(0.1)
        traffic.loaded.clear()
        settled(page, f"{server.url}/")
        full = dict(traffic.loaded)
        chromium.close()
    for address, size in sorted(first.items(), key=lambda item: -item[1]):
        print(f"  {size / 1024:6.1f} KiB  {address.removeprefix(server.url)}  ({traffic.encodings[address]})")
    told, shown = sum(first.values()) / 1024, sum(full.values()) / 1024
    print(f"  {told:6.1f} KiB  in {len(first)} answers; {shown:.1f} KiB with runs to show")
    claims.at_most("bench page before charts, first visit", told, LIMIT_KIB, " KiB", 1)
    claims.at_most("bench page with a shared list and factorials", shown, LIMIT_WITH_RUNS_KIB, " KiB", 1)
    claims.true("no chart library is loaded where no chart is shown", not any("vega" in address for address in first))
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
