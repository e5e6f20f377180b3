"""What the server makes of the rounds so far: who drops out, when the answer is settled, and which of equals it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark import export, findings, verdict
from poolscope.experiments.pool_benchmark.export import rounds_notes
from poolscope.experiments.pool_benchmark.findings import validity
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import faster_beyond_cpus, how_fast, recommend, steer
from poolscope.experiments.pool_benchmark.state import State
from poolscope.protocol.commands import ContinueRounds
from poolscope.protocol.payloads import ConfigurationDropped, DroppedWhy, PassesPerSample, RoundEnded, RoundsEnded
from poolscope.protocol.records import Record, Result
from poolscope.text.numbers import times
from poolscope.text.sentences import Part

from tests.experiments.pool_benchmark.invented_runs import LOUD, SPREAD, about, told

NOISY = [1.0, 1.03, 0.975, 1.02, 0.97]
WIDE = [1.0, 1.3, 0.8, 1.1, 0.9, 1.2, 0.85]


def after(maps: Mapping[str, Sequence[float]], rounds: int, *more: Record, outcome: str = "", **asked: Any) -> State:
    """A run with an open number of rounds, after so many."""
    ended = Result(0, RoundEnded(rounds, 0.5 * rounds))
    return told(maps, more=[ended, *more], outcome=outcome, asked={"repeats": None, **asked})


def answer(maps: Mapping[str, Sequence[float]], rounds: int = 5, **asked: Any) -> ContinueRounds:
    found = steer(after(maps, rounds, **asked))
    assert found is not None
    return found


def spread(milliseconds: float, factors: Sequence[float] = WIDE) -> list[float]:
    return [milliseconds * factor for factor in factors]


def test_only_rounds_of_a_look_are_answered_and_only_where_their_number_is_open() -> None:
    maps = {"serial": about(640, 4), "process 2": about(330, 4)}
    assert steer(after(maps, 4)) is None
    assert steer(after({key: times[:3] for key, times in maps.items()}, 3, repeats=5)) is None
    assert answer(maps, 3).round == 3


def test_who_is_shown_to_lose_drops_out_and_says_to_whom() -> None:
    maps = {"serial": about(640), "thread 2": about(660), "process 2": about(330), "process 4": about(335)}
    found = answer(maps)
    assert found == ContinueRounds(5, {"thread 2": "process 2"}, enough=True)


def test_chunks_of_one_that_lose_at_once_are_repeated_until_their_loss_is_a_finding() -> None:
    """As with a regular expression over short lines: what is far behind after two rounds has too few samples."""
    maps = {
        "serial": [1022.0, 1031, 1019],
        "process 2 c1": [2342.0, 2411, 2368],
        "process 2 c50": [561.0, 549, 556],
        "pool 2 c250": [547.0, 541, 552],
    }
    two = after({key: times[:2] for key, times in maps.items()}, 2, Result(0, RoundEnded(2, 9.0, 3.5)))
    assert steer(two) == ContinueRounds(2, {}, enough=False)
    ended = after(maps, 3, Result(0, RoundEnded(3, 13.5, 3.5)), outcome="finished")
    found = next(one for one in findings.findings(ended, 2) if one.code.startswith("chunks_too_small"))
    assert (found.code, found.holds) == ("chunks_too_small: worse", True)
    assert (found.numbers["chunk"], found.numbers["best_chunk"]) == (1, 50)
    assert found.numbers["gain"] == pytest.approx(2368 / 556)
    assert found.remedy == {"chunksizes": [50]}


def test_the_loops_of_other_pythons_and_what_lies_within_a_twentieth_go_on() -> None:
    maps = {"serial": about(640), "3.13t: serial": about(900), "process 2": about(338), "process 4": about(330)}
    pythons: dict[str, dict[str, Any]] = {"3.11": {}, "3.13t": {}}
    ended = Result(0, RoundEnded(5, 2.0))
    found = steer(told(maps, pythons=pythons, more=[ended], outcome="", asked={"repeats": None}))
    assert found is not None
    assert (found.dropped, found.enough) == ({}, True)


@pytest.mark.parametrize(
    ("maps", "settled"),
    [
        ({"serial": about(640), "process 2": about(330)}, True),
        ({"serial": spread(640), "process 2": spread(330, WIDE[::-1])}, False),  # the gain is known too roughly
        ({"serial": about(1), "process 2": about(90)}, True),  # the loop wins, by however much
        ({"serial": about(100), "process 2": about(100.5), "thread 2": about(101)}, True),  # no pool gains a twentieth
        ({"serial": spread(100), "process 2": spread(101, WIDE[::-1])}, False),
        # A cheaper kind that may be as fast, and isn't surely near.
        ({"serial": about(640), "thread 2": spread(340), "process 2": about(330)}, False),
        ({"serial": about(640), "process 2": about(622)}, True),  # a small gain, known well
        # More workers than CPUs are faster, and surely not by a quarter; or may yet be.
        ({"serial": about(640), "process 2": about(330), "process 4": about(300)}, True),
        ({"serial": about(640), "process 2": about(330), "process 4": spread(270)}, False),
        # The same workers are faster as a Pool, and surely not by a quarter; or may yet be.
        ({"serial": about(640), "process 2": about(370), "pool 2": about(330)}, True),
        ({"serial": about(640), "process 2": about(400), "pool 2": spread(330)}, False),
    ],
    ids=[
        "clear",
        "rough",
        "loop",
        "no gain",
        "open",
        "cheaper open",
        "small gain",
        "beyond",
        "beyond open",
        "Pool",
        "Pool open",
    ],
)
def test_an_answer_is_settled_once_more_rounds_would_hardly_change_it(
    maps: Mapping[str, Sequence[float]], settled: bool
) -> None:
    assert answer(maps).enough is settled


@pytest.mark.parametrize(
    ("maps", "chosen"),
    [
        ({"process 2": about(333), "process 4": about(330), "pool 2": about(331)}, "process 2"),
        ({"thread 2": about(335), "process 2": about(330), "thread 4": about(331)}, "thread 2"),
        ({"process 2": about(330), "process 4": about(240)}, "process 4"),  # surely more than a quarter faster
        # Beyond the usable CPUs a gain has to be large, and surely so.
        ({"process 2": about(380), "process 4": about(330), "process 8": spread(300)}, "process 2"),
        # More workers show that a pool gains, and of those with a CPU each the cheapest that gains is taken.
        ({"process 2": spread(1190, NOISY), "pool 2": spread(1185, NOISY), "process 4": about(1050)}, "process 2"),
        ({"process 1": about(600), "process 2": about(330)}, "process 2"),
        ({"process 2": about(1240), "pool 4": about(1230), "pool 2": about(1235)}, "process 2"),  # a small gain
        # A Pool with the same workers has to be far ahead of the executor, unless that gains nothing.
        ({"process 2": about(380), "pool 2": about(330)}, "process 2"),
        ({"process 2": about(450), "pool 2": about(330)}, "pool 2"),
        ({"process 2": about(1285), "pool 2": about(1150)}, "pool 2"),
    ],
)
def test_of_equals_the_cheapest_is_recommended(maps: Mapping[str, Sequence[float]], chosen: str) -> None:
    now = after({"serial": about(1280), **maps}, 5, outcome="finished")
    found = recommend(now)
    assert found is not None
    assert found.config is not None
    assert found.config.key == chosen


def test_threads_that_compute_under_the_gil_are_not_recommended_for_a_few_percent() -> None:
    """As measured for a function that carries a table: threads take turns on both CPUs, and are a little faster."""
    maps = {"serial": about(565), "thread 2": about(528), "process 2": about(1940), "pool 2": about(940)}
    now = after(maps, 5, outcome="finished")
    found, stated = recommend(now), verdict.verdict(now, 2)
    assert found is not None
    assert stated is not None
    assert (found.maps.outcome, stated.code) == ("small gain", "small gain")
    assert "less than 10%" in stated.headline
    without = recommend(told(maps, pythons={"3.11": {"gil": False}}))
    assert without is not None
    assert (without.maps.outcome, without.config and without.config.key) == ("pool", "thread 2")


def test_more_workers_than_cpus_settle_nothing_before_they_are_far_ahead() -> None:
    """Seen once: too few samples showed that two processes gain, and enough that four do, which ended the run."""
    maps = {
        "serial": [7.3, 7.2, 7.35],
        "process 2": [6.82, 6.4, 7.3],
        "pool 2": [6.9, 5.8, 7.2],
        "process 4": [5.48, 5.4, 5.5],
    }
    found = answer(maps, 3)
    assert (found.enough, found.dropped) == (False, {})


def test_of_more_workers_than_cpus_the_fastest_stands_for_those_that_are_surely_not_far_ahead() -> None:
    maps = {
        "serial": about(7.3, 8),
        "process 2": about(6.7, 8),
        "pool 2": about(6.6, 8),
        "process 4": about(6.1, 8),
        "process 8": about(6.0, 8),
        "pool 8": spread(6.2, [*WIDE, 1.0]),
    }
    found = answer(maps, 8)
    assert (found.dropped, found.not_ahead) == ({}, {"process 4": "pool 2"})  # what spreads so widely may be far ahead
    left_out = Result(0, ConfigurationDropped(8, "pool 2", "beyond CPUs"), "process 4")
    now = after(maps, 8, left_out, outcome="finished")
    (cell,) = [cell for cell in export.which_pool_json(now)["cells"] if (cell["kind"], cell["size"]) == ("process", 4)]
    assert (cell["dropped"]["round"], cell["dropped"]["why"]) == (8, "beyond CPUs")
    slower = Result(0, ConfigurationDropped(8, "pool 2"), "process 4")
    assert export.notes(now) != export.notes(after(maps, 8, slower, outcome="finished"))
    assert answer({**maps, "serial": about(3.0, 8)}, 8).not_ahead == {}  # where all lose to the loop, all are repeated


@pytest.mark.parametrize(("why", "called"), [("beyond CPUs", "fastest of often"), ("slower", "fastest")])
def test_what_was_left_out_without_being_slower_may_be_the_fastest(why: DroppedWhy, called: str) -> None:
    maps = {
        "serial": spread(171),
        "process 2": spread(165, WIDE[::-1]),
        "pool 4": spread(115, WIDE[::-1]),
        "pool 8": spread(101, WIDE[:3]),
    }
    now = after(maps, 7, Result(0, ConfigurationDropped(3, "process 2", why), "pool 8"), outcome="finished")
    found, stated = recommend(now), verdict.verdict(now, 2)
    assert found is not None
    assert stated is not None
    assert (found.config, found.best.key, how_fast(now, found)) == (None, "pool 4", called)
    assert ("repeated often enough" in stated.rest) is (why == "beyond CPUs")


@pytest.mark.parametrize("why", ["beyond CPUs", "slower"])
def test_of_more_workers_than_cpus_that_were_left_out_it_is_said_that_they_were_faster(why: DroppedWhy) -> None:
    maps = {"serial": about(640, 7), "process 2": about(330, 7), "process 4": about(300, 5)}
    now = after(maps, 7, Result(0, ConfigurationDropped(5, "process 2", why), "process 4"), outcome="finished")
    found = recommend(now)
    assert found is not None
    told_of = "faster beyond" in {reason.code for reason in reasons(now, found, 2)}
    assert (faster_beyond_cpus(found) is not None, told_of) == (why == "beyond CPUs", why == "beyond CPUs")


def test_what_was_measured_once_for_want_of_time_does_not_keep_the_others_from_an_answer() -> None:
    maps = {"serial": about(1600, 4), "process 2": about(830, 4), "process 4": about(790, 1), "pool 2": about(835, 4)}
    short = Result(0, ConfigurationDropped(1, "process 2", "no time"), "process 4")
    now = after(maps, 4, short, outcome="finished")
    found = recommend(now)
    assert found is not None
    assert found.config is found.best is now.configs["process 2"]
    assert how_fast(now, found) == "fastest of often"
    (note,) = rounds_notes(now)
    assert "measured once" in note


def test_that_the_same_workers_are_faster_as_a_pool_is_said_and_both_go_on() -> None:
    maps = {"serial": about(640), "process 2": about(370), "pool 2": about(330)}
    assert answer(maps).dropped == {}
    now = after(maps, 5, outcome="finished")
    found = recommend(now)
    assert found is not None
    (told_of,) = [reason for reason in reasons(now, found, 2) if reason.code in ("faster as a Pool", "cheapest")]
    assert (told_of.code, round(told_of.facts["less"], 2)) == ("faster as a Pool", 0.11)


def test_that_the_same_workers_may_be_faster_as_a_pool_is_said_where_that_is_not_shown() -> None:
    maps = {"serial": spread(640), "process 2": spread(370), "pool 2": spread(330, WIDE[::-1])}
    now = after(maps, 7, outcome="finished", repeats=7)
    found = recommend(now)
    assert found is not None
    assert found.config is now.configs["process 2"]
    assert {"process 2", "pool 2"} <= set(found.maps.equal)
    (told_of,) = [reason for reason in reasons(now, found, 2) if reason.code in ("faster as a Pool", "cheapest")]
    assert (told_of.code, told_of.weighty) == ("faster as a Pool", True)


@pytest.mark.parametrize(("pool_ms", "code", "named"), [(330, "call too", "process 2"), (240, "call too", "pool 2")])
def test_for_a_single_call_the_executor_is_recommended_as_for_many(pool_ms: float, code: str, named: str) -> None:
    now = after({"serial": about(640), "process 2": about(370), "pool 2": about(pool_ms)}, 5, outcome="finished")
    found = recommend(now)
    assert found is not None
    assert (found.config, found.for_one_call) == (now.configs[named], now.configs[named])
    (told_of,) = [reason for reason in reasons(now, found, 2) if reason.code.startswith("call")]
    assert (told_of.code, told_of.facts["best"]) == (code, now.configs[named])


def test_more_workers_than_cpus_are_recommended_for_work_that_waits() -> None:
    maps = {"serial": about(640), "thread 2": about(330), "thread 8": about(85)}
    found = recommend(after(maps, 5, outcome="finished", workload="sleep"))
    assert found is not None
    assert found.config is not None
    assert found.config.key == "thread 8"


def test_what_more_time_would_buy_is_said_with_a_remedy() -> None:
    maps = {"serial": spread(640), "process 2": spread(330, WIDE[::-1])}
    ended = Result(0, RoundsEnded("time spent", 7, 30.0))
    now = after(maps, 60, ended, outcome="finished")  # 30 seconds
    found = {finding.code: finding for finding in findings.findings(now, 2)}["unsettled: open"]
    assert (found.holds, found.remedy) == (True, {"seconds": 60.0})
    half, then = found.numbers["half_width"], found.numbers["half_width_then"]
    assert half is not None
    assert then == pytest.approx(half / 2**0.5)
    rounds = export.which_pool_json(now)["rounds"]
    assert (rounds["ended"], rounds["settled"], rounds["more_s"]) == ("time spent", False, 30.0)


def test_an_interval_wider_than_the_gain_is_said_by_its_ends() -> None:
    maps = {"serial": [640.0, 2000.0, 300.0], "process 2": [330.0, 90.0, 900.0]}
    now = after(maps, 60, outcome="finished")
    found = {finding.code: finding for finding in findings.findings(now, 2)}["unsettled: wide"]
    low, high, less = (found.numbers[name] or 0.0 for name in ("low", "high", "narrower"))
    assert (found.holds, bool(found.remedy)) == (True, True)
    assert less == pytest.approx(1 - 0.5**0.5)
    assert all(times(end) in found.sentence for end in (low, high))
    assert found.sentence.count("%") == 1  # by how much more time narrows it


def test_a_settled_answer_asks_for_no_more_time() -> None:
    now = after({"serial": about(640), "process 2": about(330)}, 5, outcome="finished")
    found = {finding.code: finding for finding in findings.findings(now, 2)}["unsettled: settled"]
    assert (found.holds, found.remedy) == (False, {})


@pytest.mark.parametrize(
    ("maps", "settles", "number", "value"),
    [
        # However roughly it is known how far behind the pools are.
        ({"serial": [1.0, 3.0, 0.5], "process 2": [90.0, 300.0, 40.0]}, "none is faster", "least_loss", 40 / 3),
        ({"serial": about(100), "process 2": about(100.5), "thread 2": about(101)}, "none gains", "high", 1.01),
        ({"serial": about(640), "process 2": about(330)}, "figures", "half_width", 0.0),
        ({"serial": about(640), "process 2": about(622)}, "figures", "half_width", 0.0),
    ],
)
def test_a_settled_answer_says_of_a_pool_what_settles_it(
    maps: Mapping[str, Sequence[float]], settles: str, number: str, value: float
) -> None:
    now = after(maps, 5, outcome="finished")
    found = validity.unsettled(now, 2)
    assert (found.code, found.facts["settles"]) == ("settled", Part(settles))
    assert found.facts["config"] is now.configs["process 2"]
    assert found.numbers[number] == pytest.approx(value, abs=0.01)
    assert ("half_width" in found.numbers) == (settles == "figures")


@pytest.mark.parametrize(("factors", "code", "more"), [(SPREAD, "settled, disturbed", False), (WIDE, "open", True)])
def test_a_disturbed_run_asks_for_more_time_only_where_that_may_change_its_answer(
    factors: Sequence[float], code: str, more: bool
) -> None:
    maps = {"serial": spread(640, factors), "process 2": spread(330, factors[::-1])}
    ended = Result(0, RoundEnded(7, 30.0))
    now = told(maps, noise=LOUD, more=[ended], asked={"repeats": None})
    found = {finding.code: finding for finding in findings.findings(now, 2)}
    assert found["run_was_disturbed: judged"].holds
    assert (f"unsettled: {code}" in found, bool(found["run_was_disturbed: judged"].remedy)) == (True, more)


def test_a_dropped_setting_stays_a_loser_whatever_the_machine_does_later() -> None:
    """The leader's later rounds were slow, which the one that had none of them must not gain by."""
    slow = [*about(330, 3), 700.0, 700.0, 700.0, 700.0]
    maps = {"serial": about(1280, 7), "thread 2": about(500, 3), "process 2": slow}
    lost = Result(0, ConfigurationDropped(3, "process 2"), "thread 2")
    now = after(maps, 7, lost, outcome="finished")
    found = recommend(now)
    assert found is not None
    assert (found.best.key, found.maps.compared) == ("process 2", 2)
    (cell,) = [cell for cell in export.which_pool_json(now)["cells"] if cell["kind"] == "thread"]
    assert (cell["dropped"]["round"], cell["dropped"]["lost_to"]["kind"]) == (3, "process")
    assert any("3 rounds" in note for note in export.notes(now))


