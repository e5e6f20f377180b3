"""What the records of a which-pool run fold to: JSON by the contract, rows, charts; no process is started."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from poolscope.experiments.failures.payloads import TaskComputed
from poolscope.experiments.pool_benchmark import charts, export, findings, state, verdict
from poolscope.experiments.pool_benchmark.charts import LABELS, best_of_kinds, fits
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.payloads import (
    ConfigurationSkipped,
    EffectiveCpus,
    LoopTimes,
    MemoryReading,
    ResultsDiffer,
    TraceSummary,
    WorkerHosts,
)
from poolscope.protocol.records import (
    Actor,
    Contents,
    End,
    Failure,
    Printed,
    Progress,
    Record,
    Result,
    Sample,
    Span,
    TaskEvent,
)

from tests.experiments.pool_benchmark.invented_runs import (
    HERE,
    MIB,
    about,
    machine_facts,
    measurement,
    planned,
    records,
    told,
    traced,
)
from tests.openings import opening

MAPS = {
    "serial": about(640),
    "thread 2": about(655),
    "process 2": about(335),
    "process 4": about(336),
    "pool 2 c1": about(337),
    "pool 2 c8": about(334),
}
ASKED = {"sizes": [2, 4], "chunksizes": [1, 8]}
TRACES = {
    key: traced(planned(key, 32), ms, cpus=cpus, share=share)
    for key, ms, cpus, share in (
        ("thread 2", 655, 0.99, 0.5),
        ("process 2", 335, 1.9, 1.0),
        ("process 4", 336, 1.9, 0.5),
    )
}
MEMORY = Result(
    0,
    MemoryReading("pss", (8 * MIB, 10 * MIB), 40 * MIB, 22 * MIB),
    "process 2",
)
RUN = told(MAPS, traces=TRACES, more=[MEMORY], asked=ASKED)
NOTHING: dict[str, Any] = {"median": None, "low": None, "high": None, "samples": []}


def cell(now: State, kind: str, size: int, chunksize: int = 0) -> dict[str, Any]:
    cells = export.which_pool_json(now)["cells"]
    found = [one for one in cells if (one["kind"], one["size"], one["chunksize"]) == (kind, size, chunksize)]
    assert len(found) == 1
    only: dict[str, Any] = found[0]
    return only


# The contract's JSON


def test_the_json_is_there_before_the_first_record() -> None:
    shape = export.which_pool_json(state.initial(WhichPoolParams()))
    assert (shape["serial"], shape["cells"], shape["verdict"], shape["fits"]) == (NOTHING, [], None, [])
    json.dumps(shape, allow_nan=False)


def test_a_cell_has_the_contracts_names_and_numbers() -> None:
    shape = cell(RUN, "process", 2)
    assert {"wall_s", "speedup", "cpu_share", "memory_per_worker", "breakdown", "python", "chunk_used"} <= set(shape)
    assert shape["wall_s"]["median"] == pytest.approx(0.335)
    assert len(shape["wall_s"]["samples"]) == 5
    assert shape["speedup"]["value"] == pytest.approx(640 / 335)
    assert shape["speedup"]["low"] < shape["speedup"]["value"] < shape["speedup"]["high"]
    assert shape["cpu_share"] == pytest.approx(1.0)
    assert shape["memory_per_worker"] == 9 * MIB
    assert shape["total_s"]["median"] == pytest.approx(0.335 + 0.026)
    json.dumps(export.which_pool_json(RUN), allow_nan=False)


def test_a_breakdown_shares_out_the_whole_call() -> None:
    parts = cell(RUN, "process", 2)["breakdown"]
    assert math.fsum(parts[name] for name in ("startup", "dispatch", "compute", "idle", "shutdown")) == pytest.approx(1)
    assert parts["compute"] == pytest.approx(parts["on_cpu"] + parts["off_cpu"])
    assert parts["startup"] == pytest.approx(0.024 / 0.361)
    assert cell(RUN, "pool", 2, 8)["breakdown"] is None  # it was not traced


def test_a_setting_without_samples_has_nothing_in_it() -> None:
    now = told({"serial": [], "process 2": []}, skipped={"process 2": "It died."}, outcome="")
    shape = cell(now, "process", 2)
    assert (shape["wall_s"], shape["speedup"]["value"], shape["skipped"]) == (NOTHING, None, "It died.")


def test_the_plain_loops_stand_apart_one_for_each_python() -> None:
    now = told({"serial": about(640), "3.14: serial": about(320)}, pythons={HERE: {}, "3.14": {}}, outcome="")
    loops = export.which_pool_json(now)["loops"]
    assert [(loop["python"], loop["speedup"]["value"]) for loop in loops] == [(HERE, 1.0), ("3.14", 2.0)]
    assert loops[0]["cpu_share"] == pytest.approx(1.0)


def share_of(key: str, tasks: int, wall_s: float, cpu_s: float, native_cpu_s: float = 0.0) -> float | None:
    """What is said of these traced tasks."""
    kind, size = key.split()
    summary = TraceSummary(1.0, tasks, wall_s, cpu_s, 2, (1.0, 1.0), native_cpu_s=native_cpu_s)
    now = told({"serial": about(640), key: about(900)}, traces={key: summary})
    share: float | None = cell(now, kind, int(size))["cpu_share"]
    return share


@pytest.mark.parametrize("key", ["thread 4", "process 2", "asyncio 4"])
def test_tasks_too_short_for_the_clocks_have_no_share_of_a_cpu(key: str) -> None:
    """5,000 tasks of 0.5 µs, as recorded: reading the clocks made 1 µs of CPU time of each."""
    assert share_of(key, 5000, 0.0025, 0.005) is None


@pytest.mark.parametrize("key", ["thread 4", "process 2", "asyncio 4"])
def test_a_task_of_one_thread_is_never_on_a_cpu_for_more_than_its_time(key: str) -> None:
    assert share_of(key, 5000, 0.5, 0.505) == 1.0
    assert share_of(key, 5000, 0.5, 0.4) == pytest.approx(0.8)
    assert share_of(key, 10, 0.1, 0.0001) == pytest.approx(0.001)  # it waits, and is long enough for the clocks


def test_what_an_event_loop_does_beside_its_coroutines_is_no_share_of_theirs() -> None:
    assert share_of("asyncio 4", 1000, 0.2, 0.35) == 1.0
    assert share_of("thread 4", 100, 0.2, 0.2, native_cpu_s=0.2) == pytest.approx(2.0)
    assert share_of("process 2", 100, 0.2, 0.38) == pytest.approx(1.9)


def test_a_loop_too_short_for_the_clocks_has_no_share_of_a_cpu() -> None:
    maps = {"serial": about(0.002), "process 2": about(1)}
    assert export.which_pool_json(told(maps))["loops"][0]["cpu_share"] is None
    (long,) = export.which_pool_json(told({"serial": about(640)}, loop_share=1.012))["loops"]
    assert long["cpu_share"] == 1.0


def test_a_python_that_cannot_take_part_is_told_with_its_reason() -> None:
    now = told(MAPS, pythons={HERE: {}, "3.12": {"why_not": "It does not start."}})
    assert [(python["label"], python["why_not"]) for python in export.which_pool_json(now)["pythons"]] == [
        (HERE, None),
        ("3.12", "It does not start."),
    ]


# The fold


def test_the_warm_up_counts_for_nothing() -> None:
    now = told({"serial": [], "process 2": []}, outcome="")
    for record in measurement(planned("process 2", 32), 0, 5.0):
        now = state.fold(now, record)
    assert now.configs["process 2"].map == ()
    assert now.order == ()


def test_progress_lanes_output_and_the_end_are_kept() -> None:
    now = state.initial(WhichPoolParams())
    told_so_far: list[Record] = [
        opening("which-pool", 5, start_method="spawn"),
        Progress(6, 3, 9, 1.5, "repetition 1 of 5", "process 2"),
        Actor(7, "process 2 · w1", "started", "process"),
        Span("process 2 · w1", "running", 7, 9, "1", "process 2"),
        Printed(8, "stdout", "hello", left_out=2),
        Failure(9, "WorkerDied", "Worker 1 died."),
    ]
    for record in told_so_far:
        now = state.fold(now, record)
    shape = export.which_pool_json(now)
    assert (shape["done"], shape["total"], shape["seconds_left"]) == (3, 9, 1.5)
    assert (now.note, now.current) == ("repetition 1 of 5", "process 2")
    assert (now.start_method, now.printed, now.failure) == ("spawn", 7, "Worker 1 died.")
    assert now.lanes.spans[0].lane == "process 2"
    ended = state.fold(now, End(10, "failed", "Worker 1 died."))
    assert (ended.outcome, ended.seconds_left) == ("failed", None)


def test_the_usable_cpus_are_those_that_the_run_found() -> None:
    now = state.initial(WhichPoolParams())
    assert now.usable_cpus is None
    now = state.fold(now, Result(0, EffectiveCpus({"1": 1.0, "4": 3.9}, 0.2)))
    assert now.usable_cpus == 4
    assert state.fold(now, Result(0, machine_facts())).usable_cpus == 2


OTHERS: list[Record] = [
    Contents(0, "x", "added", 1, [1], 1),
    TaskEvent(0, "1", "started"),
    Sample(0, "map", "nobody", 1, 1.0),
    Sample(0, "latency", "process 2", 1, 1.0),
    Result(0, TaskComputed("10 / 2")),
    Result(0, ConfigurationSkipped("why"), "nobody"),
    Result(0, LoopTimes(1, 1), "nobody"),
]


@pytest.mark.parametrize("record", OTHERS)
def test_a_record_that_says_nothing_here_changes_nothing(record: Record) -> None:
    assert state.fold(RUN, record) == RUN


PARTS = records(
    {"serial": about(3, 2), "thread 2": about(2, 2), "pool 2": about(1, 2)},
    traces={"pool 2": traced(planned("pool 2", 32), 1, cpus=1.5)},
    more=[MEMORY, *OTHERS, Result(0, ResultsDiffer(1, "Item 1."), "thread 2")],
)


@given(st.lists(st.sampled_from(PARTS), max_size=40), st.integers(0, len(PARTS)))
def test_any_part_of_a_run_in_any_order_folds_and_can_be_shown(some: list[Record], first: int) -> None:
    now = state.initial(WhichPoolParams())
    for record in (*PARTS[:first], *some):
        now = state.fold(now, record)
    shown = [
        export.which_pool_json(now),
        charts.chart(now, 2),
        [found.as_json() for found in findings.findings(now, 2)],
    ]
    json.dumps(shown, allow_nan=False)
    verdict.verdict(now, 2)
    export.which_pool_rows(now)


# Rows


def test_the_rows_come_in_the_order_of_measurement() -> None:
    header, rows = export.which_pool_rows(told({"serial": [1.0], "pool 2 c8 spawn": [3.0]}, around_ms=10.0))
    assert header[:6] == ("python", "kind", "start_method", "size", "chunksize", "chunk_used")
    assert header[6:9] == ("native_threads", "max_tasks", "repetition")
    start, first, stop = (pytest.approx(seconds) for seconds in (0.009, 0.0045, 0.001))
    assert [list(row) for row in rows] == [
        [HERE, "serial", "", 1, 0, 1, 0, 0, 1, None, None, 0.001, None],
        [HERE, "pool", "spawn", 2, 8, 8, 0, 0, 1, start, first, 0.003, stop],
    ]


def test_rows_of_a_repetition_whose_samples_have_not_all_come_leave_the_rest_open() -> None:
    now = told({"serial": [], "process 2": []}, outcome="")
    for record in measurement(planned("process 2", 32), 1, 3.0)[:3]:
        now = state.fold(now, record)
    assert export.which_pool_rows(now)[1][0][-1] is None


# Charts


def test_the_speed_up_chart_has_a_line_a_kind_with_the_best_chunks_and_the_ideal_ends_at_the_cpus() -> None:
    chart = charts.chart(RUN, 2)
    points = [(row["kind"], row["workers"], row["chunk"]) for row in chart["speed"]]
    assert points == [("threads", 2, None), ("processes", 2, 1), ("processes", 4, 1), ("multiprocessing.Pool", 2, 8)]
    assert all(row["lo"] < row["speedup"] < row["hi"] for row in chart["speed"])
    assert [(row["workers"], row["speedup"]) for row in chart["ideal"]] == [(1, 1), (2, 2), (4, 2)]
    assert len(chart["reps"]) == 4 * 5
    assert [row["label"] for row in chart["ends"]] == ["threads", "plain loop", "processes", "multiprocessing.Pool"]
    assert [(row["kind"], row["workers"], row["label"]) for row in chart["best"]] == [("processes", 2, "1.91×")]


@pytest.mark.parametrize("others", [(), (318,), (318, 352), (300, 312, 318, 352, 366)])
def test_the_label_of_the_best_speed_up_lies_on_no_marker(others: tuple[float, ...]) -> None:
    """Of other kinds with as many workers, a little faster or slower than the recommended one."""
    kinds = ("loky", "joblib", "dask", "ray", "executor")
    maps = {"serial": about(640), "process 2": about(335), "process 4": about(340)}
    chart = charts.chart(told(maps | {f"{kind} 2": about(ms) for kind, ms in zip(kinds, others, strict=False)}), 2)
    (best,) = chart["best"]
    line = max(row["speedup"] for row in chart["speed"]) / LABELS
    markers = [row["speedup"] for row in chart["speed"] if row["workers"] == best["workers"]]
    assert len(markers) == 1 + len(others)
    assert all(abs(best["at"] - speed) > 0.7 * line for speed in (*markers, 1.0))
    # Where it is not by its marker it says whose speed-up it is, and a line leads there.
    far = abs(best["at"] - best["speedup"]) > line
    gain = f"{best['speedup']:.2f}×"
    assert (best["of"], best["label"]) == ((best["speedup"], f"{best['kind']} {gain}") if far else (None, gain))
    (named,) = [row for row in chart["ideal"] if row["label"]]
    there = [row["speedup"] for row in chart["speed"] if row["workers"] == named["workers"]]
    assert all(abs(named["at"] - speed) > 0.5 * line for speed in there)


def test_the_ideal_of_waiting_work_goes_on_beyond_the_cpus_up_to_the_items() -> None:
    now = told({"serial": about(1600), "thread 8": about(203)}, asked={"workload": "sleep"}, items=6)
    assert {**charts.chart(now, 2)["ideal"][-1], "at": 0} == {"workers": 8, "speedup": 6, "label": "", "at": 0}


def test_the_heat_map_has_every_setting() -> None:
    heat = charts.chart(RUN, 2)["heat"]
    assert [(row["kind"], row["workers"], row["asked"]) for row in heat] == [
        ("threads", 2, "–"),
        ("processes", 2, "own choice"),
        ("processes", 4, "own choice"),
        ("multiprocessing.Pool", 2, "1"),
        ("multiprocessing.Pool", 2, "8"),
    ]


def test_the_budget_names_what_kept_tasks_off_the_cpu_and_adds_up() -> None:
    chart = charts.chart(RUN, 2)
    by_setting: dict[str, dict[str, float]] = {}
    for row in chart["budget"]:
        by_setting.setdefault(row["setting"], {})[row["phase"]] = row["share"]
    assert all(math.fsum(shares.values()) == pytest.approx(100) for shares in by_setting.values())
    assert by_setting["2\N{NO-BREAK SPACE}threads"]["waiting for the GIL"] == pytest.approx(49, abs=1)
    assert "waiting for a free CPU" in by_setting["4\N{NO-BREAK SPACE}processes (chunks of 1)"]
    assert {row["kind"] for row in chart["why"]} == {"threads", "processes"}


def test_work_that_never_waits_is_not_said_to_wait_when_others_held_it_up() -> None:
    half = {"process 2": traced(planned("process 2", 32), 335, cpus=1.0, share=0.5)}
    for workload, phase in (("primes", "waiting off the CPU"), ("sleep", "waiting in the work")):
        now = told(MAPS, traces=half, loop_share=0.5, asked={**ASKED, "workload": workload})
        assert phase in {row["phase"] for row in charts.chart(now, 2)["why"]}


def test_memory_is_drawn_for_the_best_of_each_kind() -> None:
    assert charts.chart(RUN, 2)["memory"] == [
        {"kind": "processes", "pool": "process", "workers": 2, "mib": 9.0, "what": "pss", "total": 40.0}
    ]


def test_memory_is_that_of_the_setting_in_the_table_also_where_sizes_differ() -> None:
    """What the time went into is compared at the size of the answer, memory at each kind's best, as in the table."""
    maps = {"serial": about(640), "thread 2": about(336), "thread 4": about(337), "process 2": about(400)}
    maps["process 4"] = about(300)

    def held(config: str, mib: float, workers: int) -> Result:
        each = (int(mib * MIB),) * workers
        return Result(0, MemoryReading("pss", each, 100 * MIB, 20 * MIB), config)

    readings = [held("thread 2", 0.1, 2), held("thread 4", 0.2, 4), held("process 2", 9, 2), held("process 4", 5, 4)]
    now = told(maps, more=readings, asked={"sizes": [2, 4]})
    drawn = {row["kind"]: (row["workers"], round(row["mib"], 1)) for row in charts.chart(now, 4)["memory"]}
    assert drawn == {"threads": (2, 0.1), "processes": (4, 5.0)}
    assert [config.size for config in charts.side_by_side(now)] == [2, 2]


