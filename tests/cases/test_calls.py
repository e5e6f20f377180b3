"""What a call does, as the trial in a real host finds it in many forms: remembered, changed, lazy, carried along."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.breakeven import nearest
from poolscope.experiments.pool_benchmark.findings.dispatch import (
    function_too_large,
    too_large_to_hand_over,
    work_too_small,
)
from poolscope.experiments.pool_benchmark.findings.function import items_changed, results_lazy, results_remembered
from poolscope.experiments.pool_benchmark.plan import planned
from poolscope.experiments.pool_benchmark.reasons import reasons
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.sessions import HowToMeasure, InterpreterSession, needs_fresh_process
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.pool_benchmark.verdict import as_json, verdict
from poolscope.protocol.arguments import BenchmarkWork, InterpreterPath
from poolscope.protocol.commands import OpenWork
from poolscope.protocol.payloads import ItemChange, Parcel, RememberedCalls, TrialReport
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess

from tests.cases.judging import looped, tried
from tests.cases.measuring import HERE, LIMIT_S, StartHost, measured, shared_host, start_host
from tests.experiments.pool_benchmark.invented_runs import about, told
from tests.runner.conftest import context

__all__ = ["context", "shared_host", "start_host"]


def trials(start_host: StartHost, folder: Path, *works: str) -> Iterator[tuple[str, HostProcess, TrialReport]]:
    """The trials of works of one module, in one host."""
    host = start_host(*works)
    for work in works:
        host.open_work(OpenWork(BenchmarkWork(work, str(HERE)), str(folder)), LIMIT_S)
        yield work.partition("@")[0], host, tried(host, folder)


def after(trial: TrialReport, maps: dict[str, list[float]] | None = None) -> State:
    """A run of the user's own work with this trial, whose pools lost by far if nothing else is said."""
    changes = {name: getattr(trial, name) for name in TrialReport.__dataclass_fields__ if name not in ("tag", "count")}
    maps = maps or {"serial": about(0.02), "thread 2": about(0.6), "process 2": about(5)}
    return told(maps, items=trial.count, tried=changes, asked={"workload": "mine:work@items"})


# Remembered


def test_remembered_results_are_told_in_every_form(shared_host: StartHost, tmp_path: Path) -> None:
    forms = ("by_dict", "by_default", "decorated", "by_method", "waiting", "by_own_attribute")
    # A cache that a few calls fill is told from a set-up as well.
    few = ("report@regions", "report_sorted@sorted_regions", "report_pairs@pairs")
    works = [f"remembered:{work}" for work in (*few, *(f"{form}@numbers" for form in forms))]
    for work, _, trial in trials(shared_host, tmp_path, *works):
        assert trial.remembered is not None, work
        assert trial.remembered.how == "per item", work
        assert trial.remembered.first_s > 3 * trial.remembered.again_s, work
        assert trial.changed is None, work
    assert trial.global_state == ("by_own_attribute.seen",)


def test_what_is_no_memory_of_results_is_not_taken_for_one(start_host: StartHost, tmp_path: Path) -> None:
    forms = ("alike", "by_chance", "large_list", "large_text", "large_on_the_way")
    found = trials(start_host, tmp_path, *(f"remembered:{form}@numbers" for form in forms))
    assert {work: trial.remembered for work, _, trial in found if trial.remembered is not None} == {}


def test_a_first_call_that_prepares_all_the_others_is_told_apart(shared_host: StartHost, tmp_path: Path) -> None:
    trial = tried(shared_host("remembered:once@numbers"), tmp_path)
    assert trial.remembered is not None
    assert (trial.remembered.how, trial.remembered.calls) == ("once", 1)
    now = after(trial, {"serial": about(10), "process 2": about(90)})
    assert (results_remembered(now, 2).holds, results_remembered(now, 2).code) == (True, "once")
    long = after(trial, {"serial": about(60_000), "process 2": about(30_000)})
    assert (results_remembered(long, 2).holds, results_remembered(long, 2).code) == (False, "little")


def test_what_a_call_prepares_for_its_own_thread_is_told_apart(shared_host: StartHost, tmp_path: Path) -> None:
    trial = tried(shared_host("remembered:once_a_thread@numbers"), tmp_path)
    assert trial.remembered is not None
    assert (trial.remembered.how, trial.remembered.calls) == ("per thread", 1)
    now = after(trial, {"serial": about(10), "thread 2": about(90)})
    assert (results_remembered(now, 2).holds, results_remembered(now, 2).code) == (True, "per thread")


