"""Which pool a run's samples speak for: made-up samples with known answers, and what must not be claimed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest
from poolscope.experiments.experiment import Verdict
from poolscope.experiments.pool_benchmark import export, findings, state, verdict
from poolscope.experiments.pool_benchmark.findings import validity
from poolscope.experiments.pool_benchmark.messages import finding_sentence, verdict_sentence
from poolscope.experiments.pool_benchmark.naming import noun
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.reasons import Reason, reasons
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, recommend
from poolscope.experiments.pool_benchmark.state import State, fold
from poolscope.experiments.pool_benchmark.verdict import every_pool_broke
from poolscope.protocol.payloads import (
    BytesCarried,
    ClusterStarted,
    ConfigurationSkipped,
    EffectiveCpus,
    MemoryReading,
    ResultsDiffer,
    TraceSummary,
    WorkersLost,
)
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
WIDE = [640.0, 900.0, 500.0, 400.0, 700.0]
LACKS = "InterpreterPoolExecutor came with Python 3.14, and this is 3.11.9."


def trace(key: str, map_ms: float, **how: Any) -> dict[str, TraceSummary]:
    return {key: traced(planned(key, 32), map_ms, **how)}


def verdict_of(now: State, usable_cpus: int = 2) -> Verdict:
    found = verdict.verdict(now, usable_cpus)
    assert found is not None
    return found


def recommendation_of(now: State) -> Recommendation:
    found = recommend(now)
    assert found is not None
    return found


def answer(now: State) -> tuple[str, str | None]:
    """The verdict's code and the key of the recommended configuration, as the JSON has it too."""
    found, shape = recommendation_of(now), export.which_pool_json(now)["verdict"]
    json.dumps(shape, allow_nan=False)
    config = found.config
    assert (shape["kind"], shape["size"]) == ((config.kind, config.size) if config else (None, None))
    assert shape["speedup"]["value"] == found.gain.value
    return verdict_of(now).code, config.key if config else None


def reasons_by_code(now: State, usable_cpus: int = 2) -> dict[str, Reason]:
    """The reasons by their code; of several with one code the last."""
    return {reason.code: reason for reason in reasons(now, recommendation_of(now), usable_cpus)}


# What a run ends in


def test_python_code_that_computes_ends_in_processes_as_few_as_do() -> None:
    now = told(SUM_OF_SQUARES, traces=trace("thread 2", 655, cpus=0.99, share=0.5))
    assert answer(now) == ("use", "process 2")
    assert recommendation_of(now).gain.value == pytest.approx(640 / 335)
    assert export.which_pool_json(now)["verdict"]["also"] == []
    found = reasons_by_code(now)
    assert {"call too", "under the GIL", "only add start-up"} == {code for code, one in found.items() if one.weighty}
    assert found["under the GIL"].facts["config"].key == "thread 2"
    assert found["call too"].facts["gain"].value == pytest.approx(640 / 361, rel=0.01)
    assert str(found["only add start-up"].facts["configs"]).startswith("4 and 8")


def test_a_single_thread_that_is_no_slower_than_several_is_no_exception_to_the_gil() -> None:
    now = told({**SUM_OF_SQUARES, "thread 1": about(645)}, traces=trace("thread 2", 655, cpus=0.99, share=0.5))
    assert "one thread as good" in reasons_by_code(now)


def test_waiting_ends_in_threads_or_asyncio_though_processes_are_as_fast() -> None:
    now = told(SLEEP, asked={"workload": "sleep"}, loop_share=0.01)
    assert answer(now) == ("use", "thread 8")
    assert recommendation_of(now).gain.value == pytest.approx(1600 / 203)
    assert [also["kind"] for also in export.which_pool_json(now)["verdict"]["also"]] == ["asyncio"]
    tied = [reason for reason in reasons(now, recommendation_of(now), 2) if reason.code == "tied" and reason.weighty]
    assert [reason.facts["around_s"] for reason in tied] == [pytest.approx(0.104)]


