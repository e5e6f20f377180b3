"""`--fail-if`: read before anything is started, judged when the run has ended, and told with its numbers."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from poolscope.cli.one_run import FailIf
from poolscope.errors import BadParameters
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.records import to_line
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status

from tests.cli.conftest import Call
from tests.experiments.pool_benchmark.invented_runs import about, records, told

FAST = {"serial": about(640), "process 2": about(335)}
SLOW = {"serial": about(640), "process 2": about(500)}
CONDITIONS = {"usable_cpus": 2, "cpu": "x86_64"}


def ended(maps: dict[str, list[float]], status: Status = Status.FINISHED) -> Run:
    state = told(maps)
    return Run("wp-0009", EXPERIMENTS["which-pool"], state.params, status=status, state=state, conditions=CONDITIONS)


@pytest.mark.parametrize(
    ("texts", "status", "told_of"),
    [
        ([], 0, ()),
        (["speedup<1.5"], 0, ("does not hold",)),
        (["speedup<3"], 1, ("holds",)),
        (["speedup<1.5", "winner=process"], 1, ("does not hold", "holds")),
        (["speedup<1.91"], 0, ("can't be told",)),
    ],
)
def test_one_condition_that_holds_fails_the_command(
    texts: list[str], status: int, told_of: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert FailIf.of(texts, "which-pool", tmp_path / "x.sqlite").exit_status(ended(FAST)) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert len(lines) == len(told_of)
    assert all(
        line.startswith(f"--fail-if {text} {outcome}: ")
        for text, outcome, line in zip(texts, told_of, lines, strict=True)
    )


def test_a_run_that_did_not_finish_is_not_judged(tmp_path: Path) -> None:
    failing = FailIf.of(["speedup<3"], "which-pool", tmp_path / "x.sqlite")
    assert failing.exit_status(ended(FAST, Status.STOPPED)) == 0


@pytest.mark.parametrize("kept_in", ["a file", "the journal"])
def test_a_saved_run_is_a_file_or_is_in_the_journal(tmp_path: Path, kept_in: str) -> None:
    before, path = ended(FAST), tmp_path / "poolscope.sqlite"
    name = str(tmp_path / "before.json")
    if kept_in == "a file":
        Path(name).write_text(json.dumps(before.as_json()))
    else:
        name = asyncio.run(keep(path))
    assert FailIf.of([f"slower>10%:{name}"], "which-pool", path).exit_status(ended(SLOW)) == 1
    assert FailIf.of([f"slower>60%:{name}"], "which-pool", path).exit_status(ended(SLOW)) == 0


async def keep(path: Path) -> str:
    journal = Journal(path)
    await journal.open()
    params = ended(FAST).params.model_dump(mode="json")
    name = await journal.create("wp", "which-pool", params, "2026-02-03T00:00:00+00:00", {})
    assert name is not None
    assert await journal.append(name, 1, [to_line(record) for record in records(FAST)])
    assert await journal.save(name, status="finished", conditions=CONDITIONS)
    await journal.close()
    return name


def test_a_run_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{")
    for name in ("wp-0001", str(tmp_path / "no.json")):
        with pytest.raises(BadParameters):
            FailIf.of([f"slower:{name}"], "which-pool", tmp_path / "poolscope.sqlite")
    assert not (tmp_path / "poolscope.sqlite").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("measure", "tasks:double", "--items", "numbers", "--fail-if", "faster"),
        ("run", "which-pool", "--fail-if", "speedup>2"),
        ("run", "pool-sizes", "--fail-if", "slower:ps-0001"),
        ("run", "sharing", "--fail-if", "speedup<2"),
    ],
)
def test_what_is_no_condition_exits_with_2_and_starts_nothing(call: Call, data: Path, words: tuple[str, ...]) -> None:
    done = call(*words)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert not data.exists()


def test_a_condition_that_holds_exits_with_1_behind_the_result(call: Call) -> None:
    words = ("-p", "workload=square", "-p", "kinds=thread", "-p", "sizes=2", "-p", "repeats=1")
    done = call("run", "which-pool", *words, "--fail-if", "undecided")  # one repetition decides nothing
    assert done.status == 1
    assert f"{EXPERIMENTS['which-pool'].title}, wp-0001, finished" in done.out
    assert re.search(r"│ threads +│ +2 │", done.out)
    assert done.err.splitlines()[-1].startswith("--fail-if undecided holds: ")
