"""`poolscope run`: what is printed where, exit statuses, and what is left behind."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest
from poolscope.experiments.registry import EXPERIMENTS

from tests.cli.conftest import ENDLESS, Call, descendants, kept_runs, line_of, started
from tests.waiting import until_gone

BRIEF: Mapping[str, tuple[str, ...]] = {
    "shared-list": ("-p", "seconds=0.3", "-p", "delay_min=0.01", "-p", "delay_max=0.02"),
    "factorials": ("-p", "last=5"),
    "pool-sizes": ("-p", "sizes=2", "-p", "repeats=1"),
    "sharing": ("-p", "tools=lock, queue", "-p", "repeats=1", "-p", "operations=50"),
    "failures": ("-p", "scenarios=lock-exception", "-p", "limit=0.1"),
}


# The table of Which pool is seen in test_measure and test_fail_if.
@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "which-pool"])
def test_every_experiment_prints_a_table_and_its_verdict(call: Call, data: Path, name: str) -> None:
    done = call("run", name, *BRIEF[name])
    assert done.status == 0, done.err
    experiment = EXPERIMENTS[name]
    run_id = f"{experiment.prefix}-0001"
    assert f"{experiment.title}, {run_id}, finished" in done.out
    assert done.err.startswith(f"{run_id}: {experiment.title}; press Ctrl-C to stop\n")
    assert kept_runs(data) == [(run_id, "finished")]
    if name == "shared-list":  # whose own lines are printed as they come
        assert re.match(r"Added: \d+ \| Current List: \[", done.out)
        assert re.search(r"producer 1 .* producer ", done.out)


def test_a_run_that_cannot_be_kept_goes_on_and_says_so_and_with_json_stdout_holds_one_document_and_nothing_else(
    call: Call, data: Path
) -> None:
    data.write_text("a file where the folder should be")
    done = call("run", "factorials", "-p", "first=-1", "-p", "last=5", "--json")
    assert done.status == 0, done.err
    run = json.loads(done.out)
    assert (run["experiment"], run["status"], run["params"]["last"]) == ("factorials", "finished", 5)
    assert {result["n"]: result["value"] for result in run["state"]["results"]}[5] == "120"
    assert run["conditions"]["usable_cpus"] >= 1
    assert not run["kept"]
    assert "This run is not kept: " in done.err


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["shared-list", "-p", "producers=17"], ["producers"]),
        (["shared-list", "-p", "delay_min=2", "-p", "delay_max=1"], ["delay_min"]),
        (["factorials", "-p", "workers=0", "-p", "kind=fibre"], ["workers", "kind"]),
        (["shared-list", "-p", "colour=red"], ["colour"]),
        (["shared-list", "-p", "seconds"], ["NAME=VALUE"]),
        (["shared-lisp"], ["'shared-lisp'"]),
    ],
    ids=["bounds", "contradiction", "two", "unknown", "no value", "no experiment"],
)
def test_bad_parameters_exit_with_2_a_line_each_and_start_nothing(
    call: Call, data: Path, words: list[str], named: list[str]
) -> None:
    done = call("run", *words)
    assert (done.status, done.out) == (2, "")
    lines = done.err.splitlines()
    assert len(lines) == len(named)
    assert all(name in line for name, line in zip(named, lines, strict=True))
    assert not data.exists()


@pytest.mark.parametrize("words", [["run"], ["sing"], ["run", "shared-list", "--loud"], ["serve", "--port", "99999"]])
def test_bad_usage_exits_with_2(call: Call, words: list[str]) -> None:
    done = call(*words)
    assert (done.status, done.out) == (2, "")
    assert done.err


# That SIGTERM is heeded as well is said in test_measure.
def test_an_interrupted_run_exits_with_130_prints_and_keeps_what_it_has_and_leaves_no_child(
    settings: None, data: Path
) -> None:
    with started("run", *ENDLESS) as process:
        assert line_of(process).startswith("Added: ")
        children = descendants(process)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 130
    assert "sl-0001, stopped" in out
    assert "The invariant holds" in out
    assert kept_runs(data) == [("sl-0001", "stopped")]
    until_gone(children)


def test_a_run_whose_output_nobody_reads_any_more_ends_and_leaves_no_child(settings: None) -> None:
    with started("run", *ENDLESS) as process:
        line_of(process)
        children = descendants(process)
        assert process.stdout is not None
        process.stdout.close()
        process.wait()
    assert process.returncode == 1
    until_gone(children)


def test_the_version_is_that_of_the_package(call: Call) -> None:
    done = call("--version")
    assert done.status == 0
    assert re.fullmatch(r"poolscope \d+\.\d+\.\d+\n", done.out)