def test_who_is_slower_by_the_interval_of_the_two_is_not_called_as_fast() -> None:
    spread = (1.0, 1.025, 0.975, 1.0125, 0.9875)
    slower = [1.04 * 85 * factor for factor in reversed(spread)]
    maps = {"serial": about(640), "thread 8": [85 * factor for factor in spread], "process 8": slower}
    maps |= {"thread 2": about(325), "process 2": about(330), "pool 2": about(331)}
    now = told(maps, asked={"workload": "sleep"})
    found, other = recommendation_of(now), now.configs["process 8"]
    assert found.maps.tied == ("thread 8", "process 8")  # allowing for all that were compared
    assert found.others == ()
    assert {reason.code for reason in reasons(now, found, 2) if reason.facts.get("config") is other} == {"other"}


def test_a_square_ends_in_the_plain_loop_with_the_break_even() -> None:
    now = told(SQUARE, asked={"workload": "square"})
    assert answer(now) == ("too small", "serial")
    assert export.which_pool_json(now)["verdict"]["outcome"] == "loop"


@pytest.mark.parametrize(("process_ms", "also"), [(331, ["process"]), (390, [])])
def test_c_code_that_lets_go_of_the_gil_ends_in_threads_and_names_processes_if_they_are_as_fast(
    process_ms: float, also: list[str]
) -> None:
    now = told({**SHA256, "process 2": about(process_ms)}, asked={"workload": "sha256"})
    assert answer(now) == ("use", "thread 2")
    assert [other["kind"] for other in export.which_pool_json(now)["verdict"]["also"]] == also


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
    assert answer(now) == ("use", "3.13t: thread 2")
    assert recommendation_of(now).gain.value == pytest.approx(640 / 300)
    assert reasons_by_code(now)["no GIL in"].facts["python"] == "3.13t"
    others = [
        reason.facts["config"].key for reason in reasons(now, recommendation_of(now), 2) if reason.code == "other"
    ]
    assert "process 2" in others
    cell = next(
        cell for cell in export.which_pool_json(now)["cells"] if (cell["python"], cell["kind"]) == ("3.13t", "thread")
    )
    assert cell["speedup"]["value"] == pytest.approx(640 / 300)
    assert cell["own_speedup"]["value"] == pytest.approx(700 / 300)


def test_threads_of_a_single_python_without_the_gil_win_too() -> None:
    now = told({"serial": about(640), "thread 2": about(330), "process 2": about(380)}, pythons={HERE: {"gil": False}})
    assert answer(now) == ("use", "thread 2")
    assert "no GIL" in reasons_by_code(now)


def test_many_reasons_are_a_list_below_the_headline_and_few_are_prose() -> None:
    assert not verdict_of(told({"serial": about(640), "process 2": about(335), "thread 2": about(650)})).reasons
    maps = {"3.11: serial": about(640), "3.11: process 2": about(335), "3.11: thread 2": about(650)}
    maps |= {"3.14: serial": about(600), "3.14: process 2": about(320), "3.13t: serial": about(700)}
    maps |= {"3.13t: thread 2": about(360)}
    now = told(maps, pythons={"3.11": {}, "3.14": {}, "3.13t": {}}, noise=LOUD)
    many = verdict_of(now)
    assert len(many.reasons) > 2
    assert "disturbed" in reasons_by_code(now)
    assert all(reason in str(many) for reason in many.reasons)


def test_the_plain_loop_of_another_python_may_win() -> None:
    maps = {"serial": about(640), "process 2": about(700), "3.14: serial": about(400), "3.14: process 2": about(450)}
    now = told(maps, pythons={HERE: {}, "3.14": {}})
    assert answer(now) == ("other loop", "3.14: serial")
    assert recommendation_of(now).gain.value == pytest.approx(1.6)


def test_two_loops_that_are_as_fast_as_each_other_still_beat_slower_pools() -> None:
    maps = {"serial": about(0.01), "pool 2": about(0.5), "3.14: serial": about(0.01), "3.14: pool 2": about(0.6)}
    now = told(maps, pythons={HERE: {}, "3.14": {}}, asked={"workload": "square"})
    assert answer(now) == ("too small", "serial")


