"""Which configurations a run compares, which can't do the work, and how long each may take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.plan import (
    WorkCost,
    configurations,
    hardly_ahead,
    in_words,
    keeps_one_cpu_busy,
    kinds_to_measure,
    limits_of_native_threads,
    planned,
    repetition_s,
    run_s,
    why_unfit,
)
from poolscope.protocol.arguments import BenchmarkArguments, BenchmarkWork
from poolscope.protocol.kinds import KINDS
from poolscope.protocol.payloads import InterpreterFacts, PlannedConfiguration, TrialReport

from tests.experiments.pool_benchmark.invented_runs import interpreter, trial

ITEMS = 10
FACTS: InterpreterFacts = interpreter(kinds={**dict.fromkeys(KINDS), "interpreter": "It came with 3.14."})
SEEN: TrialReport = trial(count=ITEMS, call_s=(0.1, 0.1), cpu_s=(0.1, 0.1), pickle_s=0.0)
ASYNC = replace(SEEN, coroutine=True, is_async=True)


def wanted(**changes: Any) -> BenchmarkArguments:
    return BenchmarkArguments(**{"work": BenchmarkWork("square"), "kinds": (), "sizes": (2,), "repeats": 5, **changes})


def keys(arguments: BenchmarkArguments, seen: TrialReport = SEEN) -> list[str]:
    kinds = kinds_to_measure(arguments, FACTS, seen)
    return [config.key for config in configurations(arguments, "3.11", kinds, FACTS.start_method, ITEMS)]


def config(kind: str, size: int = 2, start_method: str = "", chunksize: int = 0, **more: Any) -> PlannedConfiguration:
    return planned("3.11", kind, size, start_method, chunksize, items=ITEMS, **more)


def test_without_a_wish_there_is_every_kind_that_fits() -> None:
    assert keys(wanted()) == ["3.11 serial", "3.11 thread 2", "3.11 process fork 2 c0", "3.11 pool fork 2 c0"]
    assert keys(wanted(), replace(SEEN, coroutine=True))[-1] == "3.11 asyncio 2"


def test_engines_have_chunks_but_neither_start_methods_nor_replaced_workers() -> None:
    asked = wanted(kinds=("loky", "process"), chunksizes=(0, 4), start_methods=("spawn",), max_tasks=(0, 3))
    assert [key for key in keys(asked) if "loky" in key] == ["3.11 loky 2 c0", "3.11 loky 2 c4"]
    unnamed = replace(SEEN, unpicklable={"function": "It is a lambda."})
    facts = replace(FACTS, kinds={**FACTS.kinds, "joblib": "It is not installed."})
    assert why_unfit(config("process"), facts, unnamed) == "It is a lambda."
    assert why_unfit(config("loky"), facts, unnamed) is None
    assert why_unfit(config("executor"), facts, unnamed) == "It is a lambda."
    assert why_unfit(config("joblib"), facts, SEEN) == "It is not installed."


def test_what_was_asked_for_by_name_is_there_even_if_it_can_not() -> None:
    assert keys(wanted(kinds=("asyncio", "interpreter"))) == ["3.11 serial", "3.11 interpreter 2", "3.11 asyncio 2"]


def test_start_methods_and_chunk_sizes_vary_for_processes_alone() -> None:
    found = keys(wanted(kinds=("pool", "thread"), sizes=(2, 4), chunksizes=(0, 5), start_methods=("fork", "spawn")))
    assert found[:3] == ["3.11 serial", "3.11 thread 2", "3.11 thread 4"]
    assert len(found) == len(set(found)) == 3 + 2 * 2 * 2
    assert "3.11 pool spawn 4 c5" in found


def test_workers_that_are_replaced_are_an_axis_of_processes() -> None:
    found = keys(wanted(kinds=("pool", "thread"), max_tasks=(0, 5), start_methods=("spawn",)))
    assert found == ["3.11 serial", "3.11 thread 2", "3.11 pool spawn 2 c0", "3.11 pool spawn 2 c0 t5"]


def test_an_executor_that_replaces_its_workers_spawns_them_and_is_compared_with_its_like() -> None:
    found = keys(wanted(kinds=("process", "pool"), max_tasks=(0, 5)))
    assert found[1:4] == ["3.11 process fork 2 c0", "3.11 process spawn 2 c0", "3.11 process spawn 2 c0 t5"]
    assert found[4:] == ["3.11 pool fork 2 c0", "3.11 pool fork 2 c0 t5"]


@pytest.mark.parametrize(
    ("each", "mended", "said"),
    [
        (config("process", start_method="fork", max_tasks=1), True, "refuses fork"),
        (config("process", start_method="spawn", max_tasks=5), False, "gh-115634"),
        (config("process", start_method="spawn", max_tasks=5), True, None),
        # With one task each there is nothing to mistake, and with more than there are nobody is replaced.
        (config("process", start_method="spawn", max_tasks=1), False, None),
        (config("process", start_method="spawn", max_tasks=ITEMS + 1), False, None),
        (config("process", start_method="spawn", chunksize=5, max_tasks=3), False, None),
        (config("pool", start_method="fork", max_tasks=5), False, None),
    ],
)
def test_where_an_executor_can_not_replace_its_workers_is_known(
    each: PlannedConfiguration, mended: bool, said: str | None
) -> None:
    why = why_unfit(each, replace(FACTS, executor_replaces=mended), SEEN)
    assert (why is None) if said is None else (said in str(why))


def test_in_the_runs_own_process_a_pool_is_named_by_its_workers() -> None:
    found = configurations(wanted(kinds=("pool",), sizes=(2, 4)), "", ["pool"], "fork", ITEMS)
    assert [each.key for each in found] == ["serial", "2 workers", "4 workers"]


@pytest.mark.parametrize(
    ("each", "used", "spare"),
    [
        (config("serial", 1), 1, 0),
        (config("thread", 16), 1, 6),
        (config("pool", 2), 2, 0),
        (config("pool", 4, chunksize=5), 5, 2),
        (config("process", 4), 1, 0),
        (config("process", 4, chunksize=5), 5, 2),
        (config("pool", 2, method="imap"), 1, 0),
        (config("pool", 2, chunksize=5, method="imap_unordered"), 5, 0),
        (config("pool", 2, method="apply_async"), 1, 0),
    ],
    ids=lambda value: f"{value.key} {value.method}" if isinstance(value, PlannedConfiguration) else "",
)
def test_the_plan_has_the_chunk_and_who_will_have_nothing_to_do(
    each: PlannedConfiguration, used: int, spare: int
) -> None:
    assert (each.chunk_used, each.spare_workers) == (used, spare)


@pytest.mark.parametrize(
    ("each", "seen", "why"),
    [
        (config("interpreter"), SEEN, "It came with 3.14."),
        (config("pool", start_method="forkserver"), SEEN, "This Python has no start method forkserver."),
        (config("asyncio"), SEEN, "tasks:parse has no form as an async def"),
        (config("thread"), ASYNC, "tasks:parse is an async def"),
        (config("process"), replace(SEEN, unpicklable={"item": "I.", "result": "R."}), "I. R."),
    ],
)
def test_a_configuration_that_can_not_do_the_work_says_why(
    each: PlannedConfiguration, seen: TrialReport, why: str
) -> None:
    assert str(why_unfit(each, FACTS, seen)).startswith(why)


@pytest.mark.parametrize("kind", ["serial", "thread", "asyncio"])
def test_what_can_not_be_pickled_hurts_processes_alone(kind: str) -> None:
    seen = replace(SEEN, coroutine=True, unpicklable={"function": "F."})
    assert why_unfit(config(kind), FACTS, seen) is None


def test_a_function_without_a_name_is_tried_in_an_interpreter() -> None:
    seen, facts = replace(SEEN, unpicklable={"function": "F."}), interpreter(kinds=dict.fromkeys(KINDS))
    assert why_unfit(config("interpreter"), facts, seen) is None
    assert why_unfit(config("interpreter"), facts, replace(seen, unpicklable={"function": "F.", "item": "I."})) == "I."


def test_sentences_name_a_configuration_in_words() -> None:
    each = [config("serial", 1), config("thread", 1), config("process"), config("pool"), config("asyncio")]
    words = ["the plain loop", "1 thread", "2 processes", "multiprocessing.Pool(2)", "asyncio with 2 at once"]
    assert [in_words(one) for one in each] == words


def test_an_estimate_knows_who_can_work_at_once() -> None:
    def estimate(kind: str, size: int, gil: bool = True, waits: bool = False) -> float:
        seen = replace(SEEN, cpu_s=(0.0,)) if waits else SEEN
        return repetition_s(config(kind, size), WorkCost.of_trial(seen), gil=gil, cpus=2)

    assert estimate("serial", 1) == pytest.approx(1.0)
    assert estimate("thread", 4) == pytest.approx(1.0, rel=0.01)
    assert estimate("thread", 4, gil=False) == pytest.approx(0.5, rel=0.01)
    assert estimate("thread", 5, waits=True) == pytest.approx(0.2, rel=0.1)
    assert estimate("asyncio", 10, waits=True) == pytest.approx(0.1)
    assert 0.5 < estimate("process", 8) < 1.0


def test_a_run_has_the_warm_up_and_the_traced_repetition_beside_the_counted_ones() -> None:
    loop = config("serial", 1)
    assert run_s([loop], WorkCost(4, 0.1, waits=True), repeats=1, cpus=2) == pytest.approx(3 * 0.4)


def test_each_limit_of_native_threads_has_a_loop_and_only_those_asked_for_have_pools() -> None:
    asked = wanted(kinds=("thread",), sizes=(2,), native_threads=(2, 1))
    assert limits_of_native_threads(asked) == [0, 1, 2]
    found = [
        config.key
        for limit in limits_of_native_threads(asked)
        for config in configurations(asked, "3.11", ["thread"], "fork", 10, limit)
    ]
    assert found == [
        "3.11 serial",
        "3.11 serial native1",
        "3.11 thread 2 native1",
        "3.11 serial native2",
        "3.11 thread 2 native2",
    ]


def test_the_environments_own_limit_can_be_among_them() -> None:
    asked = wanted(kinds=("thread",), sizes=(2,), native_threads=(0, 1))
    assert limits_of_native_threads(asked) == [0, 1]
    assert [config.native_threads for config in configurations(asked, "3.11", ["thread"], "fork", 10)] == [0, 0]


def test_with_time_for_few_rounds_those_with_as_many_workers_as_cpus_get_it() -> None:
    threads, processes = ([config(kind, size) for size in (1, 2, 4)] for kind in ("thread", "process"))
    chunked, alone, cluster = config("process", 8, chunksize=5), config("pool", 8), config("dask", 8)
    found = hardly_ahead([config("serial", 1), *threads, *processes, chunked, alone, cluster], 2)
    one, two, four = threads
    assert found == {one: two, four: two, processes[0]: processes[1], processes[2]: processes[1]}
    # Of more CPUs any number of workers may be the cheapest of equals.
    assert hardly_ahead(threads, 4) == {one: four}
    assert hardly_ahead(threads, 1) == {}


@pytest.mark.parametrize(("cpu_s", "busy"), [(0.1, True), (0.07, False), (0.19, False)])
def test_work_that_waits_or_has_threads_of_its_own_may_gain_by_any_number(cpu_s: float, busy: bool) -> None:
    assert keeps_one_cpu_busy(replace(SEEN, cpu_s=(cpu_s, cpu_s))) is busy