@pytest.mark.parametrize(
    ("maps", "code"),
    [
        ({"serial": about(100), "process 2": about(100.5), "thread 2": about(101)}, "no gain"),
        ({"serial": spread(100), "process 2": spread(101, WIDE[::-1])}, "undecided"),
    ],
)
def test_that_no_pool_gains_is_told_from_times_that_spread(maps: Mapping[str, Sequence[float]], code: str) -> None:
    stated = verdict.verdict(after(maps, 5, outcome="finished"), 2)
    assert stated is not None
    assert stated.code == code


def test_a_loss_that_is_not_sure_yet_is_not_blamed_on_settings_that_lost() -> None:
    few = {"serial": [0.3, 0.2, 0.24, 0.3, 0.26], "pool 1": [0.31, 1.1, 0.55, 0.9, 0.4], "thread 2": about(40, 3)}
    now = after(few, 5, Result(0, ConfigurationDropped(3, "pool 1"), "thread 2"), outcome="finished")
    stated, advice = verdict.verdict(now, 2), steer(now)
    assert stated is not None
    assert advice is not None
    assert (stated.code, advice.enough) == ("unconfirmed", False)


@pytest.mark.parametrize(("why", "code"), [("beyond CPUs", "others open"), ("slower", "unconfirmed")])
def test_what_was_left_out_without_being_slower_may_still_be_as_fast_as_the_loop(why: DroppedWhy, code: str) -> None:
    few = {"serial": [0.3, 0.2, 0.24, 0.3, 0.26], "pool 1": [0.31, 1.1, 0.55, 0.9, 0.4], "pool 4": [0.25, 0.5, 0.3]}
    now = after(few, 5, Result(0, ConfigurationDropped(3, "pool 1", why), "pool 4"), outcome="finished")
    stated = verdict.verdict(now, 2)
    assert stated is not None
    assert stated.code == code


