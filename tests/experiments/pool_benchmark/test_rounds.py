"""Rounds whose number is left open, with real runners: when they end, who drops out, and how long a sample lasts."""

from __future__ import annotations

from typing import TypeVar

from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.experiments.pool_benchmark.plan import LOOKS, is_look, looks
from poolscope.protocol.commands import ContinueRounds
from poolscope.protocol.payloads import (
    ConfigurationDropped,
    ConfigurationSkipped,
    GarbageCollections,
    PassesPerSample,
    Payload,
    RoundEnded,
    RoundsEnded,
    TraceSummary,
)
from poolscope.protocol.records import Progress, Record, Result, Sample
from poolscope.stats.comparison import spent_on_look

from tests.children import Child, end_of, perform, runner

P = TypeVar("P", bound=Payload)
WAITING = {"workload": "square-sleep", "work_ms": 15.0, "last": 4}


def open_ended(**changes: object) -> PoolSizesParams:
    return PoolSizesParams.model_validate({"sizes": [1, 4], "seconds": 1, **WAITING, **changes})


def payloads(records: list[Record], payload: type[P]) -> list[tuple[str, P]]:
    found = [record for record in records if isinstance(record, Result)]
    return [(record.config, record.payload) for record in found if isinstance(record.payload, payload)]


def rounds_of(records: list[Record], config: str) -> list[int]:
    maps = [record for record in records if isinstance(record, Sample) and record.name == "map"]
    return [record.repetition for record in maps if record.config == config]


def answer_rounds(child: Child, dropped: dict[str, str], settled_at: int) -> list[Record]:
    """Be the server of a run: drop these at the first look, and have enough at that round."""
    while True:
        record = child.until(lambda record: isinstance(record, Result))
        assert isinstance(record, Result)
        if isinstance(record.payload, RoundEnded) and is_look(record.payload.round):
            number = record.payload.round
            child.say(ContinueRounds(number, dropped if number == LOOKS[0] else {}, number >= settled_at))
        if isinstance(record.payload, RoundsEnded):
            return child.to_the_end()


def test_the_level_is_spent_on_every_look_and_on_the_end() -> None:
    assert [looks(rounds) for rounds in (0, 1, 2, 3, 4, 5, 6, 8, 9)] == [1, 1, 1, 2, 3, 3, 4, 4, 5]
    parts = [spent_on_look(0.01, looks(rounds)) for rounds in LOOKS]
    assert sum(parts) < 0.01
    assert parts[1:] == sorted(parts[1:], reverse=True)


def test_without_an_answer_rounds_go_on_until_the_time_is_spent() -> None:
    records = perform("pool-sizes", open_ended(sizes=[2], work_ms=60.0, last=2, seconds=4).arguments())
    assert end_of(records).outcome == "finished"
    ((_, ended),) = payloads(records, RoundsEnded)
    assert ended.why == "time spent"
    assert [payload.round for _, payload in payloads(records, RoundEnded)] == list(range(1, ended.rounds + 1))
    rounds = rounds_of(records, "2 workers")
    assert rounds == list(range(len(rounds)))
    assert ended.rounds >= 1
    assert len(rounds) in (ended.rounds, ended.rounds + 1)  # the last round may have had no time for all
    assert not payloads(records, ConfigurationDropped)
    steps = [record for record in records if isinstance(record, Progress)]
    assert (steps[-1].done, steps[-1].seconds_left) == (steps[-1].total, 0.0)


def test_who_is_dropped_gets_no_more_rounds_and_a_settled_answer_ends_them() -> None:
    with runner("pool-sizes", open_ended(seconds=600).arguments()) as child:
        records = answer_rounds(child, {"1 workers": "4 workers", "serial": "4 workers"}, settled_at=5)
    assert end_of(records).outcome == "finished"
    assert payloads(records, ConfigurationDropped) == [("1 workers", ConfigurationDropped(2, "4 workers"))]
    assert rounds_of(records, "1 workers") == [0, 1, 2]
    assert rounds_of(records, "4 workers") == rounds_of(records, "serial") == [0, 1, 2, 3, 4, 5]
    ((_, ended),) = payloads(records, RoundsEnded)
    assert (ended.why, ended.rounds) == ("settled", 5)
    assert {key for key, _ in payloads(records, GarbageCollections)} == {"serial", "1 workers", "4 workers"}


def traced_in(records: list[Record]) -> dict[str, int]:
    """After which rounds each configuration was traced."""
    found, rounds = {}, 0
    for record in records:
        if isinstance(record, Result) and isinstance(record.payload, RoundEnded):
            rounds = record.payload.round
        if isinstance(record, Result) and isinstance(record.payload, TraceSummary):
            found[record.config] = rounds
    return found


def test_long_maps_are_timed_alone_and_traced_as_they_warm_up() -> None:
    with runner("pool-sizes", open_ended(sizes=[1], work_ms=60.0, seconds=600).arguments()) as child:
        records = answer_rounds(child, {}, settled_at=3)
    assert traced_in(records) == {"1 workers": 0}
    assert not payloads(records, PassesPerSample)


def test_short_maps_are_timed_in_a_row_and_traced_at_the_end_and_two_rounds_are_too_few_to_be_settled() -> None:
    asked = open_ended(workload="square", sizes=[1], last=3, work_ms=None, seconds=600)
    with runner("pool-sizes", asked.arguments()) as child:
        records = answer_rounds(child, {}, settled_at=2)
    passes = {key: payload.passes for key, payload in payloads(records, PassesPerSample)}
    assert passes.keys() == {"serial", "1 workers"}
    assert passes["serial"] > passes["1 workers"] > 10
    ((_, ended),) = payloads(records, RoundsEnded)
    assert (ended.why, ended.rounds) == ("settled", 3)
    assert traced_in(records) == {"1 workers": 3}


def test_without_time_for_a_warm_up_the_loop_comes_first_and_all_ends_in_time() -> None:
    asked = open_ended(sizes=[2, 4, 1], work_ms=500.0, last=4, seconds=2)
    records = perform("pool-sizes", asked.arguments())
    maps = [record.config for record in records if isinstance(record, Sample) and record.name == "map"]
    assert maps[0] == "serial"
    assert len(set(maps)) == len(maps)  # a single round, and no warm-up
    late = {key for key, _ in payloads(records, ConfigurationSkipped)}
    assert late | set(maps) == {"serial", "1 workers", "2 workers", "4 workers"}
    assert "1 workers" in late  # it would take as long as the loop, which took all of the time
    assert end_of(records).outcome == "finished"


def test_a_run_that_waits_for_its_server_stops_at_once() -> None:
    with runner("pool-sizes", open_ended(seconds=600).arguments()) as child:
        while rounds_of(child.seen, "serial")[-1:] != [LOOKS[0]]:
            child.until(lambda record: isinstance(record, Result) and isinstance(record.payload, RoundEnded))
        child.stop()
        records = child.to_the_end()
    assert end_of(records).outcome == "stopped"
    assert not payloads(records, RoundsEnded)
    assert rounds_of(records, "serial")[-1] <= 4
