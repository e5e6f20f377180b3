"""The failures on the bench and on their own page, with real runs: rows to run alone, stories, what is left."""

from __future__ import annotations

import re

from tests.web.conftest import BY_BROWSER, Serve, ended, start


def test_the_bench_offers_every_scenario_and_one_button_runs_one(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        scheduler = client.get("/").text
        buttons = scheduler.count('<button class="outline" name="scenarios" value="')
        assert buttons == 18 + 4  # a button a row, and those that the page begins with
        assert scheduler.count('<input type="checkbox" name="scenarios" value="') == 18
        answer = client.post("/runs", data={"experiment": "failures", "scenarios": "thread-uncaught", "limit": "0.1"})
        assert answer.status_code == 303
        run = ended(client, answer.headers["location"].rsplit("/", 1)[1])
        assert run["params"]["scenarios"] == ["thread-uncaught"]
        page = client.get(answer.headers["location"]).text
        assert "<h1>Exception in a thread, not caught</h1>" in page
        assert "threading.excepthook gets ValueError" in page
        assert "ValueError: Cannot process 0" in page
        assert "def thread_uncaught():" in page
        assert "on stderr; it went unreported." in page
        assert 'id="run-deadlock"></div>' in page  # not chosen, so nothing of it is shown
        scheduler = client.get("/").text
        assert "Nothing surfaced in the main thread" in scheduler
        rows = re.findall(
            r'<th scope="row"[^>]*>(?:<a [^>]*>)?([^<]+)', scheduler[scheduler.index('id="failures-live"') :]
        )
        assert rows[:2] == ["Exception in a thread, not caught", "all 18 of them"]  # what ran stands first
        assert 'value="all" aria-label="Run all: all scenarios"' in scheduler


def test_a_deadlock_is_drawn_and_what_is_left_is_counted(serve: Serve) -> None:
    with serve() as server, server.client(**BY_BROWSER) as client:
        run = start(client, "failures", scenarios="deadlock", limit=0.2, task=0.4)
        ended(client, run["id"])
        page = client.get(f"/runs/{run['id']}").text
        assert "Wait-for graph, a cycle: thread 1 → thread 2 → thread 1" in page
        assert "Stack of process 2" in page
        left = page[page.index('id="run-sentinel"') :]
        assert re.findall(r'<td class="n">(\d+)</td>', left) == ["0"] * 6
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
