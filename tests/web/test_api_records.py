"""A run's records by the JSON API, as a stream and as lines, and what else it leaves: trace, CSV, script."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.protocol.records import KINDS, from_line

from tests.web.answers import NDJSON
from tests.web.conftest import ENDLESS, SHORT, Event, Serve, Serving, events, running, start, told

# Records


def heard(client: httpx.Client, run_id: str, after: str = "") -> list[Event]:
    headers = {"Last-Event-ID": after} if after else {}
    with client.stream("GET", f"/api/runs/{run_id}/records", headers=headers) as stream:
        return list(events(stream))


def lines_of(client: httpx.Client, run_id: str) -> list[str]:
    answer = client.get(f"/api/runs/{run_id}/records", headers=NDJSON)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.endswith("\n")
    return answer.text[:-1].split("\n")


@pytest.mark.parametrize("experiment", SHORT)
def test_records_come_one_an_event_with_their_number_and_close_with_end(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str
) -> None:
    *told, last = heard(client, finished[experiment]["id"])
    assert last.event == "end"
    assert last.id == ""
    assert [event.id for event in told] == [str(number) for number in range(1, len(told) + 1)]
    assert {event.event for event in told} == {""}
    records = [from_line(event.data.encode()) for event in told]
    assert records[0].kind == "run"
    assert records[-1].kind == "end"
    assert lines_of(client, finished[experiment]["id"]) == [event.data for event in told]


@pytest.mark.parametrize("after", ["1", "7", "last", "beyond"])
def test_records_resume_after_the_last_that_was_heard(
    client: httpx.Client, finished: dict[str, dict[str, Any]], after: str
) -> None:
    run_id = finished["shared-list"]["id"]
    *whole, end = heard(client, run_id)
    at = {"last": len(whole), "beyond": len(whole) + 5}.get(after) or int(after)
    assert heard(client, run_id, str(at)) == [*whole[at:], end]


@pytest.mark.parametrize("after", ["nonsense", "-1", "1.5", "\u00b2", "9" * 5000, "0"])
def test_a_last_event_id_that_is_no_number_is_as_if_there_were_none(
    client: httpx.Client, finished: dict[str, dict[str, Any]], after: str
) -> None:
    run_id = finished["factorials"]["id"]
    headers = [(b"Last-Event-ID", after.encode("latin-1"))]
    with client.stream("GET", f"/api/runs/{run_id}/records", headers=headers) as stream:
        assert list(events(stream)) == heard(client, run_id)


def test_a_live_run_gives_what_it_has_as_it_is_written_and_its_records_resume_without_gap_or_repeat(
    client: httpx.Client, endless: dict[str, Any]
) -> None:
    path, told = f"/api/runs/{endless['id']}/records", list[Event]()
    for what in ("trace", "csv", "script", "records"):
        with client.stream("GET", f"/api/runs/{endless['id']}/{what}") as answer:
            assert answer.status_code == 200, what
            assert next(answer.iter_bytes()), what
    for _ in range(4):  # a reader that loses its line again and again
        headers = {"Last-Event-ID": told[-1].id} if told else {}
        with client.stream("GET", path, headers=headers) as stream:
            told += itertools.islice(events(stream), 23)
    with client.stream("GET", path, headers=NDJSON) as whole:
        lines = whole.iter_lines()
        seen = [next(lines) for _ in range(50)]  # it still runs, so they did not wait for its end
        with client.stream("GET", path, headers={"Last-Event-ID": told[-1].id}) as stream:
            rest = events(stream)
            told.append(next(rest))
            client.post(f"/api/runs/{endless['id']}/stop")
            told += rest
        seen += lines
    assert all(json.loads(line)["kind"] in KINDS for line in seen)
    assert json.loads(seen[-1])["kind"] == "end"
    assert told.pop().event == "end"
    assert [event.id for event in told] == [str(number) for number in range(1, len(told) + 1)]
    assert [event.data for event in told] == lines_of(client, endless["id"]) == seen
    assert json.loads(told[-1].data)["outcome"] == "stopped"


def test_all_is_still_there_after_the_server_was_started_again(
    server: Serving, client: httpx.Client, finished: dict[str, dict[str, Any]], serve: Serve, tmp_path: Path
) -> None:
    started = {name: run["id"] for name, run in finished.items()}
    lines = {name: lines_of(client, run_id) for name, run_id in started.items()}
    files = {
        (name, what): client.get(f"/api/runs/{run_id}/{what}").content
        for name, run_id in started.items()
        for what in ("trace", "csv", "script")
    }
    with closing(sqlite3.connect(server.app_state.scheduler.journal.path)) as journal:
        journal.execute("VACUUM INTO ?", [str(tmp_path / "poolscope.sqlite")])
    with serve() as other, other.client() as client:
        cut_off = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]

    with serve() as other, other.client() as client:
        for name, run_id in started.items():
            assert told(client, run_id) == finished[name]
            assert lines_of(client, run_id) == lines[name]
            *told_again, end = heard(client, run_id, "3")
            assert [event.data for event in told_again] == lines[name][3:]
            assert end.event == "end"
            for what in ("trace", "csv", "script"):
                assert client.get(f"/api/runs/{run_id}/{what}").content == files[name, what]
        interrupted = told(client, cut_off)
        assert interrupted["status"] == "interrupted"
        assert "server ended" in interrupted["error"]
        assert json.loads(lines_of(client, cut_off)[-1])["kind"] == "end"
        assert heard(client, cut_off)[-1].event == "end"


# What a run leaves


@pytest.mark.parametrize("experiment", SHORT)
def test_the_trace_is_trace_event_json(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str
) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/trace")
    assert f"{finished[experiment]['id']}.trace.json" in answer.headers["content-disposition"]
    trace = answer.json()
    assert trace["displayTimeUnit"] in ("ms", "ns")
    names, spans = {}, []
    for event in trace["traceEvents"]:
        assert event["pid"] == 1
        match event["ph"]:
            case "M" if event["name"] == "thread_name":
                names[event["tid"]] = event["args"]["name"]
            case "M":
                assert event["name"] == "process_name"
            case "X":
                assert event["name"]
                assert event["ts"] >= 0
                assert event["dur"] >= 0
                spans.append(event)
            case other:
                pytest.fail(f"an event of a kind that is not expected: {other}")
    assert spans
    assert {span["tid"] for span in spans} <= names.keys()
    assert len(set(names.values())) == len(names)
    if experiment == "shared-list":
        assert set(names.values()) >= {"producer 1", "producer 2", "consumer 1", "consumer 2"}


@pytest.mark.parametrize(
    ("experiment", "column", "rows"),
    [
        ("shared-list", "thread", 4),
        ("factorials", "n", 32),
        ("pool-sizes", "arm", 6),
        ("sharing", "tool", 3),
        ("failures", "scenario", 3),
    ],
)
def test_the_csv_has_a_row_a_result(
    client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str, column: str, rows: int
) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert ".csv" in answer.headers["content-disposition"]
    table = list(csv.DictReader(io.StringIO(answer.text), strict=True))
    assert len(table) == rows
    assert all(row[column] for row in table)
    assert None not in {key for row in table for key in row}


@pytest.mark.parametrize("experiment", SHORT)
def test_the_script_is_python(client: httpx.Client, finished: dict[str, dict[str, Any]], experiment: str) -> None:
    answer = client.get(f"/api/runs/{finished[experiment]['id']}/script")
    assert answer.headers["content-type"] == "text/x-python; charset=utf-8"
    assert ".py" in answer.headers["content-disposition"]
    compile(answer.text, "script.py", "exec")
