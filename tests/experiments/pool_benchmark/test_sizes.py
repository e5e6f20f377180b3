"""What the samples of a pool-sizes run come to: JSON, rows, verdicts, findings, charts; no process is started."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.experiments.findings import Finding
from poolscope.experiments.pool_benchmark import pool_sizes as state
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.payloads import NoiseReading, ShownResults, TraceSummary, Untyped
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
    Task,
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


def check(now: State, name: str, usable_cpus: int = 2) -> Finding:
    return next(finding for finding in state.findings(now, usable_cpus) if finding.check == name)


def sentence(now: State, usable_cpus: int = 2) -> str:
    return str(state.verdict(now, usable_cpus)).replace("\N{NO-BREAK SPACE}", " ")


POOL_WINS = told({"serial": about(200.6), "2": about(122.2), "4": about(105.0), "6": about(107.5)})
LOOP_WINS = told({"serial": about(0.002), "2": about(0.2), "4": about(0.3)}, workload="square")


# --- the contract's JSON


def test_the_json_has_the_contracts_names_before_the_first_record() -> None:
    shape = state.as_json(state.initial(PoolSizesParams()))
    nothing: dict[str, Any] = {"median": None, "low": None, "high": None, "samples": []}
    assert shape["serial"] == nothing
    assert [size["pool_size"] for size in shape["sizes"]] == [2, 4, 6, 8]
    wanted = {"pool_size", "start_s", "map_s", "stop_s", "speedup", "efficiency", "results", "transcript"}
    assert wanted <= set(shape["sizes"][0])
    assert shape["sizes"][0]["map_s"] == nothing
    assert (shape["done"], shape["total"]) == (0, 6 + 4 * 7)
    json.dumps(shape, allow_nan=False)


def test_the_json_has_medians_intervals_speed_up_and_efficiency() -> None:
    shape = state.as_json(POOL_WINS)
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
    assert state.as_json(now)["sizes"][0]["transcript"] == (
        "Using a pool of size 2:\nResults: [1, 4, 9]\nTime taken: 0.0048 seconds"
    )


def test_a_long_list_of_results_is_cut_in_the_transcript() -> None:
    now = told({"serial": [0.01], "2": [4.8]})
    now = state.fold(now, Result(0, ShownResults(5000, tuple(range(1000))), "2 workers"))
    assert "18, 19, …]" in state.as_json(now)["sizes"][0]["transcript"]
    assert state.as_json(now)["sizes"][0]["results_count"] == 5000


def test_the_rows_come_in_the_order_of_measurement() -> None:
    header, rows = state.rows(told({"serial": [1.0, 2.0], "2": [3.0]}, around_ms=10.0, chunks={2: 2}))
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
    assert state.rows(now)[1][0][5] is None


OTHERS: list[Record] = [
    Contents(0, "x", "added", 1, [1], 1),
    Task(0, "1", "started"),
    Sample(0, "map", "99", 1, 1.0),
    Sample(0, "latency", "2 workers", 1, 1.0),
    Result(0, Untyped("weather", "rain")),
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
        [state.as_json(now), state.chart(now, 2), [f.as_json() for f in state.findings(now, 2)]], allow_nan=False
    )
    state.verdict(now, 2)
    state.rows(now)


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
    shape = state.as_json(now)
    assert (shape["done"], shape["total"], shape["seconds_left"], shape["note"]) == (3, 9, 1.5, "repetition 1 of 5")
    assert now.start_method == "spawn"
    assert now.lanes.spans[0].lane == "2 workers"
    ended = state.fold(now, End(10, "failed", "WorkerDied: Worker 1 died."))
    assert (ended.outcome, ended.failure, ended.seconds_left) == ("failed", "Worker 1 died.", None)


# --- the verdict


def test_nothing_is_said_before_there_is_ground_for_it() -> None:
    assert state.verdict(state.initial(PoolSizesParams()), 2) is None
    assert state.verdict(told({"serial": about(5, 2), "2": about(4, 2)}, outcome=""), 2) is None


def test_the_fastest_pool_is_named_with_its_speed_up_and_interval() -> None:
    said = sentence(POOL_WINS)
    assert said.startswith("4 workers map fastest: 105 ms, 1.91× serial (95% CI 1.8")
    assert "6 workers only add start-up: 2 CPUs are usable." in said


def test_a_single_call_is_judged_with_start_up_and_shutdown() -> None:
    slow_start = replace(POOL_WINS, configs=dear(lambda size: 0.03 * size))
    assert "For a single call, start-up and shutdown counted, 2 workers finish first: 184 ms" in sentence(slow_start)
    dearest = replace(POOL_WINS, configs=dear(lambda _: 1.0))
    assert "the plain loop finishes first: 201 ms against 1.1" in sentence(dearest)
    cheap = replace(POOL_WINS, configs=dear(lambda _: 0.001))
    assert "For a single call too" in sentence(cheap)


def dear(seconds_of: Callable[[int], float]) -> dict[str, Configuration]:
    """The pools of that run, whose start-up takes so long for each size."""
    return {
        config.key: config
        if config.serial
        else replace(config, start=(seconds_of(config.size),) * len(config.map), stop=(0.002,) * len(config.map))
        for config in POOL_WINS.configs.values()
    }


def test_the_plain_loop_wins_where_no_pool_beats_it_and_the_break_even_is_said() -> None:
    said = sentence(LOOP_WINS)
    assert said.startswith("The plain loop wins: 2.00 µs against 200 µs with 2 workers as the fastest pool")
    assert "a pool would win from about 39.8 µs an item" in said


def test_there_is_no_clear_winner_where_the_interval_spans_one() -> None:
    now = told({"serial": [100, 120, 90, 110, 95], "2": [99, 121, 92, 108, 97]})
    assert sentence(now).startswith("No clear winner: 2 workers, the fastest pool, took 99.0 ms")


def test_pools_that_tie_are_named_together() -> None:
    now = told({"serial": about(200), "2": about(101), "4": about(100.9), "8": about(150)})
    said = sentence(now)
    assert said.startswith("No clear winner among 2 and 4 workers: 101 ms, 1.98× serial at best (95% CI 1.9")
    assert "4 and 8 workers only add start-up" in said


def test_one_repetition_gives_no_winner() -> None:
    said = sentence(told({"serial": [200.0], "2": [100.0]}))
    assert said.startswith("No clear winner: one repetition is too few for an interval.")


def test_few_repetitions_name_the_confidence_that_they_really_give() -> None:
    assert "(88% CI" in sentence(told({"serial": about(200, 3), "2": about(100, 3)}))


def test_a_stopped_run_says_which_sizes_are_missing() -> None:
    now = told({"serial": about(200), "2": about(100), "4": []}, outcome="stopped")
    assert "4 workers: not measured." in sentence(now)


def test_a_disturbed_run_says_so_beside_its_verdict() -> None:
    loud = told({"serial": about(200), "2": about(100)}, noise=replace(QUIET, host_busy_s=19.0))
    assert "disturbed" in sentence(loud)


# --- findings


def test_no_finding_before_anything_was_measured() -> None:
    assert state.findings(state.initial(PoolSizesParams()), 2) == ()


def test_work_too_small_names_the_break_even_and_a_run_with_longer_work() -> None:
    found = check(LOOP_WINS, "work too small for a pool")
    assert found.holds is True
    assert found.numbers["break_even_seconds_per_item"] == pytest.approx(39.8e-6)
    assert found.remedy == {"workload": "sum-of-squares", "work_ms": 20.0}
    PoolSizesParams.model_validate({**LOOP_WINS.params.model_dump(), **found.remedy})


def test_work_long_enough_is_said_and_a_tie_cannot_tell() -> None:
    assert check(POOL_WINS, "work too small for a pool").holds is False
    tie = told({"serial": [100, 120, 90, 110, 95], "2": [99, 121, 92, 108, 97]})
    assert check(tie, "work too small for a pool").holds is None
    assert check(told({"serial": [1.0], "2": [9.0]}), "work too small for a pool").holds is None


def test_one_usable_cpu_has_no_break_even() -> None:
    found = check(LOOP_WINS, "work too small for a pool", usable_cpus=1)
    assert found.numbers["break_even_seconds_per_item"] is None
    assert "one usable CPU" in found.sentence
    assert found.remedy == {}


def test_more_workers_than_cpus_that_gain_nothing_are_found() -> None:
    now = told({"serial": about(200), "2": about(100), "4": about(104), "8": about(110)})
    found = check(now, "more workers than usable CPUs")
    assert found.holds is True
    assert found.remedy == {"sizes": [2]}


def test_more_workers_that_gain_by_smaller_chunks_cannot_be_told() -> None:
    maps = {"serial": about(200.6), "2": about(122.2), "4": about(105.0)}
    found = check(told(maps, chunks={2: 2, 4: 1}), "more workers than usable CPUs")
    assert found.holds is None
    assert "chunk sizes differ, 2 and 1" in found.sentence
    assert found.remedy == {"chunksize": 1}
    assert check(told(maps), "more workers than usable CPUs").holds is False


@pytest.mark.parametrize(
    ("maps", "cpus", "asked", "holds"),
    [
        ({"serial": about(200), "2": about(100)}, 2, {}, False),
        ({"serial": about(200), "2": about(100), "8": about(30)}, 2, {"workload": "square-sleep"}, False),
        ({"serial": about(200), "4": about(100)}, 2, {}, None),
        ({"serial": about(200, 2), "2": about(100, 2), "4": about(99, 2)}, 2, {}, None),
        ({"serial": about(200), "2": [100, 200, 50, 70, 150], "4": [101, 190, 55, 75, 140]}, 2, {}, None),
    ],
)
def test_more_workers_than_cpus_holds_only_where_the_data_say_so(
    maps: Mapping[str, Sequence[float]], cpus: int, asked: dict[str, Any], holds: bool | None
) -> None:
    assert check(told(maps, **asked), "more workers than usable CPUs", cpus).holds is holds


@pytest.mark.parametrize(
    ("around_ms", "repeats", "holds"), [(500.0, 7, True), (20.0, 7, False), (100.0, 7, None), (500.0, 2, None)]
)
def test_start_up_is_weighed_against_the_map(around_ms: float, repeats: int, holds: bool | None) -> None:
    now = told({"serial": about(200, repeats), "2": about(100, repeats)}, around_ms=around_ms)
    assert check(now, "start-up outweighs the map").holds is holds


def test_start_up_that_outweighs_is_answered_with_more_items() -> None:
    now = told({"serial": about(200), "2": about(100)}, around_ms=500.0)
    assert check(now, "start-up outweighs the map").remedy == {"last": 100}  # 100 × 20 ms: four times the start-up


def test_a_chunk_size_that_changes_is_found() -> None:
    maps = {"serial": about(200), "2": about(100), "4": about(90)}
    assert check(told(maps, chunks={2: 2, 4: 1}), "chunk size changes with the pool size").holds is True
    assert check(told(maps), "chunk size changes with the pool size").holds is False


@pytest.mark.parametrize(
    ("noise", "holds"),
    [
        (QUIET, False),
        (None, None),
        (replace(QUIET, host_busy_s=19.0), True),
        (replace(QUIET, throttled_after=3), True),
        (replace(QUIET, loop_cpu_s=1.0), True),
        (replace(QUIET, host_busy_s=None, loop_wall_s=0.0), None),
    ],
)
def test_a_disturbed_run_is_found_by_any_detector(noise: NoiseReading | None, holds: bool | None) -> None:
    now = told({"serial": about(200), "2": about(100)}, noise=noise)
    assert check(now, "the run was disturbed").holds is holds


def test_waiting_work_is_not_held_against_the_machine() -> None:
    noise = replace(QUIET, host_busy_s=14.0, own_cpu_s=2.0, loop_cpu_s=0.001, host_cpus=4)
    now = told({"serial": about(200), "8": about(30)}, noise=noise, workload="square-sleep")
    assert check(now, "the run was disturbed").holds is None


def test_every_finding_that_cannot_tell_says_why() -> None:
    for finding in state.findings(told({"serial": [1.0], "4": [9.0]}), 2):
        assert finding.sentence
        json.dumps(finding.as_json(), allow_nan=False)


# --- charts


def test_the_charts_hold_every_repetition_and_the_ideal_is_cut_at_the_cpus() -> None:
    chart = state.chart(POOL_WINS, 2)
    assert set(chart) == {"reps", "summary", "ideal", "phases", "drift", "serial"}
    assert len(chart["reps"]) == len(chart["drift"]) == 21
    assert [(row["pool"], row["speedup"]) for row in chart["ideal"]] == [(1, 1), (2, 2), (4, 2), (6, 2)]
    assert chart["summary"][1]["map"] == pytest.approx(105.0)
    assert chart["serial"] == [{"ms": pytest.approx(200.6), "label": "serial 200.6 ms"}]


def test_the_phases_of_a_call_add_up_with_and_without_a_traced_repetition() -> None:
    traced = TraceSummary(0.1, 10, tasks_wall_s=0.16, tasks_cpu_s=0.16, workers_used=2, worker_ends_s=(0.09, 0.095))
    after = state.fold(POOL_WINS, Result(0, traced, "2 workers"))
    for now in (POOL_WINS, after):
        two = [row for row in state.chart(now, 2)["phases"] if row["pool"] == 2]
        assert sum(row["ms"] for row in two) == pytest.approx(20 + 122.2)
        assert all(row["ms"] >= 0 for row in two)
    assert [row["phase"] for row in two] == ["start-up", "dispatch + pickling", "computing", "idle tail", "shutdown"]


def test_a_repetition_far_from_the_others_is_marked_and_kept() -> None:
    chart = state.chart(told({"serial": about(200), "2": [100, 101, 99, 100.5, 99.5, 140]}), 2)
    assert [row["far"] for row in chart["drift"]] == [False] * 5 + [True]


def test_the_ideal_of_waiting_work_is_not_cut_at_the_cpus() -> None:
    now = told({"serial": about(200), "4": about(50)}, workload="square-sleep")
    assert state.chart(now, 2)["ideal"][-1] == {"pool": 4, "speedup": 4}
