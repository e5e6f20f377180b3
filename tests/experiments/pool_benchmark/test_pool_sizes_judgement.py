"""What the judge says of a pool-sizes run: verdicts and findings by their codes and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from poolscope.experiments.experiment import Finding
from poolscope.experiments.pool_benchmark import state
from poolscope.experiments.pool_benchmark.findings import findings
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, recommend
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.verdict import verdict
from poolscope.protocol.payloads import NoiseReading

from tests.experiments.pool_benchmark.invented_runs import machine_facts

SPREAD = (1.0, 1.01, 0.99, 1.005, 0.995, 1.0, 1.02)
QUIET = NoiseReading(10.0, 12.0, 11.9, 0, 0, 2, 1.4, 1.4)
CHECKS = [
    "work too small for a pool",
    "chunks are too small",
    "chunks are too large",
    "chunk size changes with the pool size",
    "workers wait for the last items",
    "more workers than usable CPUs",
    "larger pools may gain more",
    "a CPU quota made workers wait",
    "workers share cores as hyper-threads",
    "starting processes outweighs the map",
    "the run was disturbed",
    "the CPUs ran at changing speed",
    "the answer needs more time",
]


def about(milliseconds: float, repeats: int = 7) -> list[float]:
    return [milliseconds * factor for factor in SPREAD[:repeats]]


def state_after(
    maps: Mapping[int, Sequence[float]],
    *,
    around_ms: float | Mapping[int, float] = 20.0,
    noise: NoiseReading | None = None,
    chunks: Mapping[int, int] | None = None,
    outcome: str = "finished",
    cpus: int = 2,
    **asked: Any,
) -> State:
    """The state after a run with these map times (ms) by pool size, 0 for the plain loop, on so many CPUs."""
    sizes = [size for size in maps if size]
    params = PoolSizesParams.model_validate({"sizes": sizes, "workload": "sum-of-squares", **asked})
    before = state.initial(params)
    configs = {}
    for key, config in before.configs.items():
        size = 0 if config.serial else config.size
        seconds = tuple(ms / 1e3 for ms in maps[size])
        around_s = (around_ms if isinstance(around_ms, int | float) else around_ms.get(size, 0.0)) / 1e3
        count = 0 if config.serial else len(seconds)
        configs[key] = replace(
            config,
            map=seconds,
            start=(0.9 * around_s,) * count,
            stop=(0.1 * around_s,) * count,
            chunk_used=(chunks or {}).get(size, config.chunk_used),
        )
    return replace(before, configs=configs, noise=noise, outcome=outcome, machine=machine_facts(usable_cpus=cpus))


def recommendation_of(now: State) -> Recommendation:
    found = recommend(now)
    assert found is not None
    return found


def codes(now: State) -> list[str]:
    """The verdict's own code, then those of its reasons."""
    usable_cpus = now.usable_cpus
    assert usable_cpus is not None
    stated = verdict(now, usable_cpus)
    assert stated is not None
    return [stated.code, *(reason.code for reason in reasons(now, recommendation_of(now), usable_cpus))]


def check(now: State, name: str, usable_cpus: int = 2) -> Finding:
    return next(finding for finding in findings(now, usable_cpus) if finding.check == name)


POOL_WINS = {0: about(200.6), 2: about(122.2), 4: about(105.0), 6: about(107.5)}
LOOP_WINS = state_after({0: about(0.002), 2: about(0.2), 4: about(0.3)}, workload="square")
TIE = {0: [100.0, 120.0, 90.0, 110.0, 95.0], 2: [99.0, 121.0, 92.0, 108.0, 97.0]}


# The verdict


def test_nothing_is_said_before_there_is_ground_for_it() -> None:
    assert verdict(state.initial(PoolSizesParams()), 2) is None
    assert verdict(state_after({0: about(5, 2), 2: about(4, 2)}, outcome=""), 2) is None


def test_the_fastest_pool_is_recommended_with_its_speed_up() -> None:
    now = state_after(POOL_WINS, cpus=4)
    found = recommendation_of(now)
    assert (found.maps.outcome, found.config and found.config.size) == ("pool", 4)
    assert found.gain.value == pytest.approx(200.6 / 105.0)
    assert codes(now) == ["use", "call too", "only add start-up"]


