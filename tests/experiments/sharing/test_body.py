"""Every tool with real threads and processes, in a runner of its own: what is said of it is read from the records."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from poolscope.experiments.sharing.catalog import CATALOG, TOOLS
from poolscope.experiments.sharing.charts import chart
from poolscope.experiments.sharing.counting import share_in_words
from poolscope.experiments.sharing.export import rows as table_rows
from poolscope.experiments.sharing.findings import findings
from poolscope.experiments.sharing.handlers import HANDLERS
from poolscope.experiments.sharing.params import SharingParams
from poolscope.experiments.sharing.payloads import DemonstrationBegan, StepLine, ToolFailed, ToolOutcome
from poolscope.experiments.sharing.state import fold, initial
from poolscope.experiments.sharing.verdict import verdict
from poolscope.machine.processes import members
from poolscope.protocol.commands import KillWorkerProcess
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import Actor, Count, Failure, Fault, Progress, Record, Result, Sample, Span

from tests.children import end_of, perform, runner
from tests.waiting import until, until_gone

BY_PROCESSES = [tool.name for tool in CATALOG if tool.between == "processes"]
WITH_LOCK = ["lock", "rlock", "semaphore", "value"]
COUNTED = ["lock", "condition", "value", "mp-queue", "pipe"]
HAS_INTERPRETERS = importlib.util.find_spec("concurrent.interpreters") is not None
SHM = Path("/dev/shm")


def asked(*tools: str, **params: Any) -> dict[str, Any]:
    given = {"operations": 200, "workers": 3, "repeats": 1, **params}
    return SharingParams(tools=list(tools) or ["all"], **given).model_dump()


P = TypeVar("P", bound=Payload)


def payloads(records: list[Record], kind: type[P], tool: str) -> list[P]:
    found = [record for record in records if isinstance(record, Result) and record.config == tool]
    return [record.payload for record in found if isinstance(record.payload, kind)]


def shown(records: list[Record], tool: str) -> ToolOutcome:
    """What a tool's demonstration found; there is exactly one."""
    (found,) = payloads(records, ToolOutcome, tool)
    return found


def facts_of(records: list[Record], tool: str) -> dict[str, str]:
    return dict(shown(records, tool).facts)


def spans(records: list[Record]) -> dict[str, list[Span]]:
    """The spans of each actor; every actor was introduced before."""
    introduced: dict[str, list[Span]] = {}
    for record in records:
        if isinstance(record, Actor):
            assert record.actor not in introduced
            introduced[record.actor] = []
        elif isinstance(record, Span):
            assert record.t1 is not None
            assert record.t0 <= record.t1
            introduced[record.actor].append(record)
    return introduced


def segments() -> set[str]:
    """The shared memory segments of this machine, where it shows them."""
    return {path.name for path in SHM.glob("psm_*")}


@pytest.fixture(scope="module")
def everything() -> list[Record]:
    """One run of all tools; each test looks at its own."""
    return perform("sharing", asked(workers=4, operations=400))


@pytest.fixture(scope="module")
def alone() -> list[Record]:
    """One run of all tools with one worker each, spawned where it is a process."""
    return perform("sharing", asked(workers=1, operations=50, start_method="spawn"))


def test_a_run_of_all_tools_ends_well_and_times_each_that_is_here(everything: list[Record]) -> None:
    assert end_of(everything).outcome == "finished"
    assert not [record for record in everything if isinstance(record, Failure)]
    here = [name for name in TOOLS if not shown(everything, name).missing]
    timed = [(sample.config, sample.repetition) for sample in everything if isinstance(sample, Sample)]
    assert sorted(timed) == sorted((name, repetition) for name in here for repetition in (0, 1))
    assert all(sample.seconds > 0 for sample in everything if isinstance(sample, Sample))
    assert set(TOOLS) - set(here) <= {"interpreters"}
    assert HANDLERS.keys() == TOOLS.keys()


@pytest.mark.parametrize("tool", [tool.name for tool in CATALOG if not tool.wrong and tool.name != "interpreters"])
def test_every_guarded_tool_is_right(everything: list[Record], tool: str) -> None:
    found = shown(everything, tool)
    assert found.correct is True
    assert found.expected == found.actual
    if tool in COUNTED:
        assert found.expected == 400
    assert any(actor.startswith(f"{tool} · ") and own for actor, own in spans(everything).items())