def test_a_python_that_cannot_run_the_work_says_why_and_the_others_go_on() -> None:
    pythons: dict[str, Mapping[str, Any]] = {HERE: {}, "3.12": {"why_not": "There is no module named numpy."}}
    now = told(SUM_OF_SQUARES, pythons=pythons)
    assert answer(now) == ("use", "process 2")
    assert reasons_by_code(now)["Python left out"].facts == {"python": "3.12", "why": "There is no module named numpy."}
    lacking = (reason.facts["python"] for reason in reasons(now, recommendation_of(now), 2) if "lacking" in reason.code)
    assert "3.12" not in lacking


def test_chunk_sizes_and_start_methods_are_told_apart() -> None:
    asked = {"chunksizes": [1, 8], "start_methods": ["fork", "spawn"]}
    maps = {
        "serial": about(640),
        "pool 2 c1 fork": about(500),
        "pool 2 c8 fork": about(340),
        "pool 2 c8 spawn": about(420),
    }
    config = recommendation_of(told(maps, asked=asked)).config
    assert config is not None
    assert (config.kind, config.size, config.chunksize, config.start_method) == ("pool", 2, 8, "fork")


def test_interpreters_are_compared_by_their_memory_too() -> None:
    memory = [
        Result(0, MemoryReading("pss", (mib * MIB, mib * MIB), 99 * MIB, 20 * MIB), config)
        for config, mib in (("process 2", 24), ("interpreter 2", 7))
    ]
    maps = {"serial": about(640), "process 2": about(330), "interpreter 2": about(400)}
    facts = reasons_by_code(told(maps, more=memory))["less memory"].facts
    assert (facts["config"].key, facts["memory_share"]) == ("interpreter 2", pytest.approx(7 / 24))


def test_without_a_clear_winner_no_other_kind_is_praised_beside_it() -> None:
    now = told({"serial": WIDE, "thread 2": WIDE[::-1], "process 2": [0.8 * time for time in WIDE]})
    assert answer(now) == ("undecided", None)
    assert recommendation_of(now).gain.value == pytest.approx(1.25)
    assert recommendation_of(now).best.key == "process 2"
    assert reasons_by_code(now)["other"].facts["config"].key == "thread 2"
    assert not reasons_by_code(now)["other"].weighty


@pytest.mark.parametrize(
    ("maps", "workload", "best", "code", "call"),
    [
        ({"thread 2": 420, "process 2": 390}, "sha256", "process 2", "call other", "thread 2"),
        ({"process 2": 335}, "primes", "process 2", "call too", "process 2"),
        ({"process 2": 593}, "primes", "process 2", "call small gain", "process 2"),
    ],
)
def test_one_call_may_be_served_better_by_another_configuration(
    maps: dict[str, float], workload: str, best: str, code: str, call: str
) -> None:
    times = {"serial": about(640), **{key: about(ms) for key, ms in maps.items()}}
    now = told(times, asked={"workload": workload})
    assert answer(now) == ("use", best)
    assert reasons_by_code(now)[code].facts["best"].key == call


def test_one_call_may_be_served_best_by_the_plain_loop() -> None:
    now = told({"serial": about(20), "process 2": about(12)})
    assert answer(now) == ("use", "process 2")
    facts = reasons_by_code(now)["call loop"].facts
    assert (facts["loop_s"], facts["took_s"]) == (pytest.approx(0.020), pytest.approx(0.038))


def test_a_gain_of_less_than_a_twentieth_is_not_worth_a_pool() -> None:
    now = told({"serial": about(640), "process 2": about(620)})
    assert answer(now) == ("small gain", "process 2")
    assert recommendation_of(now).gain.value == pytest.approx(640 / 620)


def test_threads_that_only_lose_do_not_blame_the_length_of_the_work() -> None:
    assert answer(told({"serial": about(640), "thread 2": about(690)})) == ("loop", "serial")


def test_one_usable_cpu_says_nothing_of_a_break_even() -> None:
    now = told({"serial": about(640), "process 2": about(690)})
    assert (verdict_of(now).code, verdict_of(now, usable_cpus=1).code) == ("too small", "loop")