def test_that_maps_are_timed_in_a_row_is_said_and_in_the_json() -> None:
    maps = {"serial": about(0.1), "process 2": about(0.4)}
    passes = [Result(0, PassesPerSample(number), key) for key, number in (("serial", 500), ("process 2", 125))]
    now = after(maps, 5, *passes, outcome="finished")
    (cell,) = export.which_pool_json(now)["cells"]
    assert (cell["passes"], export.which_pool_json(now)["loops"][0]["passes"]) == (125, 500)
    assert any("125–500" in note for note in export.notes(now))


def test_where_every_pool_loses_to_the_loop_none_is_left_with_fewer_samples() -> None:
    found = answer({"serial": about(1, 3), "process 2": about(90, 3), "process 4": about(190, 3)}, 3)
    assert (found.dropped, found.enough) == ({}, True)


def test_rounds_that_took_longer_than_their_time_ask_for_more_than_they_took() -> None:
    maps = {"serial": spread(640), "process 2": spread(330, WIDE[::-1])}
    now = after(maps, 140, outcome="finished")  # 70 seconds, of 30
    found = {finding.code: finding for finding in findings.findings(now, 2)}["unsettled: open"]
    assert (found.remedy, found.numbers["more_s"]) == ({"seconds": 140.0}, 70.0)
