"""What the samples of a pool-sizes run come to: JSON, rows, charts; no process is started."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.experiments.factorials.payloads import FactorialComputed
from poolscope.experiments.pool_benchmark import export, findings, size_charts, state, verdict
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.payloads import NoiseReading, ShownResults, TraceSummary
from poolscope.protocol.records import (
    Actor,
    Contents,
    End,
    Failure,
    Progress,
    Record,
    Result,
    Sample,
    Span,
    TaskEvent,
)

from tests.openings import opening

SPREAD = (1.0, 1.01, 0.99, 1.005, 0.995, 1.0, 1.02)
QUIET = NoiseReading(
    wall_s=10.0,
    host_busy_s=12.0,
    own_cpu_s=11.9,
    throttled_before=0,
    throttled_after=0,
    host_cpus=2,
    loop_wall_s=1.4,
    loop_cpu_s=1.4,
)


def about(milliseconds: float, repeats: int = 7) -> list[float]:
    return [milliseconds * factor for factor in SPREAD[:repeats]]


def told(
    maps: Mapping[str, Sequence[float]],
    *,
    around_ms: float = 20.0,
    noise: NoiseReading | None = None,
    chunks: dict[int, int] | None = None,
    outcome: str = "finished",
    **asked: Any,
) -> State:
    """The state after a run with these map times (ms) by arm; every pool starts and stops in `around_ms` together."""
    sizes = [int(config) for config in maps if config != "serial"]
    now = state.initial(PoolSizesParams.model_validate({"sizes": sizes, "workload": "sum-of-squares", **asked}))
    used = chunks or dict.fromkeys(sizes, 1)
    now = replace(
        now, configs={key: replace(each, chunk_used=used.get(each.size, 1)) for key, each in now.configs.items()}
    )
    records: list[Record] = []
    for number in range(1, 1 + max(map(len, maps.values()))):
        for config, times in maps.items():
            if number <= len(times):
                records += measurement(config, number, times[number - 1], around_ms)
    if noise is not None:
        records.append(Result(0, noise))
    if outcome:
        records.append(End(0, outcome))
    for record in records:
        now = state.fold(now, record)
    return now


def key_of(size: str) -> str:
    return size if size == "serial" else f"{size} workers"


def measurement(config: str, number: int, map_ms: float, around_ms: float) -> list[Record]:
    phases = {"map": map_ms}
    if config != "serial":
        phases = {"start": around_ms * 0.9, "first_ready": around_ms * 0.5, "map": map_ms, "stop": around_ms * 0.1}
    return [Sample(0, name, key_of(config), number, ms / 1e3) for name, ms in phases.items()]


POOL_WINS = told({"serial": about(200.6), "2": about(122.2), "4": about(105.0), "6": about(107.5)})
LOOP_WINS = told({"serial": about(0.002), "2": about(0.2), "4": about(0.3)}, workload="square")


# --- the contract's JSON


def test_the_json_has_the_contracts_names_before_the_first_record() -> None:
    shape = export.pool_sizes_json(state.initial(PoolSizesParams()))
    nothing: dict[str, Any] = {"median": None, "low": None, "high": None, "samples": []}
    assert shape["serial"] == nothing
    assert [size["pool_size"] for size in shape["sizes"]] == [2, 4, 6, 8]
    wanted = {"pool_size", "start_s", "map_s", "stop_s", "speedup", "efficiency", "results", "transcript"}
    assert wanted <= set(shape["sizes"][0])
    assert shape["sizes"][0]["map_s"] == nothing
    assert (shape["done"], shape["total"]) == (0, 4 + 4 * 5)
    json.dumps(shape, allow_nan=False)


def test_the_json_has_medians_intervals_speed_up_and_efficiency() -> None:
    shape = export.pool_sizes_json(POOL_WINS)
    four = shape["sizes"][1]
    assert shape["serial"]["median"] == pytest.approx(0.2006)
    assert four["map_s"]["median"] == pytest.approx(0.105)
    assert four["map_s"]["low"] < 0.105 < four["map_s"]["high"]
    assert len(four["map_s"]["samples"]) == 7
    assert four["speedup"] == pytest.approx(200.6 / 105.0)
    assert four["efficiency"] == pytest.approx(200.6 / 105.0 / 4)
    assert four["total_s"]["median"] == pytest.approx(0.125)
    json.dumps(shape, allow_nan=False)


def test_the_warm_up_counts_for_nothing() -> None:
    now = state.initial(PoolSizesParams(sizes=[2]))
    for record in measurement("2", 0, 5.0, 5.0):
        now = state.fold(now, record)
    assert now.configs["2 workers"].map == ()
    assert now.order == ()


def test_the_transcript_has_the_words_of_the_script() -> None:
    now = told({"serial": [0.01], "2": [4.0, 4.8]})
    now = state.fold(now, Result(0, ShownResults(3, (1, 4, 9)), "2 workers"))
    assert export.pool_sizes_json(now)["sizes"][0]["transcript"] == (
        "Using a pool of size 2:\nResults: [1, 4, 9]\nTime taken: 0.0048 seconds"
    )


def test_a_long_list_of_results_is_cut_in_the_transcript() -> None:
    now = told({"serial": [0.01], "2": [4.8]})
    now = state.fold(now, Result(0, ShownResults(5000, tuple(range(1000))), "2 workers"))
    assert "18, 19, …]" in export.pool_sizes_json(now)["sizes"][0]["transcript"]
    assert export.pool_sizes_json(now)["sizes"][0]["results_count"] == 5000


def test_the_rows_come_in_the_order_of_measurement() -> None:
    header, rows = export.pool_sizes_rows(told({"serial": [1.0, 2.0], "2": [3.0]}, around_ms=10.0, chunks={2: 2}))
    assert header == ("arm", "repetition", "start_s", "first_ready_s", "map_s", "stop_s", "chunksize")
    assert [list(row) for row in rows] == [
        ["serial", 1, None, None, 0.001, None, None],
        ["2", 1, pytest.approx(0.009), pytest.approx(0.005), 0.003, pytest.approx(0.001), 2],
        ["serial", 2, None, None, 0.002, None, None],
    ]


def test_rows_of_a_repetition_whose_samples_have_not_all_come_leave_the_rest_open() -> None:
    now = state.initial(PoolSizesParams(sizes=[2]))
    for record in measurement("2", 1, 3.0, 10.0)[:3]:
        now = state.fold(now, record)
    assert export.pool_sizes_rows(now)[1][0][5] is None


OTHERS: list[Record] = [
    Contents(0, "x", "added", 1, [1], 1),
    TaskEvent(0, "1", "started"),
    Sample(0, "map", "99", 1, 1.0),
    Sample(0, "latency", "2 workers", 1, 1.0),
    Result(0, FactorialComputed(3, "6")),
    Result(0, ShownResults(1, (1,)), "99"),
]


@pytest.mark.parametrize("record", OTHERS)
def test_a_record_that_says_nothing_here_changes_nothing(record: Record) -> None:
    assert state.fold(POOL_WINS, record) == POOL_WINS


@given(
    st.lists(
        st.sampled_from(
            [*OTHERS, *measurement("2", 1, 3.0, 1.0), *measurement("serial", 1, 3.0, 1.0), End(0, "stopped")]
        )
    )
)
def test_any_order_of_records_folds_and_can_be_shown(records: list[Record]) -> None:
    now = state.initial(PoolSizesParams(sizes=[2, 3]))
    for record in records:
        now = state.fold(now, record)
    json.dumps(
        [export.pool_sizes_json(now), size_charts.chart(now, 2), [f.as_json() for f in findings.findings(now, 2)]],
        allow_nan=False,
    )
    verdict.verdict(now, 2)
    export.pool_sizes_rows(now)


def test_progress_lanes_and_the_end_are_kept() -> None:
    now = state.initial(PoolSizesParams(sizes=[2]))
    records: list[Record] = [
        opening("pool-sizes", 5, start_method="spawn"),
        Progress(6, 3, 9, 1.5, "repetition 1 of 5"),
        Actor(7, "2 workers · w1", "started", "process"),
        Span("2 workers · w1", "running", 7, 9, "1", "2 workers"),
        Failure(9, "WorkerDied", "Worker 1 died."),
    ]
    for record in records:
        now = state.fold(now, record)
    shape = export.pool_sizes_json(now)
    assert (shape["done"], shape["total"], shape["seconds_left"], shape["note"]) == (3, 9, 1.5, "repetition 1 of 5")
    assert now.start_method == "spawn"
    assert now.lanes.spans[0].lane == "2 workers"
    ended = state.fold(now, End(10, "failed", "Worker 1 died."))
    assert (ended.outcome, ended.failure, ended.seconds_left) == ("failed", "Worker 1 died.", None)


# --- charts


def test_the_charts_hold_every_repetition_and_the_ideal_is_cut_at_the_cpus() -> None:
    chart = size_charts.chart(POOL_WINS, 2)
    assert set(chart) == {"reps", "room", "summary", "ideal", "phases", "drift", "serial"}
    assert len(chart["reps"]) == len(chart["drift"]) == 21
    assert [(row["pool"], row["speedup"]) for row in chart["ideal"]] == [(1, 1), (2, 2), (4, 2), (6, 2)]
    assert chart["summary"][1]["map"] == pytest.approx(105.0)
    assert chart["serial"] == [{"ms": pytest.approx(200.6), "label": "serial 200.6 ms"}]


def test_one_sample_has_room_around_it_and_says_so_in_no_interval() -> None:
    chart = size_charts.chart(told({"serial": [200.0], "4": [8.084914]}), 2)
    assert [row["map"] for row in chart["room"]] == pytest.approx([7.276, 8.893], abs=0.001)
    assert (chart["summary"][0]["label"], chart["summary"][0]["lo"]) == ("8.08", None)


def test_of_sizes_too_close_to_be_labelled_the_fastest_is() -> None:
    chart = size_charts.chart(
        told({"serial": about(200), "1": about(210), "2": about(50), "4": about(100), "64": about(90)}), 64
    )
    assert [row["label_speedup"] for row in chart["summary"]] == ["", "4.00×", "", "2.22×"]


def test_the_phases_of_a_call_add_up_with_and_without_a_traced_repetition() -> None:
    traced = TraceSummary(0.1, 10, tasks_wall_s=0.16, tasks_cpu_s=0.16, workers_used=2, worker_ends_s=(0.09, 0.095))
    after = state.fold(POOL_WINS, Result(0, traced, "2 workers"))
    for now in (POOL_WINS, after):
        two = [row for row in size_charts.chart(now, 2)["phases"] if row["pool"] == 2]
        assert sum(row["ms"] for row in two) == pytest.approx(20 + 122.2)
        assert all(row["ms"] >= 0 for row in two)
    phases = [row["phase"] for row in two]
    assert phases == ["start-up", "handing items over", "computing", "waiting for the last items", "shutdown"]


def test_a_repetition_far_from_the_others_is_marked_and_kept() -> None:
    chart = size_charts.chart(told({"serial": about(200), "2": [100, 101, 99, 100.5, 99.5, 140]}), 2)
    assert [row["far"] for row in chart["drift"]] == [False] * 5 + [True]


def test_the_ideal_of_waiting_work_is_not_cut_at_the_cpus() -> None:
    now = told({"serial": about(200), "4": about(50)}, workload="square-sleep")
    assert size_charts.chart(now, 2)["ideal"][-1] == {"pool": 4, "speedup": 4}