def test_without_a_guard_updates_are_lost_and_counted() -> None:
    records = perform("sharing", asked("none", "value-unguarded", operations=2000, workers=4))
    for tool in ("none", "value-unguarded"):
        found = shown(records, tool)
        assert found.correct is False
        assert isinstance(found.expected, int)
        assert isinstance(found.actual, int)
        assert found.lost == found.expected - found.actual > 0
        assert found.expected == 2000
        assert "lost updates" in dict(found.facts)


@pytest.mark.parametrize("tool", WITH_LOCK)
def test_waits_and_holds_are_told_for_each_worker(everything: list[Record], tool: str) -> None:
    rows = shown(everything, tool).threads
    kind = "process" if tool == "value" else "thread"
    assert [row.name for row in rows] == [f"{kind} {number}" for number in range(1, 5)]
    for row in rows:
        assert row.holds > 0
        assert row.hold_s > 0
        assert row.waits >= 0
        assert row.wait_s >= 0
    if tool == "lock":
        assert sum(row.holds for row in rows) == 400
        assert sum(row.waits for row in rows) > 0


def test_an_rlock_goes_deep_where_a_plain_lock_is_caught_by_the_time_limit(everything: list[Record]) -> None:
    found = shown(everything, "rlock")
    assert dict(found.facts)["depth reached"] == "20 in each of 4 threads"
    assert (
        "blocked at depth 2, still waiting after 0.3 s, in descend()" in dict(found.facts)["the same with a plain Lock"]
    )
    (stuck,) = spans(everything)["rlock · plain Lock"]
    assert stuck.state == "blocked"
    assert stuck.t1 is not None
    assert (stuck.t1 - stuck.t0) / 1e9 >= 0.3


def test_a_condition_loses_a_wake_up_without_a_predicate_and_not_with_one(everything: list[Record]) -> None:
    facts = facts_of(everything, "condition")
    assert facts["hand-overs"] == "400, in order"
    assert facts["wait() without a predicate"].startswith("lost its wake-up: slept 0.3 s in vain")
    assert facts["wait_for(predicate), the cure"].startswith("found the item after")


def test_a_bounded_queue_holds_its_producers_back(everything: list[Record]) -> None:
    facts = facts_of(everything, "queue")
    assert facts["five items"].count("Produced: ") == facts["five items"].count("Consumed: ") == 5
    assert int(facts["producers that found it full"].split()[0]) > 0
    assert facts["deepest"] == "8 of 8"
    assert facts["after join()"] == "0 items unfinished"
    (line,) = payloads(everything, StepLine, "queue")
    depths = [depth for _, depth in line.points]
    assert max(depths) == 8
    assert depths[-1] <= 2  # the sentinels may be what is seen last
    assert [stamp for stamp, _ in line.points] == sorted(stamp for stamp, _ in line.points)
    own = [span for actor, told in spans(everything).items() if actor.startswith("queue · ") for span in told]
    assert {"blocked", "running"} <= {span.state for span in own}


def test_a_semaphore_lets_in_no_more_than_it_has_permits(everything: list[Record], alone: list[Record]) -> None:
    five = perform("sharing", asked("semaphore", workers=5))
    for records, workers, permits in ((alone, 1, "1"), (everything, 4, "2"), (five, 5, "2")):
        facts = facts_of(records, "semaphore")
        assert (facts["permits"], facts["most in use at once"]) == (permits, permits)
        assert facts["uses"] == f"{workers * 3} by {workers} threads"


def test_one_set_wakes_all_who_wait_for_an_event(everything: list[Record]) -> None:
    found = shown(everything, "event")
    assert dict(found.facts)["woken by one set()"] == "4 of 4 threads"
    assert dict(found.facts)["who comes later"] == "does not wait"
    assert found.actual == 4


def test_nobody_passes_a_barrier_before_the_last_has_arrived(everything: list[Record]) -> None:
    facts = facts_of(everything, "barrier")
    assert facts["passed before the last had arrived"] == "0"
    assert sorted(facts["arrival order"].split(", ")) == [f"thread {number}" for number in range(1, 5)]