# What is not claimed


def test_nothing_is_said_before_every_configuration_has_its_repetitions() -> None:
    assert verdict.verdict(state.initial(WhichPoolParams()), 2) is None
    now = told({"serial": about(640, 4), "process 2": about(335, 4), "pool 2": about(335, 2)}, outcome="")
    assert verdict.verdict(now, 2) is None
    assert export.which_pool_json(now)["verdict"] is None


def test_a_partial_run_says_what_is_missing() -> None:
    now = told({"serial": about(640), "process 2": about(335), "thread 2": []}, outcome="stopped")
    assert answer(now) == ("use", "process 2")
    assert reasons_by_code(now)["one not measured"].facts["config"].key == "thread 2"


def test_the_best_of_several_is_doubted_for_its_gain_and_a_single_one_for_its_spread() -> None:
    maps = {"serial": [100.0, 108, 93, 104, 97], "process 2": [88.0, 97, 85, 92, 89]}
    assert answer(told(maps)) == ("unconfirmed", None)
    alike = {f"thread {size}": [101.0, 107, 94, 103, 98] for size in (1, 2, 4)}
    assert answer(told({**maps, **alike})) == ("luckiest", None)


def test_a_loss_of_the_best_that_others_may_not_share_leaves_it_open() -> None:
    maps = {"serial": [100.0, 101, 99, 100, 102], "process 2": [110.0, 111, 109, 110, 112]}
    assert answer(told(maps))[1] == "serial"
    assert answer(told({**maps, "thread 2": [90.0, 180, 130, 85, 170]})) == ("others open", None)


@pytest.mark.parametrize(("repeats", "code"), [(1, "one repetition"), (2, "few repetitions")])
def test_a_run_stopped_after_its_first_rounds_has_no_winner(repeats: int, code: str) -> None:
    now = told({"serial": about(640, repeats), "process 2": about(335, repeats)}, outcome="stopped")
    assert answer(now) == (code, None)


@pytest.mark.parametrize(
    ("loop", "pool", "repetitions", "of"),
    [(2, 1, 1, "process 2"), (1, 2, 1, "serial"), (5, 2, 2, "process 2"), (1, 1, 1, None), (2, 2, 2, None)],
)
def test_verdict_and_finding_count_the_same_repetitions_where_they_are_too_few(
    loop: int, pool: int, repetitions: int, of: str | None
) -> None:
    now = told({"serial": about(640, loop), "process 2": about(335, pool), "thread 2": []}, outcome="stopped")
    found = validity.unsettled(now, 2)
    assert found.code == "no interval"
    least = now.configs[of] if of else None
    assert (found.facts["repetitions"], found.facts["least_repeated"]) == (repetitions, least)
    said = finding_sentence(now, "unsettled", found.code, found.facts)
    for sentence, number in ((verdict_of(now).rest, "One" if repetitions == 1 else "2"), (said, f"{repetitions}")):
        counted, _, _ = sentence.partition(" too few for an interval")
        assert counted.startswith(f"{number} repetition")
        assert (str(noun(now, least)) in counted) if least else (" of " not in counted)


def test_only_the_loop_was_measured() -> None:
    whys = dict.fromkeys(("process 2", "pool 2"), "The function can't be pickled: it is a lambda.")
    now = told({"serial": about(640), "process 2": [], "pool 2": []}, skipped=whys)
    assert verdict_of(now).code == "none finished"
    assert every_pool_broke(now)
    late = [Result(0, ConfigurationSkipped("No time was left.", late=True), key) for key in ("process 2", "pool 2")]
    assert not every_pool_broke(reduce(fold, late, told({"serial": about(640), "process 2": [], "pool 2": []})))
    assert str(verdict_of(now)).count("lambda") == 1
    assert export.which_pool_json(now)["verdict"]["kind"] is None
    assert verdict.verdict(told({"serial": [], "process 2": []}, outcome="failed"), 2) is None


