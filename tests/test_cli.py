"""The command line as a shell sees it: what is printed where, exit statuses, and what is left behind."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.settings import Settings

POOLSCOPE = Path(sysconfig.get_path("scripts")) / "poolscope"
BRIEF = ("-p", "seconds=0.3", "-p", "delay_min=0.01", "-p", "delay_max=0.02")
ENDLESS = ("-p", "seconds=600", "-p", "delay_min=0.01", "-p", "delay_max=0.02")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data folder; it exists once something was kept in it."""
    return tmp_path / "data"


@pytest.fixture
def environment(data: Path, tmp_path: Path) -> dict[str, str]:
    foreign = ("POOLSCOPE_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"POOLSCOPE_DATA": str(data), "POOLSCOPE_PYTHONS": "none"}  # the machine's own are not looked for
    return {**kept, **ours, "COLUMNS": "200", "TERM": "dumb"}


@contextmanager
def started(environment: Mapping[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    """A command at work, in an empty folder; none of its processes outlives it."""
    folder = Path(environment["POOLSCOPE_DATA"]).parent
    with subprocess.Popen(
        [POOLSCOPE, *words], env=environment, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def outcome(environment: Mapping[str, str], *words: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command that ends by itself."""
    with started(environment, *words) as process:
        out, err = process.communicate()
    return process.returncode, out, err


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children(recursive=True)
    assert found
    return found


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def kept_runs(data: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(data / "poolscope.sqlite")) as journal:
        return journal.execute("SELECT id, status FROM runs ORDER BY number").fetchall()


# run


def test_run_prints_the_programs_words_a_table_and_the_verdict(environment: dict[str, str], data: Path) -> None:
    status, out, err = outcome(environment, "run", "shared-list", *BRIEF)
    assert status == 0, err
    assert re.match(r"Added: \d+ \| Current List: \[", out)
    assert re.search(r"producer 1 .* producer ", out)
    assert "The invariant holds" in out
    assert err.splitlines() == ["sl-0001: Shared list, until it ends or Ctrl-C"]
    assert kept_runs(data) == [("sl-0001", "finished")]


def test_run_prints_one_json_document_and_nothing_else(environment: dict[str, str]) -> None:
    status, out, err = outcome(environment, "run", "factorials", "-p", "first=-1", "-p", "last=5", "--json")
    assert status == 0, err
    told = json.loads(out)
    assert (told["experiment"], told["status"], told["params"]["last"]) == ("factorials", "finished", 5)
    assert {result["n"]: result["value"] for result in told["state"]["results"]}[5] == "120"
    assert told["conditions"]["usable_cpus"] >= 1


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_runs_in_the_terminal(environment: dict[str, str], name: str) -> None:
    brief: Mapping[str, tuple[str, ...]] = {
        "shared-list": BRIEF,
        "pool-sizes": ("-p", "sizes=2", "-p", "repeats=1"),
        "sharing": ("-p", "tools=lock, pipe", "-p", "repeats=1", "-p", "operations=50"),
        "failures": ("-p", "scenarios=thread-queue,lock-exception", "-p", "limit=0.1"),
        "which-pool": ("-p", "workload=square", "-p", "kinds=thread", "-p", "sizes=2", "-p", "repeats=1"),
    }
    status, out, err = outcome(environment, "run", name, *brief.get(name, ()))
    assert status == 0, err
    assert EXPERIMENTS[name].title in out


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (["shared-list", "-p", "producers=17"], ["producers must be a whole number from 1 to 16; '17' is not."]),
        (
            ["shared-list", "-p", "delay_min=2", "-p", "delay_max=1"],
            ["delay_min must not exceed delay_max; 2 s is more than 1 s."],
        ),
        (
            ["factorials", "-p", "workers=0", "-p", "kind=fibre"],
            ["workers must be", "kind must be one of thread, process"],
        ),
        (["shared-list", "-p", "colour=red"], ["colour is not a parameter here."]),
        (["shared-list", "-p", "seconds"], ["A parameter is given as NAME=VALUE; 'seconds' is not."]),
        (["shared-lisp"], ["There is no experiment 'shared-lisp'. There are: shared-list,"]),
    ],
    ids=["bounds", "contradiction", "two", "unknown", "no value", "no experiment"],
)
def test_bad_parameters_exit_with_2_a_sentence_each_and_start_nothing(
    environment: dict[str, str], data: Path, words: list[str], sentences: list[str]
) -> None:
    status, out, err = outcome(environment, "run", *words)
    assert (status, out) == (2, "")
    lines = err.splitlines()
    assert len(lines) == len(sentences)
    for line, sentence in zip(lines, sentences, strict=True):
        assert line.startswith(sentence)
    assert not data.exists()


@pytest.mark.parametrize("words", [["run"], ["sing"], ["run", "shared-list", "--loud"], ["serve", "--port", "99999"]])
def test_bad_usage_exits_with_2(environment: dict[str, str], words: list[str]) -> None:
    status, out, err = outcome(environment, *words)
    assert (status, out) == (2, "")
    assert err


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_exits_with_130_prints_and_keeps_what_it_has_and_leaves_no_child(
    environment: dict[str, str], data: Path, sent: signal.Signals
) -> None:
    with started(environment, "run", "shared-list", *ENDLESS) as process:
        assert line_of(process).startswith("Added: ")
        children = descendants(process)
        process.send_signal(sent)
        out, _ = process.communicate()
    assert process.returncode == 130
    assert "sl-0001, stopped" in out
    assert "The invariant holds" in out
    assert kept_runs(data) == [("sl-0001", "stopped")]
    assert still_there(children) == []


def test_a_failed_run_exits_with_1_says_why_and_prints_what_it_has(environment: dict[str, str], data: Path) -> None:
    with started(environment, "run", "shared-list", *ENDLESS) as process:
        assert line_of(process).startswith("Added: ")
        for child in descendants(process):
            child.kill()
        out, err = process.communicate()
    assert process.returncode == 1
    assert "killed by SIGKILL" in err
    assert "sl-0001, failed" in out
    assert kept_runs(data) == [("sl-0001", "failed")]


def test_a_run_that_cannot_be_kept_goes_on_and_says_so(environment: dict[str, str], data: Path) -> None:
    data.write_text("a file where the folder should be")
    status, out, err = outcome(environment, "run", "shared-list", *BRIEF)
    assert status == 0
    assert "The invariant holds" in out
    assert "This run is not kept: " in err


def test_nobody_reading_on_ends_the_run_without_a_trace_of_it(environment: dict[str, str]) -> None:
    with started(environment, "run", "shared-list", *ENDLESS) as process:
        line_of(process)
        children = descendants(process)
        assert process.stdout is not None
        process.stdout.close()
        process.wait()
    assert process.returncode == 1
    assert still_there(children) == []


# list and doctor


def test_list_names_every_experiment_and_parameter_with_its_default(environment: dict[str, str]) -> None:
    status, out, _ = outcome(environment, "list")
    assert status == 0
    for experiment in EXPERIMENTS.values():
        assert experiment.name in out
        for name in experiment.params.model_fields:
            assert re.search(rf"^{name} ", out, re.MULTILINE)
    assert re.search(r"^sizes +2,4,6,8 +whole numbers from 1 to 64 ", out, re.MULTILINE)
    offering = {**environment, "POOLSCOPE_WORKLOADS": "tasks:parse@samples"}
    _, out, _ = outcome(offering, "list")
    assert re.search(r"^workload +sum-of-squares +one of square, .*, tasks:parse@samples ", out, re.MULTILINE)
    status, out, _ = outcome(environment, "list", "--json")
    assert status == 0
    assert [each["name"] for each in json.loads(out)] == list(EXPERIMENTS)


def test_doctor_tells_what_the_machine_offers(environment: dict[str, str], data: Path) -> None:
    status, out, err = outcome(environment, "doctor", "--json")
    assert status == 0, err
    found = json.loads(out)
    assert found["cpus"]["usable"] >= 1
    assert found["cpus"]["why"]
    assert found["start_method"] in found["start_methods"]
    assert found["data"] == {"file": str(data / "poolscope.sqlite"), "writable": True, "why": "", "earlier": []}
    assert found["cpus"]["affinity"] >= found["cpus"]["usable"]
    assert all(got > 0 for got in found["cpus"]["effective"].values())
    assert "1" in found["cpus"]["effective"]
    assert found["memory_available"] > 0
    (this,) = found["pythons"]
    assert (this["path"], this["why_not"]) == (found["executable"], "")
    assert not data.exists()


def test_doctor_tells_which_pythons_can_be_used_and_why_others_cannot(
    environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pythons").mkdir()
    for name, text in (("good", f'exec "{sys.executable}" "$@"'), ("bad", "echo out of order >&2; exit 3")):
        (tmp_path / "pythons" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "pythons" / name).chmod(0o755)
    named = f"none,mine={tmp_path}/pythons/good,{tmp_path}/pythons/bad"
    status, out, err = outcome({**environment, "POOLSCOPE_PYTHONS": named}, "doctor")
    assert status == 0, err
    lines = [re.sub(" +", " ", line).strip() for line in out.splitlines()]
    assert f"left out {tmp_path}/pythons/bad: it ended with exit code 3: out of order" in lines
    (mine,) = (line for line in lines if line.startswith("Python mine "))
    assert platform.python_version() in mine
    assert mine.endswith(f"; {tmp_path}/pythons/good")
    assert any(line.startswith("usable CPUs ") for line in lines)


def test_doctor_says_that_the_data_folder_cannot_be_written(environment: dict[str, str], data: Path) -> None:
    data.write_text("a file where the folder should be")
    status, out, _ = outcome(environment, "doctor", "--json")
    assert status == 0
    assert not json.loads(out)["data"]["writable"]


def test_version_is_that_of_the_package(environment: dict[str, str]) -> None:
    status, out, _ = outcome(environment, "--version")
    assert status == 0
    assert re.fullmatch(r"poolscope \d+\.\d+\.\d+\n", out)


# serve


@contextmanager
def serving(environment: Mapping[str, str], *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server and the address that it printed."""
    with started(environment, *words) as process:
        line = line_of(process)
        address = re.search(r"http://\S+", line)
        assert address, line + (process.stderr.read() if process.stderr and not line else "")
        yield process, address[0]


def test_serve_prints_its_address_once_it_answers(environment: dict[str, str]) -> None:
    with serving(environment, "serve", "--port", "0") as (_, address):
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_poolscope_alone_serves(environment: dict[str, str]) -> None:
    with serving({**environment, "POOLSCOPE_PORT": "0"}) as (_, address):
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_a_server_answers_to_the_name_that_it_listens_on(environment: dict[str, str]) -> None:
    with serving(environment, "serve", "--host", "127.0.0.2", "--port", "0") as (_, address):
        assert address.startswith("http://127.0.0.2:")
        assert httpx.get(f"{address}/healthz").status_code == 200


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_server_run_and_children(
    environment: dict[str, str], data: Path, sent: signal.Signals, status: int
) -> None:
    with serving(environment, "serve", "--port", "0") as (process, address):
        wish: dict[str, Any] = {"experiment": "shared-list", "params": {"seconds": 600}}
        assert httpx.post(f"{address}/api/runs", json=wish).status_code == 201
        with httpx.stream("GET", f"{address}/api/runs/sl-0001/records") as records:
            lines = records.iter_lines()
            assert next(lines)  # a reader is there, and the runner at work
            children = descendants(process)
            process.send_signal(sent)
            for _ in lines:  # the stream ends, and is not cut off
                pass
        _, err = process.communicate()
    assert (process.returncode, err) == (status, "")
    assert still_there(children) == []
    assert kept_runs(data) == [("sl-0001", "interrupted")]


def test_a_port_in_use_is_one_sentence_and_exit_1(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = outcome(environment, "serve", "--port", str(port))
    assert (status, out) == (1, "")
    assert err == f"Port {port} of 127.0.0.1 is in use. Choose another by --port; --port 0 takes a free one.\n"


def test_an_address_of_another_machine_is_one_sentence_and_exit_1(environment: dict[str, str]) -> None:
    status, _, err = outcome(environment, "serve", "--host", "192.0.2.1", "--port", "0")
    assert status == 1
    assert err.count("\n") == 1


def test_a_data_folder_that_cannot_be_written_is_one_sentence_and_exit_1(
    environment: dict[str, str], data: Path
) -> None:
    data.write_text("a file where the folder should be")
    status, out, err = outcome(environment, "serve", "--port", "0")
    assert (status, out) == (1, "")
    assert err.startswith(f"Runs can't be kept in {data / 'poolscope.sqlite'}: ")
    assert err.count("\n") == 1


def test_the_command_line_counts_before_the_env_file_and_that_before_the_environment(
    environment: dict[str, str], tmp_path: Path
) -> None:
    def file_of_doctor() -> str:
        _, out, _ = outcome(environment, "doctor", "--json")
        return str(json.loads(out)["data"]["file"])

    assert file_of_doctor() == str(tmp_path / "data" / "poolscope.sqlite")
    (tmp_path / ".env").write_text(f"POOLSCOPE_DATA={tmp_path}/dotenv.sqlite\n")
    assert file_of_doctor() == str(tmp_path / "dotenv.sqlite")
    with serving(environment, "serve", "--port", "0", "--data", str(tmp_path / "option.db")):
        assert (tmp_path / "option.db").exists()
        assert not (tmp_path / "dotenv.sqlite").exists()


def test_a_setting_that_makes_no_sense_is_named_in_a_sentence(environment: dict[str, str]) -> None:
    status, _, err = outcome({**environment, "POOLSCOPE_PORT": "seven"}, "serve")
    assert status == 2
    assert err.startswith("--port (POOLSCOPE_PORT): ")
    assert "'seven'" in err


def test_every_setting_is_an_option_with_its_description(environment: dict[str, str]) -> None:
    _, out, _ = outcome(environment, "serve", "--help")
    text = " ".join(out.split())
    for name, info in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"POOLSCOPE_{name.upper()}" in text
        assert (info.description or "no description") in text