def test_a_gain_of_more_workers_than_cpus_that_may_be_small_is_told_and_not_recommended() -> None:
    now = state_after(POOL_WINS, cpus=2)
    found = recommendation_of(now)
    assert (found.config, found.best, [config.size for config in found.beyond]) == (found.best, found.best, [4, 6])
    assert found.best.size == 2
    assert codes(now) == ["use", "faster beyond", "call too"]
    told = next(reason for reason in reasons(now, found, 2) if reason.code == "faster beyond")
    assert (told.facts["config"].size, told.facts["less"]) == (4, pytest.approx(1 - 105.0 / 122.2))
    # A gain that is surely large counts.
    far = recommendation_of(state_after({**POOL_WINS, 4: about(90.0)}, cpus=2))
    assert (far.config and far.config.size, far.beyond) == (4, ())


@pytest.mark.parametrize(
    ("around_ms", "code", "size"),
    [
        ({2: 62, 4: 122, 6: 182}, "call other", 2),
        ({2: 1000, 4: 1000, 6: 1000}, "call loop", 4),
        ({2: 3, 4: 3, 6: 3}, "call too", 4),
    ],
)
def test_a_single_call_is_judged_with_start_up_and_shutdown(around_ms: dict[int, float], code: str, size: int) -> None:
    now = state_after(POOL_WINS, around_ms=around_ms, cpus=4)
    single = next(reason for reason in reasons(now, recommendation_of(now), 4) if reason.code.startswith("call"))
    assert (single.code, single.facts["best"].size) == (code, size)


def test_the_plain_loop_wins_where_no_pool_beats_it_and_the_break_even_is_said() -> None:
    assert (recommendation_of(LOOP_WINS).maps.outcome, codes(LOOP_WINS)[0]) == ("loop", "too small")


def test_there_is_no_clear_winner_where_the_interval_spans_one() -> None:
    assert recommendation_of(state_after(TIE)).config is None
    assert codes(state_after(TIE))[0] == "undecided"


def test_of_pools_that_tie_the_smallest_is_recommended_and_larger_ones_only_add_start_up() -> None:
    maps = {0: about(200), 2: about(101), 4: about(100.9), 8: about(150)}
    for cpus, code in ((2, "only add start-up"), (8, "tied sizes")):
        now = state_after(maps, cpus=cpus)
        config = recommendation_of(now).config
        assert config is not None
        assert config.size == 2
        assert code in codes(now)


@pytest.mark.parametrize(("repeats", "code"), [(1, "one repetition"), (2, "few repetitions"), (3, "use")])
def test_few_repetitions_give_no_winner(repeats: int, code: str) -> None:
    assert codes(state_after({0: about(200, repeats), 2: about(100, repeats)}))[0] == code


def test_a_stopped_run_says_which_sizes_are_missing() -> None:
    now = state_after({0: about(200), 2: about(100), 4: []}, outcome="stopped")
    assert "one not measured" in codes(now)


def test_a_disturbed_run_says_so_beside_its_verdict() -> None:
    now = state_after({0: about(200), 2: about(100)}, noise=replace(QUIET, host_busy_s=19.0))
    assert "disturbed" in codes(now)


# Findings


def test_no_finding_before_anything_was_measured() -> None:
    assert findings(state.initial(PoolSizesParams()), 2) == ()


def test_every_check_that_makes_sense_for_one_kind_is_there_with_a_sentence() -> None:
    found = findings(state_after({0: [1.0], 4: [9.0]}), 2)
    assert sorted(finding.check for finding in found) == sorted(CHECKS)
    for finding in found:
        assert finding.sentence.endswith(".")
        json.dumps(finding.as_json(), allow_nan=False)


def test_work_too_small_names_the_break_even_and_a_run_with_longer_work() -> None:
    found = check(LOOP_WINS, "work too small for a pool")
    assert found.holds is True
    assert found.numbers["break_even_seconds_per_item"] == pytest.approx(39.8e-6)
    assert found.remedy == {"workload": "sum-of-squares", "work_ms": 20.0}
    PoolSizesParams.model_validate({**LOOP_WINS.params.model_dump(), **found.remedy})


@pytest.mark.parametrize(
    ("maps", "holds"),
    [(POOL_WINS, False), (TIE, None), ({0: [1.0], 2: [9.0]}, None), ({0: about(1), 2: about(9)}, True)],
)
def test_work_is_too_small_only_where_every_pool_loses(maps: dict[int, list[float]], holds: bool | None) -> None:
    assert check(state_after(maps), "work too small for a pool").holds is holds


def test_one_usable_cpu_has_no_break_even() -> None:
    found = check(LOOP_WINS, "work too small for a pool", usable_cpus=1)
    assert (found.holds, found.code, found.remedy) == (None, "work_too_small: one at a time", {})