def test_a_configuration_that_was_given_up_or_returns_something_else_cannot_win() -> None:
    maps = {"serial": about(640), "process 2": about(100), "pool 2": about(90), "thread 2": about(400)}
    differs = Result(0, ResultsDiffer(1, "item 3 gave 4 instead of 9."), "pool 2")
    now = told(maps, skipped={"process 2": "A worker died by SIGKILL."}, more=[differs])
    assert answer(now) == ("use", "thread 2")
    assert reasons_by_code(now)["kind left out"].facts == {"kind": "processes", "why": "A worker died by SIGKILL."}


def test_pools_that_return_something_else_are_not_said_to_be_unmeasured() -> None:
    differs = Result(0, ResultsDiffer(1, "The result of item 0 is 3."), "process 2")
    now = told({"serial": about(640), "process 2": about(100)}, more=[differs])
    assert verdict_of(now).code == "wrong results"


def test_work_that_gives_other_results_from_call_to_call_is_compared_by_its_times() -> None:
    maps = {"serial": about(640), "process 2": about(335), "thread 2": about(650)}
    other = [Result(0, ResultsDiffer(1, "The result of item 0 is 3."), config) for config in maps]
    now = told(maps, more=other)
    assert answer(now) == ("use", "process 2")
    assert "results change" in reasons_by_code(now)
    assert "kind left out" not in reasons_by_code(now)


def test_a_kind_that_was_asked_for_in_vain_is_told_once() -> None:
    now = told(
        {"serial": about(640), "process 2": about(335), "interpreter 2": []},
        skipped={"interpreter 2": LACKS},
        pythons={HERE: {"kinds": {"process": None, "interpreter": LACKS}}},
        asked={"kinds": "process, interpreter"},
    )
    assert str(verdict_of(now)).count(LACKS) == 1
    assert sum(LACKS in reason for reason in export.which_pool_json(now)["verdict"]["reasons"]) == 1


@pytest.mark.parametrize("kinds", ["", "process, interpreter"])
def test_what_a_python_lacks_is_told_below_and_beside_the_verdict_where_it_was_asked_for(kinds: str) -> None:
    pythons: dict[str, Mapping[str, Any]] = {HERE: {"kinds": {"process": None, "interpreter": LACKS}}}
    now = told(SUM_OF_SQUARES, pythons=pythons, asked={"kinds": kinds})
    assert reasons_by_code(now)["kind lacking"].weighty is bool(kinds)
    assert (LACKS in str(verdict_of(now))) is bool(kinds)


@pytest.mark.parametrize(
    ("how", "disturbed"),
    [
        ({"noise": LOUD}, True),
        ({"noise": QUIET}, False),
        ({"more": [Result(0, EffectiveCpus({"1": 0.9, "2": 1.2}, 0.2))]}, True),
    ],
)
def test_a_disturbed_run_says_so_at_once(how: dict[str, Any], disturbed: bool) -> None:
    now = told(SUM_OF_SQUARES, **how)
    assert ("disturbed" in reasons_by_code(now)) is disturbed
    assert ("disturbed" in verdict_of(now).rest) is disturbed


@pytest.mark.parametrize(("pool", "said"), [((500, 690, 560, 700, 640, 720, 610), True), ((335,) * 7, False)])
def test_cpus_that_changed_their_speed_are_named_where_there_is_no_winner(pool: tuple[int, ...], said: bool) -> None:
    noise = replace(QUIET, fixed_loop_s=(0.0014, 0.0022) * 4)
    now = told({"serial": about(640, 7), "process 2": [float(time) for time in pool]}, noise=noise)
    assert ("speed changed" in reasons_by_code(now)) is said
    assert (answer(now)[1] is None) is said


def test_a_run_that_others_left_few_cpus_says_so_where_it_has_no_winner() -> None:
    open_question = {"serial": WIDE, "thread 2": WIDE[::-1]}
    full = replace(LOUD, own_cpu_s=10.0)
    busy, quiet = (verdict_of(told(open_question, noise=noise)) for noise in (full, QUIET))
    assert "other programs had the CPUs" in busy.headline
    assert "other programs" not in str(quiet)
    assert "other programs had" not in str(verdict_of(told(SUM_OF_SQUARES, noise=full)))


