"""How often either experiment's verdict names a winner where there is none, and finds one where there is."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest
from poolscope.experiments.pool_benchmark import state
from poolscope.experiments.pool_benchmark.params import PoolSizesParams, WhichPoolParams
from poolscope.experiments.pool_benchmark.plan import FEWEST_TO_SETTLE, is_look, planned
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import recommend, steer
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.verdict import _statement, verdict
from poolscope.protocol.payloads import ConfigurationDropped

from tests.experiments.pool_benchmark.invented_runs import machine_facts

# What says of one side that it is faster; all else leaves it open.
WINNERS = {"use", "other loop", "small gain", "loop", "too small"}
CALL_WINNERS = {"call loop", "call small gain", "call too", "call other"}
TRIALS = 100
REPETITIONS = 5
MOST_ROUNDS = 27  # of a run that ends by the clock where nothing is settled


def pool_sizes(sizes: Sequence[int], repeats: int | None = REPETITIONS) -> State:
    return state.initial(PoolSizesParams(workload="sum-of-squares", sizes=list(sizes), repeats=repeats))


def which_pool(sizes: Sequence[int], repeats: int | None = REPETITIONS) -> State:
    """So many configurations of several kinds."""
    kinds = ("thread", "process", "pool")
    settings = [planned("3.11", kinds[i % len(kinds)], size, items=40) for i, size in enumerate(sizes)]
    configs = [planned("3.11", "serial", items=40), *settings]
    return replace(
        state.initial(WhichPoolParams(repeats=repeats)),
        pythons=(state.Python("3.11"),),
        machine=machine_facts(),
        configs={config.key: Configuration.of(config) for config in configs},
    )


def run_with(plan: State, times: Mapping[str, tuple[float, ...]]) -> State:
    """The run at its end; start-up and shutdown take no time, so that a single call is no different either."""
    configs = {
        key: replace(config, map=times[key])
        if config.serial
        else replace(config, map=times[key], start=(1e-9,) * REPETITIONS, stop=(1e-9,) * REPETITIONS)
        for key, config in plan.configs.items()
    }
    return replace(plan, configs=configs, outcome="finished")


def codes(now: State) -> set[str]:
    """What the verdict and its reasons are known by; the verdict itself would find all of that a second time."""
    recommendation = recommend(now)
    assert recommendation is not None
    _, behind, _ = _statement(now, recommendation, 2)
    return {behind.removesuffix(", behind"), *(reason.code for reason in reasons(now, recommendation, 2))}


def samples(rng: random.Random, spread: float, count: int = REPETITIONS) -> tuple[float, ...]:
    """Log-normal about 0.1 s, and one in 25 held up by something else."""
    return tuple(
        0.1 * rng.lognormvariate(0, spread) * (1 + rng.expovariate(2) * (rng.random() < 0.04)) for _ in range(count)
    )


@pytest.mark.parametrize("unequal", [False, True], ids=["equal spread", "unequal spread"])
@pytest.mark.parametrize("count", [4, 8, 16])
@pytest.mark.parametrize("experiment", [pool_sizes, which_pool])
def test_without_a_difference_hardly_any_verdict_names_a_winner(
    experiment: Callable[[Sequence[int]], State], count: int, unequal: bool
) -> None:
    rng, plan = random.Random(1000 * count + unequal), experiment(range(1, count + 1))
    winners = []
    for _ in range(TRIALS):
        spreads = {key: 0.005 * 20 ** rng.random() if unequal else 0.03 for key in plan.configs}
        now = run_with(plan, {key: samples(rng, spread) for key, spread in spreads.items()})
        if codes(now) & (WINNERS | CALL_WINNERS):
            winners.append(str(verdict(now, 2)))
    assert len(winners) <= 5, winners


@pytest.mark.parametrize("count", [4, 8, 16])
@pytest.mark.parametrize("experiment", [pool_sizes, which_pool])
def test_a_pool_that_is_half_as_fast_again_is_found(experiment: Callable[[Sequence[int]], State], count: int) -> None:
    rng, plan, found = random.Random(count), experiment(range(1, count + 1)), 0
    best = [key for key, config in plan.configs.items() if not config.serial][1]
    for _ in range(20):
        times = {key: tuple(rng.lognormvariate(0, 0.03) for _ in range(REPETITIONS)) for key in plan.configs}
        times[best] = tuple(seconds / 1.5 for seconds in times[best])
        now = run_with(plan, times)
        recommendation = recommend(now)
        assert recommendation is not None
        found += "use" in codes(now) and recommendation.config == now.configs[best]
    assert found >= 19


def test_where_some_gain_hardly_any_verdict_recommends_one_that_does_not() -> None:
    """Once some are shown to gain, each of the others is asked alone; the cheap ones here are as slow as the loop."""
    rng, plan, wrong = random.Random(8), which_pool(range(1, 9)), []
    dear = [key for key, config in plan.configs.items() if config.kind == "pool"]
    for _ in range(TRIALS):
        times = {key: samples(rng, 0.03) for key in plan.configs}
        times |= {key: tuple(seconds / 1.15 for seconds in times[key]) for key in dear}
        recommendation = recommend(run_with(plan, times))
        assert recommendation is not None
        config = recommendation.config
        if recommendation.maps.outcome == "pool" and config is not None and config.key not in dear:
            wrong.append(config.key)
    assert len(wrong) <= 5, wrong


def test_the_caution_for_the_best_of_many_is_for_gains_and_for_several() -> None:
    """Of a single configuration nothing is the best of one."""
    rng, single = random.Random(5), pool_sizes([2])
    stated = {
        code
        for _ in range(TRIALS)
        for code in codes(run_with(single, {key: samples(rng, 0.05) for key in single.configs}))
    }
    assert "luckiest" not in stated
    assert "undecided" in stated


def test_the_loop_wins_where_every_interval_lies_below_1() -> None:
    loop = (0.100, 0.104, 0.096, 0.110, 0.101)
    six = pool_sizes(range(1, 7))
    times = {key: loop if config.serial else tuple(1.25 * t for t in loop) for key, config in six.configs.items()}
    now = run_with(six, times)
    recommendation = recommend(now)
    assert recommendation is not None
    assert (recommendation.gain.high or 2) < 1
    assert codes(now) & WINNERS == {"too small"}
    stated = verdict(now, 2)
    assert stated is not None
    assert stated.code in codes(now)


# With the stopping rule: rounds until the answer is settled, and no more for who loses.


def played(plan: State, draw: Callable[[str], float]) -> State:
    """A run at its end that made as many rounds as it took, as body and server make them; `draw` times one map."""
    maps: dict[str, list[float]] = {key: [] for key in plan.configs}
    dropped: dict[str, ConfigurationDropped] = {}

    def after(rounds: int) -> State:
        configs = {
            key: replace(
                config,
                map=tuple(maps[key]),
                start=() if config.serial else (1e-9,) * len(maps[key]),
                stop=() if config.serial else (1e-9,) * len(maps[key]),
                dropped=dropped.get(key),
            )
            for key, config in plan.configs.items()
        }
        return replace(plan, configs=configs, rounds=rounds)

    for rounds in range(1, MOST_ROUNDS + 1):
        for key in [key for key in maps if key not in dropped]:
            maps[key].append(draw(key))
        advice = steer(after(rounds)) if is_look(rounds) else None
        if advice is not None:
            left_out = {**advice.not_ahead, **advice.dropped}
            dropped |= {key: ConfigurationDropped(rounds, lost_to) for key, lost_to in left_out.items()}
            if advice.enough and rounds >= FEWEST_TO_SETTLE:
                break
    return replace(after(rounds), outcome="finished")


def test_looking_again_and_again_finds_no_more_false_winners() -> None:
    runs, winners, lengths = 0, [], []
    for count in (4, 8, 16):
        for unequal in (False, True):
            rng, plan = random.Random(10 * count + unequal), which_pool(range(1, count + 1), None)
            for _ in range(20):
                spreads = {key: 0.005 * 20 ** rng.random() if unequal else 0.03 for key in plan.configs}

                def draw(key: str, rng: random.Random = rng, spreads: Mapping[str, float] = spreads) -> float:
                    return samples(rng, spreads[key], 1)[0]

                long = replace(plan, round_s=10.0 * (runs % 2))  # after which who is far behind drops out sooner
                now = played(long, draw)
                runs += 1
                lengths.append(now.rounds)
                if codes(now) & (WINNERS | CALL_WINNERS):
                    winners.append(str(verdict(now, 2)))
    assert len(winners) <= 0.05 * runs, winners
    assert min(lengths) < MOST_ROUNDS  # that no pool gains is settled as well


@pytest.mark.parametrize("count", [4, 8, 16])
def test_a_pool_that_gains_three_tenths_is_found_and_ends_the_run(count: int) -> None:
    rng, plan, found, lengths = random.Random(count), which_pool(range(1, count + 1), None), 0, []
    best = [key for key, config in plan.configs.items() if not config.serial][1]
    for _ in range(10):
        now = played(plan, lambda key: samples(rng, 0.04, 1)[0] / (1.3 if key == best else 1))
        recommendation = recommend(now)
        assert recommendation is not None
        found += "use" in codes(now) and recommendation.config == now.configs[best]
        lengths.append(now.rounds)
        losers = [config for config in now.configs.values() if config.dropped]
        assert all(len(config.map) == config.dropped.round for config in losers if config.dropped)
        assert {config.dropped.lost_to for config in losers if config.dropped} <= {best}
    assert found == 10
    assert sum(lengths) / len(lengths) < MOST_ROUNDS / 2