@pytest.mark.parametrize(
    ("maps", "code"),
    [
        ({0: about(640), 4: about(162), 8: about(83)}, "larger_pools_untried: rises"),
        ({0: about(640), 4: about(90), 8: about(83)}, "larger_pools_untried: levels off"),
        ({0: about(640), 4: about(83), 8: about(90)}, "larger_pools_untried: not the largest"),
    ],
)
def test_of_work_that_waits_a_largest_pool_that_still_gains_asks_for_larger_ones(
    maps: dict[int, list[float]], code: str
) -> None:
    found = check(state_after(maps, workload="square-sleep", last=40), "larger pools may gain more")
    assert found.code == code
    assert found.remedy == ({"sizes": [8, 16, 32]} if found.holds else {})
    assert check(state_after(maps), "larger pools may gain more").code == "larger_pools_untried: not waiting"


@pytest.mark.parametrize(
    ("maps", "asked", "holds", "remedy"),
    [
        ({0: about(200), 2: about(100), 4: about(104), 8: about(110)}, {}, True, {"sizes": [2]}),
        ({0: about(200), 2: about(122), 4: about(105)}, {"chunks": {2: 2, 4: 1}}, None, {"chunksize": 1}),
        ({0: about(200), 2: about(122), 4: about(105)}, {"chunks": {2: 1, 4: 1}}, False, {}),
        ({0: about(200), 2: about(100)}, {}, False, {}),
        ({0: about(200), 2: about(100), 8: about(30)}, {"workload": "square-sleep"}, False, {}),
        ({0: about(200), 4: about(100)}, {}, None, {"sizes": [2]}),
        ({0: about(200, 2), 2: about(100, 2), 4: about(99, 2)}, {}, None, {"sizes": [2]}),
        ({0: about(200), 2: [100, 200, 50, 70, 150], 4: [101, 190, 55, 75, 140]}, {}, None, {"sizes": [2]}),
    ],
)
def test_more_workers_than_cpus_holds_only_where_the_data_say_so(
    maps: dict[int, list[float]], asked: dict[str, Any], holds: bool | None, remedy: dict[str, Any]
) -> None:
    found = check(state_after(maps, **asked), "more workers than usable CPUs")
    assert (found.holds, found.remedy) == (holds, remedy)


@pytest.mark.parametrize(
    ("around_ms", "repeats", "holds"), [(500.0, 7, True), (20.0, 7, False), (100.0, 7, None), (500.0, 2, None)]
)
def test_start_up_is_weighed_against_the_map(around_ms: float, repeats: int, holds: bool | None) -> None:
    now = state_after({0: about(200, repeats), 2: about(100, repeats)}, around_ms=around_ms)
    assert check(now, "starting processes outweighs the map").holds is holds


def test_start_up_that_outweighs_is_answered_with_more_items() -> None:
    now = state_after({0: about(200), 2: about(100)}, around_ms=500.0)
    assert check(now, "starting processes outweighs the map").remedy == {"last": 100}  # four times the start-up


def test_a_chunk_size_that_changes_is_found() -> None:
    maps = {0: about(200), 2: about(100), 4: about(90)}
    varies = check(state_after(maps, chunks={2: 2, 4: 1}), "chunk size changes with the pool size")
    assert (varies.holds, varies.remedy) == (True, {"chunksize": 1})
    assert check(state_after(maps, chunks={2: 1, 4: 1}), "chunk size changes with the pool size").holds is False


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
    maps = {0: about(200), 2: [100.0, 200.0, 50.0, 70.0, 150.0]}
    found = check(state_after(maps, noise=noise), "the run was disturbed")
    assert found.holds is holds
    assert found.remedy == ({"seconds": 60.0} if holds else {})


def test_waiting_work_is_not_held_against_the_machine() -> None:
    noise = NoiseReading(10.0, 14.0, 2.0, 0, 0, 4, 1.4, 0.001)
    now = state_after({0: about(200), 8: about(30)}, noise=noise, workload="square-sleep")
    assert check(now, "the run was disturbed").holds is None


def test_a_run_that_broke_off_lacks_no_time() -> None:
    maps = {0: about(1, 1), 2: about(1, 1)}
    ends = ("finished", "failed")
    found = {end: check(state_after(maps, outcome=end), "the answer needs more time") for end in ends}
    assert (found["finished"].code, found["finished"].holds) == ("unsettled: no interval", True)
    assert (found["failed"].code, found["failed"].holds, found["failed"].remedy) == ("unsettled: broken off", None, {})