def test_a_curve_is_drawn_only_where_a_fit_is_borne_by_the_points() -> None:
    maps = {"serial": about(640)} | {f"process {size}": about(640 / size + 10) for size in (1, 2, 3, 4, 6, 8)}
    drawn = charts.chart(told(maps), 8)["fit"]
    assert {row["kind"] for row in drawn} == {"processes"}
    assert drawn[-1]["workers"] == 8
    assert charts.chart(told(maps), 2)["fit"] == []  # too few sizes within the CPUs


def test_the_best_of_each_kind_come_fastest_first() -> None:
    assert [(config.kind, config.size) for config in best_of_kinds(RUN)] == [
        ("pool", 2),
        ("process", 2),
        ("thread", 2),
    ]


def test_a_fit_goes_as_far_as_the_hosts_of_its_workers_have_cpus() -> None:
    maps = {"serial": about(640), **{f"dask {size}": about(640 / size + 10) for size in (1, 2, 4, 8)}}
    told_of = [Result(0, WorkerHosts(("one", "two"), 8), f"dask {size}") for size in (1, 2, 4, 8)]
    (there,) = fits(told(maps, more=told_of), 2).values()
    (here,) = fits(told(maps), 2).values()
    assert there.sizes == (1, 2, 4, 8)
    assert here.sizes == (1, 2)
    assert here.why is not None
