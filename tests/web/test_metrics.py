"""What /metrics tells of runs, runners, streams, the journal and refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.runs.journal import DurationHistogram
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.web.conftest import BRIEF, BY_HTMX, ENDLESS, Serve, ended, events, running, start

ROOT = Path(__file__).resolve().parents[2]
# What the samples of a family are called, by its type.
ENDS = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


def scrape(client: httpx.Client) -> dict[str, Metric]:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """The one sample of that name and these labels, 0 if there is none."""
    samples = [each for family in families.values() for each in family.samples if each.name == name]
    return sum(each.value for each in samples if labels.items() <= each.labels.items())


def test_runs_runners_and_the_journal_are_counted(serve: Serve) -> None:
    with serve() as server, server.client() as client:
        ended(client, start(client, "shared-list", **BRIEF)["id"])
        live = running(client, start(client, "shared-list", **ENDLESS)["id"])["id"]
        with client.stream("GET", "/live") as stream:
            held = events(stream)  # an iterator that is let go closes the stream
            next(held)
            now = scrape(client)
        assert value(now, "poolscope_viewers") == 1
        assert value(now, "poolscope_frames_total") >= 1
        running_now = {each.labels["experiment"]: each.value for each in now["poolscope_runs_running"].samples}
        assert running_now == {**dict.fromkeys(EXPERIMENTS, 0), "shared-list": 1}
        assert value(now, "poolscope_runs_queued") == value(now, "poolscope_journal_trouble") == 0
        assert all(family.documentation for family in now.values())
        assert value(now, "poolscope_runs_ended_total", experiment="shared-list", outcome="finished") == 1
        assert value(now, "poolscope_queue_wait_seconds_count") == 2
        assert value(now, "poolscope_runner_start_seconds_count") == 2
        assert value(now, "poolscope_runner_processes") == 1
        assert value(now, "poolscope_runner_memory_bytes") > 1e6
        assert value(now, "poolscope_runner_cpu_seconds_total") > 0
        assert value(now, "poolscope_journal_bytes") > 4096
        assert value(now, "poolscope_journal_write_seconds_count") > 4
        assert value(now, "process_resident_memory_bytes") > 1e6

        client.post(f"/api/runs/{live}/stop")
        ended(client, live)
        later = scrape(client)
        assert value(later, "poolscope_runs_ended_total", outcome="stopped") == 1
        assert value(later, "poolscope_runner_processes") == 0
        assert value(later, "poolscope_runner_cpu_seconds_total") >= value(now, "poolscope_runner_cpu_seconds_total")


def test_refusals_are_counted_by_their_reason(serve: Serve) -> None:
    with serve(starts_per_minute=1) as server, server.client() as client:
        ended(client, start(client, "shared-list", **BRIEF)["id"])
        assert client.post("/api/runs", json={"experiment": "shared-list"}).status_code == 429
        assert client.post("/runs", data={"experiment": "shared-list"}, headers=BY_HTMX).status_code == 429
        assert client.get("/api/runs/nobody").status_code == 404
        assert client.get("/", headers={"Host": "elsewhere.example"}).status_code == 400
        assert client.post("/api/runs", headers={"Origin": "http://elsewhere.example"}).status_code == 403
        now = scrape(client)
    reasons = {(each.labels["status"], each.labels["reason"]): each.value for each in now["poolscope_refusals"].samples}
    assert reasons == {
        ("429", "too_many_runs_from_here"): 2,
        ("404", "no_such_run"): 1,
        ("400", "unknown_host"): 1,
        ("403", "foreign_origin"): 1,
    }


@pytest.mark.parametrize(("seconds", "least"), [(0.0, "0.001"), (0.001, "0.001"), (0.3, "0.5"), (1e6, "+Inf")])
def test_a_duration_is_counted_by_every_bound_that_is_not_below_it(seconds: float, least: str) -> None:
    durations = DurationHistogram()
    durations.add(seconds)
    counted = [bound for bound, count in durations.buckets if count]
    assert counted[0] == least
    assert counted[-1] == "+Inf"
    assert durations.total_s == seconds


def test_the_dashboard_reads_metrics_that_exist_and_leaves_none_out(client: httpx.Client) -> None:
    dashboard = json.loads((ROOT / ".hosting" / "grafana.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    read = set(re.findall(r"\b(?:poolscope|process)_\w+", " ".join(expressions)))
    families = scrape(client)
    names = {f"{name}{end}" for name, each in families.items() for end in ENDS[each.type]}
    assert len(expressions) > 20
    assert read - names == set()
    shown = {name for name, each in families.items() if {f"{name}{end}" for end in ENDS[each.type]} & read}
    assert {name for name in families if name.startswith("poolscope_")} - shown == set()