def test_a_shared_integer_and_array_are_right_under_their_locks(everything: list[Record]) -> None:
    facts = facts_of(everything, "value")
    assert facts["one process adds 1 and doubles the array"] == "1 became 2, [1, 2, 3, 4] became [2, 4, 6, 8]"
    assert facts["array expected"] == facts["array found"] == "[100, 100, 100, 100]"


def test_a_queue_of_processes_keeps_the_order_and_says_what_an_item_takes(everything: list[Record]) -> None:
    facts = facts_of(everything, "mp-queue")
    assert facts["five items"] == "0, 1, 2, 3, 4"
    assert facts["order"] == "as they were put"
    assert facts["time per item"].endswith(" µs")
    assert int(facts["bytes per item"].split(",")[0]) > 64


def test_two_processes_talk_over_a_pipe(everything: list[Record]) -> None:
    facts = facts_of(everything, "pipe")
    assert facts["a worker says"] == "'Hello from worker!'"
    assert facts["round trips"].startswith("400, ")


def test_a_manager_is_right_dear_and_loses_a_nested_change(everything: list[Record]) -> None:
    facts = facts_of(everything, "manager")
    assert facts["a process appends"] == "['Hello from process']"
    assert facts["list, dict, namespace"] == "100, 100 and 100 of 100 changes"
    assert facts["proxy['parts'].append(1)"] == "lost: the list stayed empty"
    assert facts["assigned back, the cure"] == facts["a manager.list() inside, the other cure"] == "[1]"
    assert all(facts[f"one {name}"].endswith(" µs") for name in ("list append", "dict read", "dict assignment"))


def test_the_shared_memory_segment_is_gone_afterwards(everything: list[Record]) -> None:
    found = shown(everything, "shared-memory")
    assert dict(found.facts)["afterwards"] == "the segment is gone"
    assert dict(found.facts)["bandwidth"].endswith("GB/s for each process")
    assert found.actual == "4,194,304 bytes; segment gone"
    assert not (SHM / dict(found.facts)["name"]).exists()


def test_interpreters_are_used_where_this_python_has_them_and_else_it_says_so(everything: list[Record]) -> None:
    found = shown(everything, "interpreters")
    if HAS_INTERPRETERS:
        assert found.correct is True
        return
    assert (found.missing or "").startswith("Not on this Python: concurrent.interpreters came with 3.14")
    assert (found.correct, found.actual) == (False, None)


# A fork server's workers begin as empty as spawned ones and cost less; one that is spawned has each tool below.
@pytest.mark.parametrize("start_method", ["fork", "forkserver"])
def test_processes_share_under_every_start_method(start_method: str) -> None:
    records = perform("sharing", asked(*BY_PROCESSES, start_method=start_method, operations=50, workers=2))
    assert end_of(records).outcome == "finished", end_of(records)
    for tool in BY_PROCESSES:
        if not TOOLS[tool].wrong:
            assert shown(records, tool).correct is True
    pids = [record.pid for record in records if isinstance(record, Actor)]
    assert None not in pids
    assert len(set(pids)) == len(pids)


def test_one_worker_loses_nothing_and_needs_nobody(alone: list[Record]) -> None:
    assert end_of(alone).outcome == "finished", end_of(alone)
    assert shown(alone, "none").lost == 0
    assert {shown(alone, tool).correct for tool in BY_PROCESSES if not TOOLS[tool].wrong} == {True}


def test_progress_counts_what_is_shown_and_every_round() -> None:
    steps = [r for r in perform("sharing", asked("lock", "event", repeats=2)) if isinstance(r, Progress)]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.total for step in steps} == {2 + 2 * 3}
    assert (steps[0].done, steps[-1].done) == (0, 8)


def test_what_a_picture_leaves_out_is_counted() -> None:
    records = perform("sharing", asked("pipe", operations=400))
    assert all(len(own) <= 150 for own in spans(records).values())
    left = [record.values for record in records if isinstance(record, Count) and record.name == "left_out"]
    assert sum(values.get("span", 0) for values in left) == 2 * (800 - 150)


