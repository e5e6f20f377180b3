"""Every check of a which-pool run: where it holds, where it does not, and where the samples can't tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from poolscope.experiments.experiment import Finding
from poolscope.experiments.pool_benchmark import findings, state
from poolscope.experiments.pool_benchmark.findings import ABOUT_CLUSTERS, ABOUT_SIZES_ALONE, CHECKS
from poolscope.experiments.pool_benchmark.findings.overhead import memory_runs_short
from poolscope.experiments.pool_benchmark.naming import config_name
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import eligible_configs, recommend
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.payloads import (
    Breakage,
    ConfigurationSkipped,
    EffectiveCpus,
    LoopTimes,
    MemoryReading,
    Parcel,
    ResultDifference,
    ResultsDiffer,
    ResultsRounded,
    ShippedOnce,
    SlowItem,
    SlowItems,
    TraceSummary,
    WaitingPlace,
    WorkerHosts,
)
from poolscope.protocol.records import Printed, Record, Result
from poolscope.web.views.which_pool.program import larger_chunk

from tests.experiments.pool_benchmark.invented_runs import HERE, ITEMS, LOUD, MIB, QUIET, about, planned, told, traced

MAPS = {"serial": about(640), "thread 2": about(655), "process 2": about(335), "process 4": about(336)}
FREE = {"serial": about(640), "thread 2": about(330)}
WIDE = [100.0, 200.0, 50.0, 70.0, 150.0]


def trace(key: str, map_ms: float, cpus: float, **how: Any) -> dict[str, TraceSummary]:
    return {key: traced(planned(key, ITEMS), map_ms, cpus=cpus, **how)}


def check(now: State, name: str, usable_cpus: int = 2) -> Finding:
    found = next(finding for finding in findings.findings(now, usable_cpus) if name in finding.check)
    assert found.sentence.endswith(".")
    assert found.sentence[0].upper() == found.sentence[0]
    json.dumps(found.as_json(), allow_nan=False)
    if found.remedy:  # it can be asked for as it stands
        WhichPoolParams.model_validate({**now.params.model_dump(), **found.remedy})
    return found


def remember(config: str, per_worker: float, workers: int, what: str = "pss") -> Result:
    total = per_worker * workers + 20
    each = (int(per_worker * MIB),) * workers
    return Result(0, MemoryReading(what, each, int(total * MIB), 20 * MIB), config)


def test_there_is_none_before_a_pool_and_the_loop_were_measured() -> None:
    assert findings.findings(state.initial(WhichPoolParams()), 2) == ()
    assert findings.findings(told({"serial": about(640), "process 2": []}, outcome=""), 2) == ()


def test_each_says_something_of_the_poorest_run() -> None:
    now = told(
        {"serial": [1.0], "process 4": [9.0]}, loop_share=None, noise=None, outcome="stopped", tried={"printed": 0}
    )
    assert len(findings.findings(now, 2)) == len(CHECKS) - len(ABOUT_SIZES_ALONE | ABOUT_CLUSTERS)
    for finding in findings.findings(now, 2):
        check(now, finding.check)


# Clusters


@pytest.mark.parametrize(
    ("scatter_s", "sent", "kept", "holds", "says"),
    [
        (0.02, (0.50, 0.52, 0.51), (0.30, 0.31, 0.30), True, "takes 20.0 ms, which pays with the first map"),
        (0.50, (0.50, 0.52, 0.51), (0.30, 0.31, 0.30), True, "which pays from 3 maps of the same items on"),
        (0.02, (0.50, 0.52, 0.51), (0.50, 0.51, 0.52), False, "beforehand a map of 2 dask workers takes 510 ms"),
        (0.02, (0.50, 0.90, 0.51), (0.50, 0.31, 0.52), None, "they are close"),
        (0.02, (0.50,), (0.30,), None, "Too few repetitions"),
    ],
)
def test_shipping_once_is_told_by_what_it_saves_and_what_it_takes(
    scatter_s: float, sent: tuple[float, ...], kept: tuple[float, ...], holds: bool | None, says: str
) -> None:
    shipped = Result(0, ShippedOnce(scatter_s, sent, kept), "dask 2")
    found = check(told({"serial": about(640), "dask 2": about(500)}, more=[shipped]), "sent anew with every map")
    assert found.holds is holds
    assert says in found.sentence.replace("\N{NO-BREAK SPACE}", " ")


# Work too small

LOST = {"serial": about(0.0025), "process 2": about(4), "pool 2": about(0.2)}


@pytest.mark.parametrize(
    ("maps", "cpus", "holds"),
    [
        (LOST, 2, True),
        (MAPS, 2, False),
        (LOST, 1, None),  # nothing runs side by side, so longer items would not help
        ({"serial": about(640), "thread 2": about(690)}, 2, None),
        ({"serial": WIDE, "process 2": list(reversed(WIDE))}, 2, None),
        ({"serial": about(640), "process 8": about(700)}, 32, True),
        ({"serial": about(640), "process 2": about(642)}, 2, None),
        ({"serial": [1.0], "process 2": [9.0]}, 2, None),
    ],
)
def test_work_too_small(maps: Mapping[str, Sequence[float]], cpus: int, holds: bool | None) -> None:
    assert check(told(maps, asked={"workload": "square"}), "work too small", cpus).holds is holds


def test_work_too_small_names_the_break_even_in_items_and_time_and_a_run_with_longer_work() -> None:
    now = told(LOST, asked={"workload": "square"}, tried={"pickle_s": 1e-8})
    found = check(now, "work too small")
    assert found.numbers["break_even_seconds_per_item"] == pytest.approx(12.42e-6, rel=0.01)
    assert found.numbers["break_even_items"] == pytest.approx((198.75e-6 - 32e-8) / (39.06e-9 - 1e-8), rel=0.01)
    assert found.remedy == {"workload": "sum-of-squares", "work_ms": 20.0}
    longer = check(told(LOST, asked={"workload": "primes", "work_ms": 0.01}), "work too small")
    assert longer.remedy == {"work_ms": 1.0}
    assert check(told(LOST, asked={"workload": "a:b@c"}), "work too small").remedy == {}


@pytest.mark.parametrize("pickle_s", [None, 5e-8])
def test_no_number_of_items_is_named_where_each_costs_more_than_it_saves_or_that_is_not_known(
    pickle_s: float | None,
) -> None:
    found = check(told(LOST, asked={"workload": "square"}, tried={"pickle_s": pickle_s}), "work too small")
    assert found.holds is True
    assert found.numbers["break_even_items"] is None


@pytest.mark.parametrize(
    ("pickle_s", "function_s", "code"),
    [
        (2e-6, 1e-6, "chunks_too_small: dear messages"),
        (2e-4, 1e-6, "chunks_too_small: not compared"),  # it may be the items
        (2e-6, 1e-3, "chunks_too_small: not compared"),  # or the function
        (None, 1e-6, "chunks_too_small: not compared"),
    ],
)
def test_messages_that_cost_and_not_what_they_carry_ask_for_larger_chunks(
    pickle_s: float | None, function_s: float, code: str
) -> None:
    maps = {"serial": about(2.5), "process 2": about(750), "thread 2": about(50)}
    tried = {"pickle_s": pickle_s, "parcel": Parcel(40, function_s / 2, function_s / 2)}
    traces = trace("process 2", 750, 0.03, tail=0.0)
    now = told(maps, items=5000, tried=tried, traces=traces)
    found = check(now, "chunks are too small")
    assert (found.code, found.holds) == (code, True if "dear" in code else None)
    assert found.remedy == {"chunksizes": [1, 625]}
    assert check(now, "work too small").numbers["break_even_chunk"] == 1


def test_messages_that_carry_much_are_not_told_to_carry_more() -> None:
    """Pickled in a moment, three megabytes take long to travel: larger chunks only gather them."""
    maps = {"serial": about(38), "process 2": about(190), "thread 2": about(60)}
    tried = {"item_bytes": 17, "result_bytes": 3_000_000, "pickle_s": 1e-4}
    now = told(maps, items=30, tried=tried, traces=trace("process 2", 190, 0.2, items=30, tail=0.0))
    found = check(now, "chunks are too small")
    assert (found.code, found.holds, found.remedy) == ("chunks_too_small: much carried", None, {})
    assert (found.numbers["carried_bytes"] or 0) > 3_000_000
    large = check(now, "arguments or results are too large to hand over")
    assert (large.code, large.holds) == ("too_large_to_hand_over: too large", True)
    dispatched, pickled = large.numbers["dispatch_share"], large.numbers["pickle_s"]
    assert dispatched is not None
    assert pickled is not None
    assert dispatched > 0.8
    assert pickled < 0.1 * 38e-3 / 30
    assert check(now, "work too small").numbers["break_even_items"] is None


def test_what_little_takes_to_pickle_alone_is_not_told() -> None:
    tried = {"item_bytes": 7, "result_bytes": 7, "pickle_s": 1e-5}
    found = check(told(LOST, tried=tried), "arguments or results are too large to hand over")
    assert (found.code, found.holds) == ("too_large_to_hand_over: few bytes", False)
    assert "pickle_s" not in found.numbers


@pytest.mark.parametrize(("sizes", "next_step"), [("1, 2, 4", False), ("4", True)])
def test_what_was_compared_is_no_next_step(sizes: str, next_step: bool) -> None:
    maps = {"serial": about(640), "process 2": about(330), "process 4": about(331)}
    found = check(told(maps, asked={"sizes": sizes}), "more workers than usable CPUs")
    assert (found.holds, found.remedy, found.not_recommended) == (True, {"sizes": [2]}, not next_step)


def test_items_that_take_longer_in_the_pool_are_not_called_too_small() -> None:
    slow = {"serial": about(640), "process 2": about(700)}
    assert check(told(slow, asked={"workload": "primes"}), "work too small").holds is True
    found = check(told(slow, asked={"workload": "primes"}, traces=trace("process 2", 700, 1.9)), "work too small")
    assert (found.holds, found.code) == (None, "work_too_small: slower")
    assert found.numbers["stretched"] == pytest.approx(2.08, abs=0.01)


# Turns

HELD = trace("thread 2", 655, 0.99, share=0.5)


@pytest.mark.parametrize(
    ("how", "cpus", "holds"),
    [
        ({"traces": HELD}, 2, True),
        ({"traces": trace("thread 2", 330, 1.9)}, 2, False),
        ({"traces": HELD, "pythons": {HERE: {"gil": False}}}, 2, False),
        ({"traces": HELD, "loop_share": 0.01, "asked": {"workload": "a:b@c"}}, 2, False),
        ({"traces": HELD}, 1, None),  # one at a time, for want of a second CPU
        ({"traces": HELD, "noise": LOUD}, 2, None),
        ({"traces": HELD, "loop_share": None}, 2, None),
        ({"traces": HELD, "loop_share": 0.5, "asked": {"workload": "a:b@c"}}, 2, None),
        ({"traces": trace("thread 2", 400, 1.4, share=0.8)}, 2, None),
        ({"traces": trace("thread 2", 655, 0.5, share=0.3)}, 2, None),  # less than the GIL allows: something else
        ({"traces": trace("process 2", 335, 1.9)}, 2, None),
        ({}, 2, None),
    ],
)
def test_the_gil_is_blamed_only_where_threads_used_one_cpu_of_several(
    how: dict[str, Any], cpus: int, holds: bool | None
) -> None:
    assert check(told(MAPS, **how), "threads took turns", cpus).holds is holds


def test_the_gil_finding_says_what_to_run_instead_where_it_was_not_run() -> None:
    alone = {"serial": about(640), "thread 2": about(655)}
    assert check(told(alone, traces=HELD), "threads took turns").remedy == {"kinds": ["process"]}
    assert check(told(MAPS, traces=HELD), "threads took turns").remedy == {}


def test_very_short_tasks_say_nothing_of_the_gil() -> None:
    short = trace("thread 2", 0.9, 0.99, share=0.5)
    maps = {"serial": about(640), "thread 2": about(0.9)}
    assert check(told(maps, traces=short), "threads took turns").holds is None


WAITED = {"serial": about(1600), "thread 8": about(203), "process 8": about(204)}


@pytest.mark.parametrize(
    ("maps", "how", "holds"),
    [
        (WAITED, {"loop_share": 0.01}, True),
        (WAITED, {"loop_share": 0.99}, False),
        ({**WAITED, "thread 8": about(280)}, {"loop_share": 0.01}, False),
        (WAITED, {"loop_share": 0.5}, None),
        (WAITED, {"loop_share": None}, None),
        (WAITED, {"loop_share": 0.01, "noise": replace(QUIET, throttled_after=9)}, None),
        ({"serial": about(1600), "process 8": about(204)}, {"loop_share": 0.01}, None),
        ({"serial": about(1600), "thread 8": about(204)}, {"loop_share": 0.01}, None),
        ({**WAITED, "thread 8": [2 * time for time in WIDE]}, {"loop_share": 0.01}, None),
        ({name: times[:2] for name, times in WAITED.items()}, {"loop_share": 0.01}, None),
    ],
)
def test_waiting_work_is_given_to_threads_only_if_they_are_as_fast(
    maps: Mapping[str, Sequence[float]], how: dict[str, Any], holds: bool | None
) -> None:
    assert check(told(maps, asked={"workload": "a:b@c"}, **how), "waiting work").holds is holds


def test_built_in_work_that_computes_is_not_said_to_wait_because_the_machine_was_busy() -> None:
    now = told(WAITED, asked={"workload": "primes"}, loop_share=0.2, noise=LOUD)
    assert check(now, "waiting work").holds is False


@pytest.mark.parametrize(("ready_s", "holds"), [(0.0, None), (0.5, True)])
def test_in_a_disturbed_run_work_is_known_to_wait_where_it_is_known_how_long_it_had_no_cpu(
    ready_s: float, holds: bool | None
) -> None:
    loud = replace(LOUD, own_cpu_s=0.5)
    times = Result(0, LoopTimes(8.0, 0.08, ready_s=ready_s), "serial")
    now = told(WAITED, asked={"workload": "a:b@c"}, loop_share=0.01, noise=loud, more=[times])
    found = recommend(now)
    assert check(now, "the run was disturbed").holds
    assert check(now, "waiting work").holds is holds
    assert found is not None
    assert ("work waits" in {reason.code for reason in reasons(now, found, 2)}) is bool(holds)


def test_waiting_work_names_what_threads_save() -> None:
    now = told(
        WAITED,
        asked={"workload": "sleep"},
        loop_share=0.01,
        more=[remember("thread 8", 0.1, 8), remember("process 8", 9, 8)],
    )
    found = check(now, "waiting work").numbers
    assert [found["light_around_s"], found["heavy_around_s"]] == pytest.approx([960e-6, 0.104])
    assert (found["light_memory"], found["heavy_memory"]) == (int(0.1 * MIB), 9 * MIB)


# Handing over


@pytest.mark.parametrize(
    ("tried", "holds"),
    [
        ({"item_bytes": MIB, "result_bytes": MIB, "pickle_s": 0.03}, True),
        ({"item_bytes": MIB, "result_bytes": MIB, "pickle_s": 0.0001}, False),
        ({"item_bytes": 900, "result_bytes": 900, "pickle_s": 0.03}, False),  # small, so it is not their size
        ({"item_bytes": MIB, "result_bytes": MIB, "pickle_s": 0.003}, None),
        ({"item_bytes": MIB}, None),
    ],
)
def test_arguments_are_too_large_where_pickling_takes_a_share_of_the_work(
    tried: dict[str, Any], holds: bool | None
) -> None:
    assert check(told(MAPS, tried=tried), "too large to hand over").holds is holds


def test_threads_that_hand_over_nothing_are_not_blamed_for_large_arguments() -> None:
    large = {"item_bytes": MIB, "result_bytes": MIB, "pickle_s": 0.03}
    assert check(told(FREE, tried=large), "too large to hand over").holds is None
    processes = {"serial": about(640), "process 2": about(500)}
    assert check(told(processes, tried=large), "too large to hand over").remedy == {"kinds": ["thread"]}


CHUNKS = {"serial": about(640), "process 2 c1": about(500), "process 2 c8": about(340), "process 2 c16": about(345)}


@pytest.mark.parametrize(
    ("maps", "small", "large"),
    [
        (CHUNKS, True, False),
        ({**CHUNKS, "process 2 c1": about(341), "process 2 c16": about(600)}, False, True),
        ({**CHUNKS, "process 2 c1": WIDE, "process 2 c16": WIDE}, None, None),
        ({name: times[:2] for name, times in CHUNKS.items()}, None, None),
        (FREE, None, None),
    ],
)
def test_chunk_sizes_that_were_compared_are_judged_by_their_times(
    maps: Mapping[str, Sequence[float]], small: bool | None, large: bool | None
) -> None:
    now = told(maps, asked={"chunksizes": [1, 8, 16]})
    assert (check(now, "chunks are too small").holds, check(now, "chunks are too large").holds) == (small, large)


def test_chunks_that_are_too_small_are_answered_with_the_best_ones() -> None:
    now = told(CHUNKS, asked={"chunksizes": [1, 8, 16]})
    assert check(now, "chunks are too small").remedy == {"chunksizes": [8]}


def test_a_single_chunk_size_cannot_tell_but_says_what_to_compare() -> None:
    costly = told({"serial": about(64), "process 2": about(60)}, traces=trace("process 2", 60, 1.0), items=320)
    found = check(costly, "chunks are too small")
    assert found.holds is None
    assert found.remedy == {"chunksizes": [1, 40]}
    idle = told({"serial": about(640), "pool 2": about(400)}, traces=trace("pool 2", 400, 1.6, tail=0.15))
    found = check(idle, "chunks are too large")
    assert found.holds is None
    assert found.remedy == {"chunksizes": [1, 4]}


def test_a_single_chunk_size_that_costs_little_is_neither_too_small_nor_too_large() -> None:
    now = told(MAPS, traces=trace("process 2", 335, 1.92))
    assert check(now, "chunks are too small").holds is False
    assert check(now, "chunks are too large").holds is False


def test_chunks_that_leave_workers_without_any_are_too_large() -> None:
    now = told({"serial": about(640), "process 8 c16": about(400)}, asked={"chunksizes": [16]})
    found = check(now, "chunks are too large")
    assert (found.holds, found.remedy) == (True, {"chunksizes": [1]})


def test_a_chunk_of_one_is_told_of_a_kind_that_is_not_the_fastest() -> None:
    maps = {"serial": about(640), "process 2 c1": about(500), "process 2 c8": about(340), "pool 2": about(330)}
    found = check(told(maps, asked={"chunksizes": [0, 8]}), "chunks are too small")
    assert (found.code, found.remedy) == ("chunks_too_small: worse", {"chunksizes": [8]})
    assert found.numbers["chunk"] == 1
    assert found.numbers["gain"] == pytest.approx(500 / 340, rel=0.02)


@pytest.mark.parametrize(
    ("handing_over", "samples", "code"),
    [
        (0.6, about(800), "chunks_too_small: one item a message"),
        (0.02, about(800), "chunks_too_small: cheap"),
        (0.6, [810.0, 790], "chunks_too_small: one item a message"),  # so slow that it was given up
        (0.6, [800.0], "chunks_too_small: cheap"),
        (0.6, [820.0, 600], "chunks_too_small: cheap"),
    ],
)
def test_a_chunk_of_one_beside_a_pool_s_own_choice_is_told_by_what_handing_over_took(
    handing_over: float, samples: list[float], code: str
) -> None:
    maps = {"serial": about(640), "process 2": samples, "pool 2": about(330)}
    traces = {
        **trace("process 2", 800, 2 * (1 - handing_over), tail=0.0),
        **trace("pool 2", 330, 1.95, tail=0.0),
    }
    now = told(maps, traces=traces, items=320)
    found = check(now, "chunks are too small")
    assert found.code == code
    if found.holds:
        assert found.numbers["gain"] == pytest.approx(800 / 330, rel=0.02)
        assert found.remedy == {"chunksizes": [1, 40]}
    larger = {key: larger_chunk(now, now.configs[key], 2) for key in maps}
    assert larger == {"serial": 0, "process 2": 40 if found.holds else 0, "pool 2": 0}


def test_untraced_chunks_are_those_of_the_fastest_pool_and_not_of_all() -> None:
    maps = {"serial": about(640), "process 2 c1": about(400), "pool 2 c8": about(330)}
    now = told(maps, asked={"chunksizes": [0]})
    for name in ("chunks are too small", "chunks are too large"):
        found = check(now, name)
        assert (found.code.partition(": ")[2], found.numbers["chunk"]) == ("untraced", 8)
        assert found.sentence.startswith(config_name(now, now.configs["pool 2 c8"]))


@pytest.mark.parametrize(
    ("traces", "code"),
    [
        (trace("process 2", 335, 1.9, longest=8.0, longest_first=0.7), "long items"),
        (trace("process 2", 335, 1.9, longest=8.0, longest_first=0.97), "none"),
        (trace("process 2", 335, 1.9, longest=8.0, longest_first=0.92), "not much"),
        (trace("process 4", 335, 1.9, longest_first=0.7), "untraced"),  # more workers than CPUs make items long as well
        ({}, "untraced"),
    ],
)
def test_long_items_hold_up_others_where_the_longest_first_would_save_a_tenth(
    traces: dict[str, Any], code: str
) -> None:
    found = check(told(MAPS, traces=traces), "wait for the last items")
    assert found.code == f"stragglers: {code}"


def test_workers_that_wait_in_a_disturbed_run_may_be_held_up_by_others() -> None:
    now = told(MAPS, traces=trace("process 2", 335, 1.9, longest_first=0.7), noise=LOUD)
    assert check(now, "wait for the last items").code == "stragglers: disturbed"


@pytest.mark.parametrize(("chunks", "smaller"), [("pool 2", 1), ("pool 2 c16", 2)])
def test_the_last_chunk_is_to_blame_where_single_items_would_save_more_than_order(chunks: str, smaller: int) -> None:
    maps = {"serial": about(640), chunks: about(400), "process 2": about(380)}
    traces = {
        **trace(chunks, 400, 1.6, one_by_one=0.75, longest_first=0.7),
        **trace("process 2", 380, 1.9),  # the fastest, in which nobody waits
    }
    found = check(told(maps, traces=traces), "wait for the last items")
    assert (found.code, found.remedy) == ("stragglers: in chunks", {"chunksizes": [smaller]})
    assert found.numbers["lost_share"] == pytest.approx(0.3)


# Cores


@pytest.mark.parametrize(
    ("maps", "how", "cpus", "holds"),
    [
        (MAPS, {}, 2, True),
        (MAPS, {}, 4, False),
        ({**MAPS, "process 4": about(200)}, {}, 2, False),
        (MAPS, {"asked": {"workload": "sleep"}}, 2, False),
        (MAPS, {"asked": {"workload": "a:b@c"}, "loop_share": 0.5}, 2, None),
        ({"serial": about(640), "process 4": about(336)}, {}, 2, None),
        ({**MAPS, "process 2": WIDE, "process 4": [1.01 * time for time in WIDE]}, {}, 2, None),
        ({name: times[:2] for name, times in MAPS.items()}, {}, 2, None),
        ({"serial": about(640), "pool 2": about(335), "pool 4": about(250)}, {}, 2, None),  # and chunk sizes differ
    ],
)
def test_more_workers_than_cpus(
    maps: Mapping[str, Sequence[float]], how: dict[str, Any], cpus: int, holds: bool | None
) -> None:
    assert check(told(maps, **how), "more workers than usable CPUs", cpus).holds is holds


def test_more_coroutines_at_once_than_cpus_are_no_matter_of_cpus() -> None:
    maps = {"serial": about(640), "asyncio 2": about(640), "asyncio 4": about(641)}
    assert check(told(maps), "more workers than usable CPUs").code == "more_workers_than_cpus: none"


@pytest.mark.parametrize(
    ("noise", "holds"),
    [
        (replace(QUIET, throttled_after=3), True),
        (QUIET, False),
        (replace(QUIET, throttled_before=None, throttled_after=None), None),
        (None, None),
    ],
)
def test_a_quota_is_seen_by_its_counter(noise: dict[str, Any] | None, holds: bool | None) -> None:
    assert check(told(MAPS, noise=noise), "CPU quota").holds is holds


SHARED = {"siblings": [[0, 1]]}
ALONE = {"siblings": [[0], [1]]}


@pytest.mark.parametrize(
    ("cpus", "how", "holds"),
    [
        (1.3, {"machine": SHARED, "traces": trace("process 2", 500, 1.9)}, True),
        (1.0, {"machine": SHARED, "traces": trace("process 2", 335, 1.9)}, False),
        (1.0, {"machine": ALONE, "traces": trace("process 2", 335, 1.9)}, False),
        (1.0, {"machine": ALONE, "traces": trace("process 2", 380, 1.9)}, None),
        (1.0, {"machine": ALONE, "traces": trace("process 2", 500, 1.9)}, None),
        (1.0, {"machine": ALONE}, False),
        (1.0, {"traces": trace("process 2", 500, 1.9)}, None),
        (1.0, {"machine": SHARED}, None),
        (1.0, {"machine": SHARED, "traces": trace("process 2", 500, 1.9), "noise": LOUD}, None),
        (1.0, {"machine": SHARED, "traces": trace("process 2", 380, 1.9)}, None),
        (1.0, {"machine": SHARED, "asked": {"workload": "read-files"}, "loop_share": 0.5}, None),
    ],
)
def test_hyper_threads_are_blamed_only_where_siblings_are_known_and_tasks_take_more_of_a_cpu(
    cpus: float, how: dict[str, Any], holds: bool | None
) -> None:
    assert check(told(MAPS, **how), "hyper-threads").holds is holds


def test_cores_that_are_shared_unseen_show_in_the_cpu_time_of_a_task() -> None:
    found = check(told(MAPS, machine=ALONE, traces=trace("process 2", 500, 1.9)), "hyper-threads")
    assert (found.holds, found.code, found.remedy) == (None, "siblings_share_cores: shared unseen", {})
    assert found.numbers["cpu_time_ratio"] == pytest.approx(1.48, abs=0.01)


@pytest.mark.parametrize(
    ("how", "holds"),
    [
        ({"loop_share": 1.9}, True),
        ({"loop_share": 1.0}, False),
        ({"loop_share": 1.2}, None),
        ({"loop_share": None}, None),
        ({"loop_share": 1.9, "noise": LOUD}, True),  # what else runs takes CPUs away, and gives none
        ({"loop_share": 1.0, "noise": LOUD}, None),
    ],
)
def test_tasks_that_use_several_cpus_by_themselves_are_found(how: dict[str, Any], holds: bool | None) -> None:
    assert check(told(MAPS, **how), "threads of their own").holds is holds


def test_threads_of_a_task_show_in_processes_too() -> None:
    several = replace(trace("process 2", 335, 1.9)["process 2"], tasks_cpu_s=1.2)
    found = check(told(MAPS, traces={"process 2": several}), "threads of their own")
    assert found.holds is True
    assert found.remedy == {"sizes": [1]}


# Prices


@pytest.mark.parametrize(
    ("around_ms", "repeats", "holds"), [(900.0, 5, True), (30.0, 5, False), (335.0, 5, None), (900.0, 2, None)]
)
def test_start_up_is_weighed_against_the_map(around_ms: float, repeats: int, holds: bool | None) -> None:
    maps = {"serial": about(640, repeats), "process 2": about(335, repeats)}
    assert check(told(maps, around_ms=around_ms), "starting processes").holds is holds


def test_start_up_that_outweighs_is_answered_with_more_items() -> None:
    found = check(told({"serial": about(640), "process 2": about(335)}, around_ms=900.0), "starting processes")
    assert found.remedy == {"items": 180}  # 180 × 20 ms: four times the start-up
    assert check(told(FREE), "starting processes").holds is None


WAITING = {"serial": about(640), "thread 4": about(162), "thread 8": about(82), "process 8": about(82)}


def test_a_remedy_for_a_pool_that_is_not_recommended_comes_last_and_is_no_next_step() -> None:
    now = told(WAITING, loop_share=0.01, around_ms={"process 8": 500.0}, asked={"workload": "sleep"})
    held = [finding for finding in findings.findings(now, 2) if finding.holds and finding.remedy]
    assert [finding.code for finding in held] == ["larger_pools_untried: rises", "start_up_outweighs: outweighs"]
    assert [finding.not_recommended for finding in held] == [False, True]
    assert "not_recommended" not in held[0].as_json()


@pytest.mark.parametrize(
    ("maps", "items", "code", "sizes"),
    [
        # After two rounds the smaller one dropped out, shown to be far behind; a single round shows nothing yet.
        ({"thread 4": about(162, 2), "thread 8": about(82, 3)}, 32, "rises", [8, 16, 32]),
        ({"thread 4": about(162, 1), "thread 8": about(82, 1)}, 32, "few repetitions", [8, 16, 32]),
        ({"thread 4": about(90), "thread 8": about(82)}, 32, "levels off", None),
        ({"thread 4": about(162), "thread 8": about(82)}, 8, "enough for all", None),
        ({"thread 4": about(82), "thread 8": about(90)}, 32, "not the largest", None),
        ({"thread 64": about(12)}, 100, "no larger", None),
        ({"thread 8": about(82)}, 32, "not compared", [8, 16, 32]),
        # It is about the pool to use, though another kind is a little faster.
        ({"thread 4": about(162), "thread 8": about(83), "pool 8": about(82)}, 32, "rises", [8, 16, 32]),
    ],
)
def test_larger_pools_are_a_next_step_where_the_largest_that_is_to_be_used_still_gains(
    maps: Mapping[str, Sequence[float]], items: int, code: str, sizes: list[int] | None
) -> None:
    loop = about(640, max(map(len, maps.values())))
    now = told({"serial": loop, **maps}, loop_share=0.01, items=items, asked={"workload": "sleep"})
    found = check(now, "larger pools may gain more")
    assert (found.code, found.remedy) == (f"larger_pools_untried: {code}", {"sizes": sizes} if sizes else {})
    assert found.holds is {"rises": True, "few repetitions": None, "not compared": None}.get(code, False)
    assert not found.not_recommended


def test_a_remedy_for_pools_is_a_next_step_where_processes_or_the_loop_win() -> None:
    processes = told({"serial": about(640), "process 2": about(335)}, around_ms=900.0)
    loop = told({"serial": about(640), "thread 2": about(655), "process 2": about(655)}, around_ms=900.0)
    assert not check(processes, "starting processes").not_recommended
    assert not check(loop, "starting processes").not_recommended


def test_start_methods_that_were_compared_are_named_with_their_prices() -> None:
    maps = {"serial": about(640), "process 2 fork": about(335), "process 2 spawn": about(336)}
    found = check(told(maps, asked={"start_methods": ["fork", "spawn"]}), "starting processes")
    assert [found.numbers["fork"], found.numbers["spawn"]] == pytest.approx([0.026, 0.026], rel=0.01)


@pytest.mark.parametrize(
    ("free", "more", "holds"),
    [
        (1024, [remember("process 4", 250, 4)], True),
        (8192, [remember("process 4", 250, 4)], False),
        (1536, [remember("process 4", 250, 4)], None),
        (1024, [remember("process 4", 250, 4, "rss")], None),
        (None, [remember("process 4", 250, 4)], None),
        (1024, [remember("process 4", 250, 4), Result(0, WorkerHosts(("one", "two"), 8), "process 4")], None),
        (1024, [], None),
    ],
)
def test_memory_is_held_against_what_was_free(free: int | None, more: list[Record], holds: bool | None) -> None:
    machine = {"memory_available": free * MIB if free else None}
    assert check(told(MAPS, machine=machine, more=more), "more memory than is free").holds is holds


def test_memory_that_runs_short_is_answered_with_the_sizes_that_fit() -> None:
    more = [remember("process 2", 250, 2), remember("process 4", 250, 4)]
    now = told(MAPS, machine={"memory_available": 1100 * MIB}, more=more)
    assert check(now, "more memory than is free").remedy == {"sizes": [2]}


@pytest.mark.parametrize(
    ("readings", "free", "each", "fitting", "like"),
    [
        # By one size its workers' own part, by two the growth of all together, whatever each seems to have.
        ({"process 2": ((50, 50), 130)}, 1000, 50, (800 - 30) // 50, "process 2"),
        ({"process 2": ((50, 50), 130), "process 4": ((40, 40, 40, 40), 190)}, 1000, 30, (800 - 30) // 30, "process 4"),
        ({"process 2": ((50, 50), 130), "process 4": ((40, 40, 40, 40), 190)}, 20, 30, 0, "process 4"),
        # Of threads, which have no memory of their own, nothing is said, but of the processes beside them.
        ({"thread 2": ((1, 1), 32), "process 2": ((50, 50), 130)}, 1000, 50, 15, "process 2"),
        ({"thread 2": ((1, 1), 32)}, 1000, None, None, None),
    ],
)
def test_how_many_workers_fit_into_the_free_memory(
    readings: dict[str, tuple[tuple[int, ...], int]],
    free: int,
    each: int | None,
    fitting: int | None,
    like: str | None,
) -> None:
    more = [
        Result(0, MemoryReading("pss", tuple(n * MIB for n in workers), total * MIB, 30 * MIB), key)
        for key, (workers, total) in readings.items()
    ]
    now = told(
        {"serial": about(640), "thread 2": about(650), "process 2": about(335), "process 4": about(200)},
        machine={"memory_available": free * MIB},
        more=more,
    )
    result = memory_runs_short(now, 4)
    assert result.facts.get("fitting") == fitting
    assert result.facts.get("worker_bytes") == (each * MIB if each else None)
    assert (result.facts["like"].key if like else result.facts.get("like")) == like


# Trust


@pytest.mark.parametrize(
    ("how", "holds"),
    [
        (
            {"more": [Result(0, ResultsDiffer(1, "Item 3 gave 4 for 9."), "pool 2")]},
            True,
        ),
        ({"tried": {"repeats_equal": False}}, True),
        ({}, False),
        ({"tried": {"repeats_equal": None}}, None),
    ],
)
def test_results_that_differ_are_found(how: dict[str, Any], holds: bool | None) -> None:
    assert check(told({**MAPS, "pool 2": about(340)}, **how), "results differ").holds is holds


def test_work_that_gives_other_results_each_time_is_not_held_against_its_pools() -> None:
    other = [Result(0, ResultsDiffer(1, "Item 3 gave 4 for 9."), config) for config in ("serial", "pool 2")]
    for how in ({"more": other}, {"more": other[1:], "tried": {"repeats_equal": False}}):
        now = told({**MAPS, "pool 2": about(340)}, **how)
        found = check(now, "results differ")
        assert (found.holds, found.code) == (True, "results_differ: no call repeats")
        assert "pool 2" in {config.key for config in eligible_configs(now)}


@pytest.mark.parametrize(("names", "holds"), [(("CACHE", "calls"), True), ((), False), (None, None)])
def test_global_state_is_named(names: tuple[str, ...] | None, holds: bool | None) -> None:
    how: dict[str, Any] = (
        {"tried": {"global_state": names}} if names is not None else {"pythons": {HERE: {"why_not": "gone."}}}
    )
    found = check(told(MAPS, **how), "global state")
    assert found.holds is holds
    assert found.numbers == ({} if names is None else {"globals": len(names)})


def test_output_is_told_with_its_size() -> None:
    loud = told(MAPS, tried={"printed": 12}, more=[Printed(0, "stdout", "x" * 100, left_out=28)])
    assert check(loud, "prints").numbers == {"tried_bytes": 12, "bytes": 128}
    assert check(loud, "prints").holds is True
    assert check(told(MAPS), "prints").holds is False
    assert check(told(MAPS, more=[Printed(0, "stderr", "a warning")]), "prints").holds is None
    untried = told(MAPS, pythons={HERE: {"why_not": "gone."}})
    assert check(untried, "prints").holds is None


HELD_UP = {"process 2": replace(trace("process 2", 335, 1.9)["process 2"], tasks_cpu_s=0.05)}


@pytest.mark.parametrize(
    ("how", "holds"),
    [
        ({"noise": QUIET}, False),
        ({"noise": None}, None),
        ({"noise": LOUD}, True),
        ({"noise": replace(QUIET, wall_s=5.0, host_busy_s=6.95, own_cpu_s=6.4)}, False),  # 0.11 CPUs, an idle machine
        ({"noise": replace(QUIET, wall_s=5.0, host_busy_s=9.9, own_cpu_s=5.0)}, True),  # one busy neighbour
        ({"noise": replace(QUIET, throttled_after=3)}, True),
        ({"noise": replace(QUIET, loop_cpu_s=3.0)}, True),
        ({"noise": replace(QUIET, host_busy_s=None, loop_wall_s=0.0)}, None),
        ({"more": [Result(0, EffectiveCpus({"1": 1.0, "2": 1.3}, 0.2))]}, True),
        ({"noise": replace(QUIET, host_busy_s=None), "traces": HELD_UP}, True),
        # While others were idle, two workers on two CPUs were held up by the process that hands out their items.
        ({"traces": HELD_UP}, False),
        # A loop of unknown work that is off the CPU for a third of its time may well wait by itself.
        ({"noise": replace(QUIET, loop_cpu_s=3.0), "asked": {"workload": "a:b@c"}, "loop_share": 0.66}, False),
    ],
)
def test_a_disturbed_run_is_found_by_any_detector(how: dict[str, Any], holds: bool | None) -> None:
    assert check(told(MAPS, **how), "the run was disturbed").holds is holds


@pytest.mark.parametrize(
    ("pythons", "traces", "others", "holds"),
    [
        ({HERE: {}}, trace("thread 4", 655, 1.0), 0.36, None),  # they take turns, and left a CPU to them
        ({HERE: {}}, trace("thread 4", 655, 1.0), 1.5, True),
        ({HERE: {}}, trace("thread 4", 335, 1.9), 0.36, True),  # as hashing, which lets go of the GIL
        ({HERE: {"gil": False}}, trace("thread 4", 655, 1.0), 0.36, True),
        ({HERE: {}}, {}, 0.36, True),  # not yet traced: they could
    ],
)
def test_threads_that_take_turns_leave_the_other_cpus_to_other_programs(
    pythons: dict[str, Any], traces: dict[str, Any], others: float, holds: bool | None
) -> None:
    noise = replace(QUIET, wall_s=10.0, own_cpu_s=10.0, host_busy_s=10 + 10 * others)
    unknown = {"workload": "a:b@c"}  # of work that isn't known, no task's time shows that it was held up
    now = told(
        {"serial": about(640), "thread 4": about(655)}, noise=noise, traces=traces, pythons=pythons, asked=unknown
    )
    assert check(now, "the run was disturbed").holds is holds


def test_workers_of_a_cluster_are_held_up_by_threads_of_their_own() -> None:
    pools = {"dask 2": MAPS["process 2"], **MAPS}
    unknown = replace(QUIET, host_busy_s=None)
    assert (
        check(told(pools, noise=unknown, traces={"dask 2": HELD_UP["process 2"]}), "the run was disturbed").holds
        is False
    )


FASTER, SLOWER = 0.0014, 0.0022


@pytest.mark.parametrize(
    ("loops", "waits", "holds", "code"),
    [
        ((FASTER, FASTER, SLOWER, SLOWER, FASTER, SLOWER), False, True, "changed"),
        ((FASTER, SLOWER, FASTER, FASTER, FASTER, FASTER), False, False, "steady"),
        ((FASTER, SLOWER, FASTER, SLOWER), False, None, "too few"),
        ((), False, None, "too few"),
        ((FASTER, FASTER, SLOWER, SLOWER, FASTER, SLOWER), True, None, "waits"),
    ],
)
def test_a_host_that_gives_its_cpus_to_other_machines_shows_in_a_loop_that_is_always_the_same(
    loops: tuple[float, ...], waits: bool, holds: bool | None, code: str
) -> None:
    noise = replace(QUIET, fixed_loop_s=loops, loop_cpu_s=0.05 if waits else QUIET.loop_cpu_s)
    how: dict[str, Any] = {"asked": {"workload": "sleep"}, "loop_share": 0.01} if waits else {}
    open_yet = {"serial": WIDE, "process 2": WIDE[::-1]}  # which more rounds may change
    found = check(told(open_yet, noise=noise, **how), "the CPUs ran at changing speed")
    assert (found.holds, found.code) == (holds, f"cpu_speed_changed: {code}")
    assert bool(found.remedy) is (holds is True)
    if holds:
        settled = check(told(MAPS, noise=noise), "the CPUs ran at changing speed")
        assert (settled.holds, settled.remedy) == (True, {})
        other_programs = told(MAPS, noise=replace(LOUD, fixed_loop_s=loops))
        assert check(other_programs, "the CPUs ran at changing speed").code == "cpu_speed_changed: disturbed"
        assert (found.numbers["loops"], found.numbers["shortest_s"], found.numbers["longest_s"]) == (6, FASTER, SLOWER)


# What broke

PLACE = WaitingPlace("/home/me/tasks.py", 24, "parse", 2)


def broke(breakage: Breakage, config: str = "process 2") -> Result:
    return Result(0, ConfigurationSkipped("It broke.", breakage), config)


@pytest.mark.parametrize(
    ("breakage", "check_name", "code", "numbers"),
    [
        (
            Breakage("hung-at-fork", True, True, (0, 1), "0", threads=("flusher",), places=(PLACE,), idle_s=1.0),
            "hang",
            "hangs: hung-at-fork",
            {"item": 0, "threads": 1, "waiting": 2, "settings": 1},
        ),
        (
            Breakage("hung-at-exit", True, True, idle_s=1.0),
            "hang",
            "hangs: hung-at-exit",
            {"item": None, "threads": 0, "waiting": 0, "settings": 1},
        ),
        (
            Breakage("worker-died", True, True, (7,), "'a'", exit_code=-11),
            "breaks",
            "workers_break: worker-died",
            {"item": 7, "exit_code": -11, "settings": 1},
        ),
        (
            Breakage("worker-died", True, False, exit_code=-9),
            "breaks",
            "workers_break: worker-died",
            {"item": None, "exit_code": -9, "settings": 1},
        ),
        (
            Breakage("exception-unreadable", True, True, (3,), "3", "Odd: three", "TypeError: no", globals=("LIMIT",)),
            "breaks",
            "workers_break: exception-unreadable",
            {"item": 3, "exit_code": None, "settings": 1},
        ),
        (
            Breakage("exception-unreadable", unreadable="TypeError: no"),
            "breaks",
            "workers_break: exception-unreadable",
            {"item": None, "exit_code": None, "settings": 1},
        ),
    ],
)
def test_what_broke_is_found_with_its_numbers(
    breakage: Breakage, check_name: str, code: str, numbers: dict[str, float | None]
) -> None:
    found = check(told({"serial": about(640), "process 2": []}, more=[broke(breakage)]), check_name)
    assert (found.holds, found.code, found.numbers) == (True, code, numbers)


def test_a_hang_after_a_fork_is_answered_with_spawn_and_stands_first() -> None:
    hung = Breakage("hung-at-fork", True, True, (0,), "0", threads=("a", "b"), places=(PLACE,), idle_s=1.0)
    now = told(MAPS, more=[broke(hung)])
    assert check(now, "hang").remedy == {"start_methods": ["spawn"]}
    assert findings.findings(now, 2)[0].code == "hangs: hung-at-fork"


def test_work_with_processes_of_its_own_is_answered_with_an_executor() -> None:
    now = told({"serial": about(640), "pool 2": []}, more=[broke(Breakage("daemonic", True, True, (0,)), "pool 2")])
    found = check(now, "in a Pool")
    assert (found.holds, found.code, found.remedy) == (True, "nests_pools: daemonic", {"kinds": ["process"]})


def test_what_was_too_slow_is_not_said_to_hang() -> None:
    slow = broke(Breakage("limit", looked=True, limit_s=60.0))
    found = check(told({"serial": about(640), "process 2": []}, more=[slow]), "hang")
    assert (found.holds, found.code, found.numbers) == (None, "hangs: limit", {"limit_s": 60.0})


@pytest.mark.parametrize(
    ("threads", "start_method", "holds"),
    [((), "fork", False), (("flusher",), "fork", None), (("flusher",), "spawn", False)],
)
def test_threads_that_are_alive_at_a_fork_are_told_though_nothing_hung(
    threads: tuple[str, ...], start_method: str, holds: bool | None
) -> None:
    maps = {"serial": about(640), f"process 2 {start_method}": about(335)}
    assert check(told(maps, tried={"threads": threads}), "hang").holds is holds


# Why results differ


@pytest.mark.parametrize(
    ("difference", "code", "numbers"),
    [
        (ResultDifference("hash-seed", 2, 5), "hash-seed", {"differing": 5, "first": 2}),
        (ResultDifference("order", 0, 1), "order", {"differing": 1, "first": 0}),
        (
            ResultDifference("same-random-state", 0, 8, pair=(1, 5), repeated=8, names=("rng",)),
            "same-random-state",
            {"repeated": 8},
        ),
        (ResultDifference("shared-generator", 3, 4, names=("random",)), "shared-generator", {"differing": 4}),
        (ResultDifference("main-globals", 1, 7, names=("scale", "LIMIT")), "main-globals", {"differing": 7}),
        (ResultDifference("shared-globals", 1, 7, names=("kept",)), "shared-globals", {"differing": 7}),
        (ResultDifference("unknown", 1, 7), "differ", {"settings": 1}),
        (None, "differ", {"settings": 1}),
    ],
)
def test_the_cause_of_a_difference_is_told_where_it_is_known(
    difference: ResultDifference | None, code: str, numbers: dict[str, float]
) -> None:
    differs = Result(0, ResultsDiffer(1, "The result of item 1 is 2.", difference), "process 2")
    found = check(told(MAPS, more=[differs]), "results differ")
    assert (found.holds, found.code) == (True, f"results_differ: {code}")
    assert found.numbers.items() >= numbers.items()


def test_a_rounding_is_told_and_its_setting_still_counts() -> None:
    now = told(MAPS, more=[Result(0, ResultsRounded(2e-16), "process 2")])
    found = check(now, "results differ")
    assert (found.holds, found.code, found.numbers["largest"]) == (False, "results_differ: rounding", 2e-16)
    assert "process 2" in {config.key for config in eligible_configs(now)}


@pytest.mark.parametrize(("code", "counts"), [("identity", True), ("address", True), ("hash-seed", False)])
def test_results_that_name_their_worker_are_not_held_against_it(code: Any, counts: bool) -> None:
    differs = Result(0, ResultsDiffer(1, "They differ.", ResultDifference(code, 0, 8)), "process 2")
    assert ("process 2" in {config.key for config in eligible_configs(told(MAPS, more=[differs]))}) is counts


@pytest.mark.parametrize("code", ["random", "clock", "address", "own-globals"])
def test_results_that_change_in_the_loop_are_told_why(code: Any) -> None:
    why = ResultDifference(code, 0, 1, names=("rng",))
    found = check(told(MAPS, tried={"repeats_equal": False, "repeat_difference": why}), "results differ")
    assert (found.holds, found.code) == (True, f"results_differ: {code} in the loop")


def test_equal_draws_of_two_workers_matter_though_the_loop_changes_as_well() -> None:
    same = ResultDifference("same-random-state", 0, 8, pair=(1, 5), repeated=8, names=("rng",))
    tried = {"repeats_equal": False, "repeat_difference": ResultDifference("random", 0, 1, names=("rng",))}
    now = told(MAPS, tried=tried, more=[Result(0, ResultsDiffer(1, "They differ.", same), "process 2")])
    assert check(now, "results differ").code == "results_differ: same-random-state"


# A limit an item


def test_items_that_were_left_out_are_named() -> None:
    items = tuple(SlowItem(number, f"'{number}'", 5.0 + number) for number in (3, 7))
    found = check(told(MAPS, more=[Result(0, SlowItems(5.0, 34, items), HERE)]), "longer than each may")
    assert (found.holds, found.code) == (True, "slow_items: slow")
    assert found.numbers.items() >= {"left_out": 2, "count": 34, "limit_s": 5.0, "first": 3}.items()
    none = check(told(MAPS, more=[Result(0, SlowItems(5.0, 34, ()), HERE)]), "longer than each may")
    assert (none.holds, none.code) == (False, "slow_items: none slow")