def test_other_runs_of_the_server_are_not_called_other_programs() -> None:
    open_question = {"serial": WIDE, "thread 2": WIDE[::-1]}
    full = replace(LOUD, own_cpu_s=10.0, server_cpu_s=49.0)
    by_server, by_both = (
        verdict_of(told(open_question, noise=noise)) for noise in (full, replace(full, server_cpu_s=25.0))
    )
    assert "this server and its other runs had the CPUs" in by_server.headline
    assert "this server and its other runs used" in by_server.rest
    assert "other programs" not in str(by_server)
    assert "other runs and other programs had the CPUs" in by_both.headline
    alone = [replace(full, server_cpu_s=seconds, server_alone_cpu_s=seconds) for seconds in (49.0, 25.0)]
    for_pages, beside_others = (str(verdict_of(told(open_question, noise=noise))) for noise in alone)
    assert "other runs" not in for_pages + beside_others
    assert ("other programs" in for_pages, "other programs" in beside_others) == (False, True)
    checks = findings.findings(told(SUM_OF_SQUARES, noise=full), 2)
    found = next(check for check in checks if check.check == "the run was disturbed")
    assert found.numbers["server_cpus"] == pytest.approx(found.numbers["others_cpus"], rel=0.05)


def test_work_that_waits_says_so_where_threads_win() -> None:
    maps = {"serial": about(640), "thread 8": about(82), "process 8": about(90)}
    waits = told(maps, asked={"workload": "sleep"}, loop_share=0.03)
    assert reasons_by_code(waits)["work waits"].facts["loop_on_cpu"] == pytest.approx(0.03)
    assert "work waits" not in reasons_by_code(told(SUM_OF_SQUARES))


def test_a_stopped_run_whose_pools_are_slower_calls_the_best_of_them_the_fastest_pool() -> None:
    slower = verdict_of(told({"serial": [0.7], "process 2": [230.0]}, outcome="stopped"))
    assert "2\N{NO-BREAK SPACE}processes, the fastest pool," in str(slower)


@pytest.mark.parametrize(
    ("cluster_ms", "code", "says"),
    [
        (
            170,
            "cluster faster",
            "its cluster takes 4.00 s to start, a map sends 2.00 KiB over the network and receives 1.00 KiB.",
        ),
        (400, "cluster not faster", "An item is not shown to take less than in 2 processes, however many."),
    ],
)
def test_a_cluster_is_told_with_its_price(cluster_ms: float, code: str, says: str) -> None:
    key = "dask 4"
    more = [
        Result(0, ClusterStarted(4.0), key),
        Result(0, BytesCarried(2048, 1024), key),
        Result(0, WorkersLost(1, 3), key),
    ]
    maps = {"serial": about(640), "process 2": about(335), key: about(cluster_ms)}
    now = told(maps, more=more, around_ms={"process 2": 30.0, key: 100.0})
    found = reasons_by_code(now, 4)
    # (4 s + 100 ms - 30 ms) / (335 ms - 170 ms) of 32 items each
    assert found[code].facts.get("items_to_win") == (790 if code == "cluster faster" else None)
    assert now.configs[key].around[0] == pytest.approx(4.1)
    sentences = [verdict_sentence(now, reason.code, reason.facts) for reason in found.values()]
    text = " ".join(sentences).replace("\N{NO-BREAK SPACE}", " ")
    assert says in text
    assert "lost 1 worker in this run, and 3 tasks were done again" in text
    assert says in str(verdict_of(now, 4)).replace("\N{NO-BREAK SPACE}", " "), "also where it is not the one to use"
    there = reasons_by_code(told(maps, more=more[1:], around_ms={"process 2": 30.0, key: 100.0}), 4)
    (price,) = [reason for code, reason in there.items() if code.startswith("cluster ")]
    text = verdict_sentence(now, price.code, price.facts).replace("\N{NO-BREAK SPACE}", " ")
    assert text.startswith("4 dask workers: a map sends 2.00 KiB over the network and receives 1.00 KiB. ")