def test_a_cache_that_knows_the_object_alone_gets_copies(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("remembered:by_object@documents")
    trial = tried(host, tmp_path)
    assert trial.remembered is not None
    assert trial.remembered.how == "per object"
    found = results_remembered(after(trial), 2)
    assert (found.holds, found.code) == (True, "per object")
    looped(host)
    # Every call computes: the second pass takes far more than remembered ones would.
    assert looped(host).map / 1e9 > 12 * 5 * trial.remembered.again_s


def test_what_calls_keep_in_their_item_is_told_from_other_changes(shared_host: StartHost, tmp_path: Path) -> None:
    works = {"remembered:by_property@baskets": ".total", "remembered:by_attribute@baskets": ".sum"}
    for work, _, trial in trials(shared_host, tmp_path, *works):
        assert trial.remembered is not None, work
        assert trial.remembered.how == "per object"
        assert trial.changed is not None
        assert trial.changed.copied
        assert trial.changed.part == works[f"{work}@baskets"]


@pytest.fixture
def session(context: RunContext, tmp_path: Path) -> Iterator[Any]:
    """Opens a work of this folder as a run does."""
    opened = []

    def begin(work: str) -> InterpreterSession:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        here = InterpreterPath("here", sys.executable)
        opened.append(InterpreterSession(context, here, BenchmarkWork(work, str(HERE)), scratch, LIMIT_S))
        opened[-1].enter()
        return opened[-1]

    yield begin
    for one in opened:
        one.end()


def test_where_calls_are_remembered_every_pass_is_a_first_one(session: Any) -> None:
    cold = session("remembered:report@regions")
    memory = cold.trial.remembered
    loops = [cold.measure(planned("here", "serial", items=12), HowToMeasure()) for _ in range(2)]
    # Four regions are computed in each; one that finds them takes microseconds.
    assert all(report.map / 1e9 > 100 * memory.again_s for report in loops)
    assert loops[1].same is True


def test_what_another_process_finds_is_kept_outside(session: Any) -> None:
    folder = Path(tempfile.gettempdir(), f"remembered-{os.getpid()}")
    try:
        trial = session("remembered:by_file@numbers").trial
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert trial.remembered.how == "outside"
    # Its first pass, in which most items are cold, says nothing either.
    cold_ms = trial.remembered.first_s * trial.count * 1e3
    now = after(trial, {"serial": about(cold_ms), "process 2": about(0.1 * cold_ms)})
    assert results_remembered(now, 2).code == "kept outside"
    assert as_json(now, 2)["kind"] is None  # type: ignore[index]


def test_no_verdict_comes_from_results_that_are_kept_elsewhere() -> None:
    memory = RememberedCalls("per item", first_s=0.0035, again_s=6e-6, calls=6)
    kept = {"remembered": memory, "call_s": (0.0035,) * 6, "again_s": (6e-6,) * 6}

    def run(**maps: float) -> State:
        pools = {name.replace("_", " "): about(ms) for name, ms in maps.items()}
        return told(pools, items=12, tried=kept, asked={"workload": "mine:work@items"})

    now = run(serial=0.02, thread_2=0.6, process_2=5)  # a pass in a new process was as short as a repeated one
    found, stated, as_told = results_remembered(now, 2), verdict(now, 2), as_json(now, 2)
    assert (found.holds, found.code) == (True, "kept outside")
    assert stated is not None
    assert stated.code == "kept"
    assert as_told is not None
    assert (as_told["kind"], as_told["outcome"]) == (None, "kept")
    first_run = run(serial=42, process_2=21)
    assert results_remembered(first_run, 2).code == "per item"
    assert as_json(first_run, 2)["kind"] == "process"  # type: ignore[index]


# Changed


def test_a_changed_item_is_seen_in_every_form(shared_host: StartHost, tmp_path: Path) -> None:
    works = ["sorts@routes", "empties@queues", "fills@entries", "deeply@entries", "in_place@blocks", "weighs@parcels"]
    parts = {"changed:fills": "'total'", "changed:deeply": "'parts'", "changed:weighs": ".weight"}
    for work, host, trial in trials(shared_host, tmp_path, *(f"changed:{work}" for work in works)):
        assert trial.changed is not None, work
        assert trial.changed.copied, work
        assert trial.changed.part == parts.get(work), work
        assert trial.repeats_equal is True, work
        assert trial.changed.returned == (work != "changed:fills"), work
        assert [looped(host).same for _ in range(2)] == [True, True], work
        assert measured(host, "thread").same is True, work
        found = items_changed(after(trial), 2)
        assert (found.holds, found.code) == (True, "nothing returned" if work == "changed:fills" else "changed")


def test_one_item_that_is_changed_late_is_seen_in_the_first_pass(shared_host: StartHost, tmp_path: Path) -> None:
    host = shared_host("changed:sorts_one@late")
    assert tried(host, tmp_path).changed is None
    first = looped(host).changed
    assert first is not None
    assert (first.item, first.kind, first.copied) == (7, "list", True)
    assert looped(host).changed is None  # the items are fresh now


def test_items_that_can_not_be_copied_have_a_process_for_each_pass(session: Any) -> None:
    apart = session("changed:takes@baskets")
    assert (apart.trial.changed.kind, apart.trial.changed.copied) == ("Basket", False)
    # In a process in which its items were used, the results would be others.
    assert apart.measure(planned("here", "serial", items=8), HowToMeasure()).same is True
    assert apart.measure(planned("here", "thread", 2, items=8), HowToMeasure()).same is True


def test_a_stream_that_is_used_up_and_what_can_be_used_once_need_a_process_too(
    shared_host: StartHost, tmp_path: Path
) -> None:
    works = {"changed:consumes@streams": "generator", "changed:uses@tickets": "Ticket"}
    for kind, (work, _, trial) in zip(works.values(), trials(shared_host, tmp_path, *works), strict=True):
        assert trial.changed is not None, work
        assert (trial.changed.kind, trial.changed.copied, trial.raised) == (kind, False, None), work
        assert trial.repeats_equal is None, work
        assert needs_fresh_process(trial), work


def test_a_call_that_only_reads_changes_nothing(shared_host: StartHost, tmp_path: Path) -> None:
    seen = list(trials(shared_host, tmp_path, "changed:reads@routes", "changed:locks@baskets"))
    assert [(trial.changed, trial.items_known) for _, _, trial in seen] == [(None, True), (None, False)]
    codes = [(items_changed(after(trial), 2).holds, items_changed(after(trial), 2).code) for _, _, trial in seen]
    assert codes == [(False, "unchanged"), (None, "can't compare")]


def test_processes_are_not_recommended_silently_where_their_work_is_lost() -> None:
    changed = ItemChange(0, "dict", copied=True, returned=False, part="'total'")
    maps = {"serial": about(640), "process 2": about(330)}
    now = told(maps, items=8, tried={"changed": changed}, asked={"workload": "mine:work@items"})
    recommendation = recommend(now)
    assert recommendation is not None
    assert "changes lost" in [reason.code for reason in reasons(now, recommendation, 2)]


# Lazy


def test_a_lazy_result_is_told_in_every_form(shared_host: StartHost, tmp_path: Path) -> None:
    kinds = {
        "windows": "generator",
        "mapped": "iterator",
        "chained": "iterator",
        "named": "generator",
        "submitted": "future",
        "streamed": "async generator",
        "planned": "task graph",
        "thunk": "callable",
        "opened": "iterator",
        "paged": "iterator",
        "entered_later": "context manager",
        "loaded_first": "context manager",
        "in_session": "context manager",
    }
    for work, _, trial in trials(shared_host, tmp_path, *(f"unfinished:{name}@sizes" for name in kinds)):
        kind = kinds[work.removeprefix("unfinished:")]
        assert trial.lazy is not None, work
        assert (trial.lazy.kind, trial.lazy.within) == (kind, "tuple" if "named" in work else None)
        if kind in ("future", "task graph"):
            assert trial.lazy.consumed_s is None
        else:
            count = 1 if kind in ("callable", "context manager") else 5
            assert (trial.lazy.consumed, trial.lazy.complete) == (count, True)
            assert (trial.lazy.consumed_s or 0.0) > trial.lazy.call_s
        now = after(trial)
        found, stated, as_told = results_lazy(now, 2), verdict(now, 2), as_json(now, 2)
        assert (found.holds, found.code) == (True, kind)
        assert stated is not None
        assert stated.code == "lazy"
        assert as_told is not None
        assert (as_told["kind"], as_told["outcome"]) == (None, "lazy")


def test_what_a_call_leaves_at_work_is_told(shared_host: StartHost, tmp_path: Path) -> None:
    names = {
        "in_background": "cat",
        "in_background_of_a_shell": "cat",
        "in_short_background": "python",
        "in_a_thread": "sender",
        "in_a_short_thread": "sender",
    }
    for work, _, trial in trials(shared_host, tmp_path, *(f"unfinished:{name}@sizes" for name in names)):
        name = work.removeprefix("unfinished:")
        assert trial.lazy is not None, work
        assert trial.lazy.kind == ("thread" if "thread" in work else "process"), work
        assert trial.lazy.name.startswith(names[name]), work
        assert trial.lazy.complete
        now = after(trial)
        found, stated = results_lazy(now, 2), verdict(now, 2)
        assert (found.holds, found.code) == (True, trial.lazy.kind)
        assert stated is not None
        assert stated.code == "lazy"


def test_a_result_that_is_there_is_not_lazy(shared_host: StartHost, tmp_path: Path) -> None:
    names = ("listed", "spanned", "done", "found", "keeps_a_worker", "reads_to_the_end", "says_and_ends")
    works = [f"unfinished:{name}@sizes" for name in names]
    found = trials(shared_host, tmp_path, *works)
    assert {work: trial.lazy for work, _, trial in found if trial.lazy is not None} == {}


def test_a_def_that_gives_a_coroutine_is_awaited(session: Any) -> None:
    handing = session("unfinished:hands_on@sizes")
    assert (handing.trial.is_async, handing.trial.coroutine, handing.trial.lazy) == (True, True, None)
    assert handing.measure(planned("here", "serial", items=6), HowToMeasure()).same is True
    handing.end()  # another process knows it too
    assert handing.measure(planned("here", "asyncio", 2, items=6), HowToMeasure()).same is True


# Carried along


def test_data_that_the_function_carries_is_weighed_in_every_form(shared_host: StartHost, tmp_path: Path) -> None:
    works = [f"carried:{name}@orders" for name in ("by_partial", "nested", "by_method", "by_object")]
    for work, _, trial in trials(shared_host, tmp_path, *works):
        assert trial.parcel is not None, work
        assert trial.parcel.size > 80_000, work
        message_ms = trial.parcel.seconds * 1e3
        maps = {
            "serial": about(12 * 0.1 * message_ms),
            "process 2": about(12 * message_ms),
            "pool 2": about(6 * message_ms),
        }
        now = after(trial, maps)
        found = function_too_large(now, 2)
        assert (found.holds, found.code) == (True, "too large"), work
        assert found.facts["messages"] == 12
        assert found.facts["function_cost_s"] == pytest.approx(12 * trial.parcel.seconds)
        assert found.remedy == {"chunksizes": [6]}
        assert found.lost_share is not None
        assert found.lost_share > 0.5
        assert too_large_to_hand_over(now, 2).holds is False
        assert work_too_small(now, 2).holds is None
        stated = verdict(now, 2)
        assert stated is not None
        assert stated.code == "loop"


def test_a_function_that_is_sent_by_its_name_is_small(shared_host: StartHost, tmp_path: Path) -> None:
    for work, _, trial in trials(shared_host, tmp_path, "carried:from_module@orders", "carried:small@orders"):
        assert trial.parcel is not None, work
        assert trial.parcel.size < 1000, work
        found = function_too_large(after(trial), 2)
        assert (found.holds, found.code) == (False, "small"), work


def test_threads_are_sent_no_function() -> None:
    for parcel, code in ((Parcel(400_000, 0.001, 0.001), "not handed over"), (None, "unknown")):
        maps = {"serial": about(20), "thread 2": about(21)} | ({} if parcel else {"process 2": about(30)})
        found = function_too_large(told(maps, items=12, tried={"parcel": parcel}, asked={"workload": "mine:w@i"}), 2)
        assert (found.holds, found.code) == (None, code)


# What a pool's map takes longer by


def test_what_workers_do_beside_the_work_is_no_reason_for_longer_items() -> None:
    kept = RememberedCalls("per item", first_s=0.035, again_s=1e-6, calls=3)
    once = RememberedCalls("once", first_s=0.1, again_s=0.001, calls=1)
    runs = [
        (kept, {"serial": about(70), "process 2 fork": about(140)}, (False, "own caches")),
        (kept, {"serial": about(420), "process 2 fork": about(500)}, (True, None)),
        (once, {"serial": about(12), "process 2 spawn": about(110)}, (False, "set up")),
        (once, {"serial": about(12), "process 2 fork": about(110)}, (True, None)),
    ]
    for memory, maps, said in runs:
        near = nearest(told(maps, items=12, tried={"remembered": memory}, asked={"workload": "mine:work@items"}), 2)
        assert near is not None
        assert (near.is_told, near.why_not) == said
