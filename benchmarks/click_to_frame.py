"""Click to first frame in a real browser, and a record's way from the thread that made it to the page.

Click to frame: on the bench, from the click on Run to the first animation frame in which the panel shows the new run's
own numbers, not only that it starts. Both moments are of the page's own clock.

Thread to DOM: on the page of a shared list, from the stamp that a step was given in its thread, under the lock, to the
moment at which a MutationObserver finds that step's line in the log. The stamp is perf_counter, the page's clock is
performance.now; one is set against the other by asking the page for its time again and again and keeping the
answer that was back soonest, at the beginning and at the end. How far that may be wrong is printed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from _report import Claims, asked, heading, percentile, progress, spread
from _server import Server, browser, served
from playwright.sync_api import Page, sync_playwright
from poolscope.experiments.shared_list.messages import log_line
from poolscope.protocol.records import Contents, Opening, from_line

LIMIT_MS = 100
QUESTIONS = 200

# Watches one panel: when Run was clicked, and the first frame that shows numbers of a run that was not there then.
WATCH_CLICKS = """panel => {
  const run = () => document.querySelector(`#${panel}-head output a`)?.textContent ?? "";
  window.clicked = window.answered = window.shown = null;
  let before = "";
  document.addEventListener("click", event => {
    if (!event.target.closest(`#${panel}-form button`)) return;
    window.clicked = performance.now();
    window.answered = window.shown = null;
    delete document.documentElement.dataset.shown;
    before = run();
  }, true);
  new MutationObserver(() => {
    if (window.clicked === null || run() === before || run() === "") return;
    window.answered ??= performance.now();
    if (window.shown === null && document.querySelector(`#${panel}-live dl.read`)) {
      window.shown = 0;
      requestAnimationFrame(() => {
        window.shown = performance.now();
        document.documentElement.dataset.shown = run();
      });
    }
  }).observe(document.getElementById(panel), { childList: true, subtree: true, attributes: true, characterData: true });
}"""

# What is folded away would neither be typed into nor drawn: the whole page is measured.
UNFOLD = "for (const fold of document.querySelectorAll('details.fold, details.further')) fold.open = true"

# Notes for each line of the log when it was there first.
WATCH_LOG = """() => {
  window.lines = new Map();
  const look = () => {
    const now = performance.now();
    for (const line of document.querySelectorAll("#run-log li")) {
      const text = line.textContent;
      if (!window.lines.has(text)) window.lines.set(text, now);
    }
  };
  look();
  for (const text of window.lines.keys()) window.lines.set(text, null);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""


@dataclass(frozen=True)
class Clock:
    """The page's clock as this host's perf_counter sees it: `ahead_ms` = perf_counter - performance.now."""

    ahead_ms: float
    uncertain_ms: float


def clock_of(page: Page) -> Clock:
    """Ask the page for its time; of the answer that came back soonest, the middle of the way counts."""
    best: tuple[float, float] | None = None
    for _ in range(QUESTIONS):
        before = perf_counter_ns() / 1e6
        there = page.evaluate("performance.now()")
        after = perf_counter_ns() / 1e6
        if best is None or after - before < 2 * best[0]:
            best = ((after - before) / 2, (before + after) / 2 - there)
    assert best is not None
    return Clock(best[1], best[0])


def clicks(page: Page, server: Server, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds from click to the answer in the panel's head, and to the frame that shows the run's numbers."""
    page.goto(f"{server.url}/")
    page.wait_for_selector("#link[data-link=live]")
    page.evaluate(UNFOLD)
    page.fill("#shared-list-form [name=seconds]", "0.3")
    page.evaluate(WATCH_CLICKS, "shared-list")
    answered, shown = [], []
    for number in range(count):
        progress(f"click {number + 1} of {count}")
        page.click("#shared-list-form button:has-text('Run')")
        page.wait_for_selector("html[data-shown]")
        clicked, first, second = page.evaluate("[window.clicked, window.answered, window.shown]")
        answered.append(first - clicked)
        shown.append(second - clicked)
        page.wait_for_selector("#shared-list-head output[data-state=done]")
        page.evaluate("delete document.documentElement.dataset.shown")
        page.wait_for_selector("#shared-list-form button:has-text('Run')")
        time.sleep(0.3)  # the next spare runner is warm by then, as it is for a person
    progress("")
    return answered, shown


def on_their_way(page: Page, server: Server, seconds: float) -> tuple[list[float], list[Clock]]:
    """Milliseconds from a step's stamp to its line in the log, for every step that came while the page looked on."""
    run = server.begin("shared-list", producers=2, consumers=2, delay_min=0.1, delay_max=0.5, seconds=seconds)
    page.goto(f"{server.url}/runs/{run}")
    page.wait_for_selector("#link[data-link=live]")
    page.evaluate(UNFOLD)
    page.wait_for_selector("#run-log li")
    page.evaluate(WATCH_LOG)
    clocks = [clock_of(page)]
    while server.run(run)["status"] in ("queued", "running"):
        time.sleep(0.2)
    time.sleep(0.5)
    clocks.append(clock_of(page))
    there: dict[str, float | None] = dict(page.evaluate("[...window.lines]"))
    ahead = sum(clock.ahead_ms for clock in clocks) / len(clocks)
    stamps = stamps_of(server, run)
    return [seen + ahead - stamps[text] for text, seen in there.items() if seen is not None and text in stamps], clocks


def stamps_of(server: Server, run: str) -> dict[str, float]:
    """The stamp in ms of each step, by its line in the log as the page has it; what occurs twice is left out."""
    answer = server.api.get(f"/api/runs/{run}/records", headers={"Accept": "application/x-ndjson"}).raise_for_status()
    stamps: dict[str, float] = {}
    twice: set[str] = set()
    start = 0
    for line in answer.content.splitlines():
        record: Any = from_line(line)
        if isinstance(record, Opening):
            start = record.t
        elif isinstance(record, Contents) and record.change != "end":
            text = f"{(record.t - start) / 1e9:.3f}{log_line(record)}"
            if text in stamps:
                twice.add(text)
            stamps[text] = record.t / 1e6
    return {text: stamp for text, stamp in stamps.items() if text not in twice}


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    with served() as server, sync_playwright() as playwright:
        server.until_loaded()
        chromium = playwright.chromium.launch(executable_path=browser())
        print(f"  Chromium {chromium.version}, headless")
        page = chromium.new_page()
        clicks(page, server, 2)
        answered, shown = clicks(page, server, 6 if quick else 40)
        late, clocks = on_their_way(page, server, 10 if quick else 30)
        chromium.close()
    if not late:
        raise RuntimeError("the run ended before the page showed a step of it: the machine is too busy")
    print(f"  click to the run's name in the panel: {spread(answered, unit=' ms')}")
    print(f"  click to the first frame with its numbers: {spread(shown, unit=' ms')}")
    print(f"  thread to DOM: {spread(late, unit=' ms')}, p95 {percentile(late, 95):.0f} ms")
    drift = abs(clocks[1].ahead_ms - clocks[0].ahead_ms)
    wrong = max(clock.uncertain_ms for clock in clocks)
    print(f"  (the two clocks are set to ±{wrong:.2f} ms, and drifted by {drift:.2f} ms)")
    claims.median_at_most("click to first frame, median ms", shown, LIMIT_MS, 1)
    claims.median_at_most("record from thread to DOM, median ms", late, LIMIT_MS, 1)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