def test_the_state_of_a_real_run_has_a_verdict_rows_and_a_chart() -> None:
    params = SharingParams(tools=["lock", "none"], operations=500, workers=2, repeats=3)
    now = initial(params)
    for record in perform("sharing", params.model_dump()):
        now = fold(now, record)
    assert now.done == now.total
    assert verdict(now, 2) is not None
    assert [line[:3] for line in table_rows(now)[1]] == [("lock", "threads", "right"), ("none", "threads", "wrong")]
    assert [row["tool"] for row in chart(now, 2)["summary"]] == ["threading.Lock", "no guard"]
    assert [row.phase for row in now.rows] == ["done", "done"]
    assert all(finding.sentence for finding in findings(now, 2))


@pytest.mark.parametrize("tool", ["condition", "manager", "shared-memory"])
def test_a_stop_leaves_no_process_and_no_segment(tool: str) -> None:
    already = segments()
    with runner("sharing", asked(tool, operations=20_000, repeats=50, workers=4)) as child:
        child.until(lambda record: isinstance(record, Sample) and record.repetition == 1)
        before = psutil.Process(child.process.pid).children(recursive=True)
        child.stop()
        records = child.to_the_end()
        assert end_of(records).outcome == "stopped"
        until_gone(before)
    until(lambda: not segments() - already, "the end of the segment")


@pytest.mark.parametrize("tool", ["shared-memory", "mp-queue"])
def test_stops_at_any_moment_leave_no_process_and_no_segment(tool: str) -> None:
    stopping = [sys.executable, "-m", "tests.experiments.sharing.stopping", tool, "30"]
    with subprocess.Popen(stopping, start_new_session=True) as process:
        assert process.wait(110) == 0
    until(lambda: not members(process.pid), "the end of all its processes")
    assert not list(SHM.glob(f"s{process.pid}-*"))


def test_a_killed_worker_fails_the_run_with_a_plain_reason() -> None:
    with runner("sharing", asked("pipe", operations=20_000, repeats=50, start_method="fork")) as child:
        child.until(lambda record: isinstance(record, Sample) and record.repetition == 1)
        parent = psutil.Process(child.process.pid)
        before = set(parent.children())  # who may just be leaving, with its work done
        until(lambda: len(set(parent.children()) - before) == 2, "two processes at the beginning of a round")
        (set(parent.children()) - before).pop().kill()
        end = end_of(child.to_the_end())
    # It was the only tool, so that the run fails with it. Its partner may be told first that the other end is gone.
    assert end.outcome == "failed"
    assert any(word in end.reason for word in ("was killed by SIGKILL", "EOFError", "BrokenPipe", "ConnectionReset"))


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_a_tool_whose_worker_is_killed_on_request_fails_alone(start_method: str) -> None:
    with runner("sharing", asked("pipe", "lock", operations=20_000, start_method=start_method)) as child:
        child.until(lambda record: isinstance(record, Result) and isinstance(record.payload, DemonstrationBegan))
        child.say(KillWorkerProcess(2, 1))
        records = child.to_the_end()
    assert end_of(records).outcome == "finished"
    (fault,) = [record for record in records if isinstance(record, Fault)]
    (killed,) = [record for record in records if isinstance(record, Span) and record.state == "killed"]
    assert (killed.t, killed.item) == (fault.t, "killed on request")
    (failed,) = payloads(records, ToolFailed, "pipe")
    assert (failed.type, failed.plain) == ("WorkerDied", True)
    assert failed.message.startswith(f"Worker 2 of 2 (process {fault.pid}) was killed on request before it")
    (failure,) = [record for record in records if isinstance(record, Failure)]
    assert (failure.surfaced_in, failure.task) == ("multiprocessing.Pipe", "pipe")
    assert shown(records, "lock").correct is True
    timed = [(sample.config, sample.repetition) for sample in records if isinstance(sample, Sample)]
    assert timed == [("lock", 0), ("lock", 1)]
    steps = [record for record in records if isinstance(record, Progress)]
    assert steps[-1].done == steps[-1].total


@pytest.mark.parametrize(("share", "words"), [(0.0, "0%"), (0.002, "<1%"), (0.006, "1%"), (0.75, "75%")])
def test_a_few_lost_additions_are_not_said_to_be_none(share: float, words: str) -> None:
    assert share_in_words(share) == words
