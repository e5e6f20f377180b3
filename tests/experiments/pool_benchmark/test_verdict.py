"""Which pool a run's samples speak for: made-up samples with known answers, and what must not be claimed."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark import which_pool
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.payloads import EffectiveCpus, MemoryReading, ResultsDiffer, TraceSummary
from poolscope.protocol.records import Result

from tests.experiments.pool_benchmark.invented_runs import HERE, LOUD, MIB, QUIET, about, planned, told, traced

SUM_OF_SQUARES = {
    "serial": about(640),
    "thread 2": about(655),
    "thread 4": about(660),
    "process 1": about(650),
    "process 2": about(335),
    "process 4": about(334),
    "process 8": about(336),
    "pool 2": about(336),
}
SLEEP = {"serial": about(1600), "thread 8": about(203), "asyncio 8": about(203.5), "process 8": about(204)}
SQUARE = {
    "serial": about(0.0025),
    "thread 1": about(0.8),
    "thread 2": about(0.9),
    "process 2": about(4),
    "pool 2": about(0.2),
}
SHA256 = {"serial": about(640), "thread 2": about(330), "thread 4": about(329), "process 2": about(331)}


def trace(key: str, map_ms: float, **how: Any) -> dict[str, TraceSummary]:
    return {key: traced(planned(key, 32), map_ms, **how)}


def said(now: State, usable_cpus: int = 2) -> str:
    return (
        str(which_pool.verdict(now, usable_cpus))
        .replace("\N{NO-BREAK SPACE}", " ")
        .replace("\N{NARROW NO-BREAK SPACE}", " ")
    )


def chosen(now: State) -> dict[str, Any]:
    verdict = which_pool.as_json(now)["verdict"]
    assert isinstance(verdict, dict)
    json.dumps(verdict, allow_nan=False)
    return verdict


# What a run ends in


def test_python_code_that_computes_ends_in_processes_as_few_as_do() -> None:
    traces = trace("thread 2", 655, cpus=0.99, share=0.5)
    now = told(SUM_OF_SQUARES, traces=traces)
    assert said(now).startswith("Use 2 processes: 1.91× serial (95% CI 1.9")
    assert "2 threads stay at 0.98× (95% CI 0.97" in said(now)
    assert "under the GIL threads work one at a time." in said(now)
    assert "For a single call too, start-up and shutdown counted: 1.77×" in said(now)
    assert "4 and 8 processes only add start-up: 2 CPUs are usable." in said(now)
    verdict = chosen(now)
    assert (verdict["kind"], verdict["size"], verdict["chunksize"]) == ("process", 2, 0)
    assert verdict["speedup"]["low"] < verdict["speedup"]["value"] < verdict["speedup"]["high"]
    assert verdict["speedup"]["value"] == pytest.approx(640 / 335)
    assert verdict["also"] == []


def test_a_single_thread_that_is_no_slower_than_several_is_no_exception_to_the_gil() -> None:
    now = told({**SUM_OF_SQUARES, "thread 1": about(645)}, traces=trace("thread 2", 655, cpus=0.99, share=0.5))
    assert "and more of them are no faster: under the GIL threads work one at a time." in said(now)


def test_waiting_ends_in_threads_or_asyncio_though_processes_are_as_fast() -> None:
    now = told(SLEEP, asked={"workload": "sleep"}, loop_share=0.01)
    assert said(now).startswith("Use 8 threads or asyncio with 8 at once: 7.88× serial (95% CI 7.8")
    assert "and take 104 ms to start and end" in said(now)
    verdict = chosen(now)
    assert (verdict["kind"], [also["kind"] for also in verdict["also"]]) == ("thread", ["asyncio"])


def test_a_square_ends_in_the_plain_loop_with_the_break_even() -> None:
    now = told(SQUARE, asked={"workload": "square"})
    assert said(now).startswith(
        "The plain loop wins: pools cost more than the work, break-even about 12.4 µs an item, which takes 78.1 ns "
        "now, or about 5 090 items of this length; 1.64 ms an item with start-up and shutdown counted."
    )
    verdict = chosen(now)
    assert (verdict["kind"], verdict["size"], verdict["outcome"]) == ("serial", 1, "loop")


def test_c_code_that_lets_go_of_the_gil_ends_in_threads_or_processes_without_a_clear_winner() -> None:
    now = told(SHA256, asked={"workload": "sha256"})
    assert said(now).startswith("Use 2 threads or 2 processes: 1.94× serial (95% CI 1.9")
    assert "No clear winner between them." in said(now)
    assert [also["kind"] for also in chosen(now)["also"]] == ["process"]


def test_c_code_has_a_winner_where_the_interval_supports_one() -> None:
    now = told({**SHA256, "process 2": about(390)}, asked={"workload": "sha256"})
    assert said(now).startswith("Use 2 threads: 1.94× serial")
    assert "No clear winner" not in said(now)


def test_without_the_gil_threads_win() -> None:
    maps = {
        "serial": about(640),
        "thread 2": about(650),
        "process 2": about(335),
        "3.13t: serial": about(700),
        "3.13t: thread 2": about(300),
        "3.13t: process 2": about(380),
    }
    now = told(maps, pythons={HERE: {}, "3.13t": {}}, asked={"pythons": [HERE, "3.13t"]})
    assert said(now).startswith("Use 2 threads on 3.13t: 2.13× the plain loop on 3.11 (95% CI 2.1")
    assert "3.13t has no GIL, so its threads compute side by side." in said(now)
    assert "2 processes on 3.11 reach 1.91×" in said(now)
    cell = next(
        cell for cell in which_pool.as_json(now)["cells"] if (cell["python"], cell["kind"]) == ("3.13t", "thread")
    )
    assert cell["speedup"]["value"] == pytest.approx(640 / 300)
    assert cell["own_speedup"]["value"] == pytest.approx(700 / 300)


def test_many_reasons_are_a_list_below_the_headline_and_few_are_prose() -> None:
    few = which_pool.verdict(told({"serial": about(640), "process 2": about(335), "thread 2": about(650)}), 2)
    assert few is not None
    assert not few.reasons
    maps = {"3.11: serial": about(640), "3.11: process 2": about(335), "3.11: thread 2": about(650)}
    maps |= {"3.14: serial": about(600), "3.14: process 2": about(320), "3.13t: serial": about(700)}
    maps |= {"3.13t: thread 2": about(360)}
    many = which_pool.verdict(told(maps, pythons={"3.11": {}, "3.14": {}, "3.13t": {}}, noise=LOUD), 2)
    assert many is not None
    assert len(many.reasons) > 2
    assert "disturbed" in many.rest
    assert all(reason in str(many) for reason in many.reasons)


def test_threads_of_a_single_python_without_the_gil_win_too() -> None:
    now = told({"serial": about(640), "thread 2": about(330), "process 2": about(380)}, pythons={HERE: {"gil": False}})
    assert said(now).startswith("Use 2 threads: 1.94× serial")
    assert "This Python has no GIL" in said(now)


def test_the_plain_loop_of_another_python_may_win() -> None:
    maps = {"serial": about(640), "process 2": about(700), "3.14: serial": about(400), "3.14: process 2": about(450)}
    now = told(maps, pythons={HERE: {}, "3.14": {}})
    assert said(now).startswith("The plain loop on 3.14 wins: 1.60× the plain loop on 3.11 (95% CI 1.5")


def test_two_loops_that_are_as_fast_as_each_other_still_beat_slower_pools() -> None:
    maps = {"serial": about(0.01), "pool 2": about(0.5), "3.14: serial": about(0.01), "3.14: pool 2": about(0.6)}
    now = told(maps, pythons={HERE: {}, "3.14": {}}, asked={"workload": "square"})
    assert said(now).startswith("The plain loop wins: pools cost more than the work, break-even about")


def test_a_python_that_cannot_run_the_work_says_why_and_the_others_go_on() -> None:
    pythons: dict[str, Mapping[str, Any]] = {HERE: {}, "3.12": {"why_not": "There is no module named numpy."}}
    now = told(SUM_OF_SQUARES, pythons=pythons)
    assert said(now).startswith("Use 2 processes on 3.11: 1.91× the plain loop on 3.11")
    assert said(now).endswith("3.12 took no part: There is no module named numpy.")
    assert not any("3.12: " in reason for reason in chosen(now)["reasons"])


def test_chunk_sizes_and_start_methods_are_named_where_they_were_compared() -> None:
    asked = {"chunksizes": [1, 8], "start_methods": ["fork", "spawn"]}
    maps = {
        "serial": about(640),
        "pool 2 c1 fork": about(500),
        "pool 2 c8 fork": about(340),
        "pool 2 c8 spawn": about(420),
    }
    now = told(maps, asked=asked)
    assert said(now).startswith("Use 2 processes (multiprocessing.Pool, fork and chunks of 8): 1.88× serial")
    assert (chosen(now)["chunksize"], chosen(now)["start_method"]) == (8, "fork")


def test_interpreters_are_compared_by_their_memory_too() -> None:
    memory = [
        Result(
            0,
            MemoryReading("pss", tuple([mib * MIB] * 2), 99 * MIB, 20 * MIB),
            config,
        )
        for config, mib in (("process 2", 24), ("interpreter 2", 7))
    ]
    maps = {"serial": about(640), "process 2": about(330), "interpreter 2": about(400)}
    now = told(maps, more=memory)
    assert "2 interpreters reach 1.60× (95% CI 1.59–1.61) with 29% of the memory a worker." in said(now)


def test_without_a_clear_winner_no_other_kind_is_praised_beside_it() -> None:
    wide = [640.0, 900.0, 500.0, 400.0, 700.0]
    now = told({"serial": wide, "thread 2": wide[::-1], "process 2": [0.8 * time for time in wide]})
    assert said(now).startswith("No clear winner: 2 processes, the fastest, took 512 ms against 640 ms")
    assert "threads" not in said(now)
    assert any(reason.startswith("2\N{NO-BREAK SPACE}threads") for reason in chosen(now)["reasons"])


def test_one_call_may_be_served_better_by_another_setting() -> None:
    maps = {"serial": about(640), "thread 2": about(400), "process 2": about(390)}
    now = told(maps, asked={"workload": "sha256"})
    assert said(now).startswith("Use 2 processes: 1.64× serial")
    assert "For a single call, start-up and shutdown counted, use 2 threads: 1.60×" in said(now)


def test_one_call_may_be_served_best_by_the_plain_loop() -> None:
    now = told({"serial": about(20), "process 2": about(12)})
    assert said(now).startswith("Use 2 processes: 1.67× serial")
    assert "the plain loop finishes first: 20.0 ms against 38.0 ms with 2 processes." in said(now)


def test_a_gain_of_less_than_a_twentieth_is_not_worth_a_pool() -> None:
    now = told({"serial": about(640), "process 2": about(620)})
    assert said(now).startswith("Hardly worth a pool: 2 processes, the fastest, gain less than 5% (1.03×, 95% CI 1.0")


def test_one_call_may_gain_hardly_anything() -> None:
    now = told({"serial": about(640), "process 2": about(593)})
    assert "start-up and shutdown counted, 2 processes gain hardly anything: 1.03×" in said(now)


def test_threads_that_only_lose_do_not_blame_the_length_of_the_work() -> None:
    now = told({"serial": about(640), "thread 2": about(690)})
    assert said(now).startswith("The plain loop wins: 2 threads, the fastest pool, stay at 0.93×")
    assert "cost more than the work" not in said(now)


def test_one_usable_cpu_says_that_no_pool_would_win() -> None:
    now = told({"serial": about(640), "process 2": about(690)})
    assert "break-even" not in said(now, usable_cpus=1)


# What is not claimed


def test_nothing_is_said_before_every_setting_has_its_repetitions() -> None:
    assert which_pool.verdict(which_pool.initial(WhichPoolParams()), 2) is None
    now = told({"serial": about(640, 4), "process 2": about(335, 4), "pool 2": about(335, 2)}, outcome="")
    assert which_pool.verdict(now, 2) is None
    assert which_pool.as_json(now)["verdict"] is None


def test_a_partial_run_says_what_is_missing() -> None:
    now = told({"serial": about(640), "process 2": about(335), "thread 2": []}, outcome="stopped")
    assert said(now).startswith("Use 2 processes: 1.91× serial")
    assert said(now).endswith("2 threads: not measured.")


def test_the_fastest_of_a_stopped_run_is_not_contradicted_by_one_that_was_hardly_repeated() -> None:
    maps = {"serial": [640.0, 900.0, 500.0], "process 2": [500.0, 800.0, 450.0], "pool 2": [100.0, 110.0]}
    assert "2 processes, the fastest of those repeated often enough, took" in said(told(maps, outcome="stopped"))


def test_a_run_stopped_after_its_first_round_has_no_winner() -> None:
    now = told({"serial": [640.0], "process 2": [335.0]}, outcome="stopped")
    assert said(now).startswith(
        "No clear winner: one repetition is too few for an interval. The plain loop took 640 ms"
    )
    assert chosen(now)["kind"] is None


def test_only_the_loop_was_measured() -> None:
    why = "The function can't be pickled: it is a lambda."
    now = told({"serial": about(640), "process 2": [], "pool 2": []}, skipped={"process 2": why, "pool 2": why})
    assert said(now) == f"No pool was measured to its end: the plain loop took 640 ms. {why}"
    assert chosen(now)["kind"] is None
    assert which_pool.verdict(told({"serial": [], "process 2": []}, outcome="failed"), 2) is None


def test_a_setting_that_was_given_up_or_returns_something_else_cannot_win() -> None:
    maps = {"serial": about(640), "process 2": about(100), "pool 2": about(90), "thread 2": about(400)}
    differs = Result(0, ResultsDiffer(1, "item 3 gave 4 instead of 9."), "pool 2")
    now = told(maps, skipped={"process 2": "A worker died by SIGKILL."}, more=[differs])
    assert said(now).startswith("Use 2 threads: 1.60× serial")
    assert "Processes: A worker died by SIGKILL." in said(now)


def test_pools_that_return_something_else_are_not_said_to_be_unmeasured() -> None:
    differs = Result(0, ResultsDiffer(1, "The result of item 0 is 3."), "process 2")
    now = told({"serial": about(640), "process 2": about(100)}, more=[differs])
    assert said(now).startswith("No pool gave the results of the plain loop: the plain loop took 640 ms.")


def test_work_that_gives_other_results_from_call_to_call_is_compared_by_its_times() -> None:
    maps = {"serial": about(640), "process 2": about(335), "thread 2": about(650)}
    other = [Result(0, ResultsDiffer(1, "The result of item 0 is 3."), config) for config in maps]
    now = told(maps, more=other)
    assert said(now).startswith("Use 2 processes: 1.91× serial")
    assert "Its results change from call to call, so only the times are compared." in said(now)
    assert "The result of item 0" not in said(now)


def test_a_kind_that_was_asked_for_in_vain_is_told_once() -> None:
    lacks = "InterpreterPoolExecutor came with Python 3.14, and this is 3.11.9."
    now = told(
        {"serial": about(640), "process 2": about(335), "interpreter 2": []},
        skipped={"interpreter 2": lacks},
        pythons={HERE: {"kinds": {"process": None, "interpreter": lacks}}},
        asked={"kinds": "process, interpreter"},
    )
    assert said(now).count(lacks) == 1
    assert sum(lacks in reason for reason in chosen(now)["reasons"]) == 1


def test_what_a_python_lacks_is_told_below_and_beside_the_verdict_where_it_was_asked_for() -> None:
    lacks = "InterpreterPoolExecutor came with Python 3.14, and this is 3.11.9."
    pythons: dict[str, Mapping[str, Any]] = {HERE: {"kinds": {"process": None, "interpreter": lacks}}}
    now = told(SUM_OF_SQUARES, pythons=pythons)
    assert lacks in chosen(now)["reasons"]
    assert lacks not in said(now)
    assert lacks in said(told(SUM_OF_SQUARES, pythons=pythons, asked={"kinds": "process, interpreter"}))


def test_a_disturbed_run_says_so_at_once() -> None:
    assert "). Something else disturbed the run, so take the figures with care." in said(
        told(SUM_OF_SQUARES, noise=LOUD)
    )
    assert "disturbed" not in said(told(SUM_OF_SQUARES, noise=QUIET))
    slow = Result(0, EffectiveCpus({"1": 0.9, "2": 1.2}, 0.2))
    assert "disturbed" in said(told(SUM_OF_SQUARES, more=[slow]))


def test_the_best_of_many_settings_is_no_winner_by_its_luck() -> None:
    """Times without any difference, a dozen settings, seeded: at most 7 in 100 may be told to have a winner."""
    dice, claims = random.Random(20240501), []
    keys = ["serial", *(f"{kind} {size}" for kind in ("thread", "process", "pool") for size in (1, 2, 4, 8))]
    for trial in range(100):
        now = told({key: [100 * dice.lognormvariate(0, 0.03) for _ in range(5)] for key in keys}, around_ms=1e-6)
        sentence = said(now)
        if not (sentence.startswith("No clear winner:") and "there is no clear winner" in sentence):
            claims.append((trial, sentence))
    assert len(claims) <= 7, claims


def test_a_real_difference_is_found_among_as_many() -> None:
    dice, found = random.Random(20240502), 0
    keys = ["serial", *(f"{kind} {size}" for kind in ("thread", "process", "pool") for size in (1, 2, 4, 8))]
    for _ in range(20):
        maps = {key: [100 * dice.lognormvariate(0, 0.03) for _ in range(5)] for key in keys}
        maps["process 4"] = [time / 1.5 for time in maps["process 4"]]
        found += said(told(maps, around_ms=1e-6)).startswith("Use 4 processes: 1.")
    assert found >= 19
