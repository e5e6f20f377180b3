"""`poolscope serve`: from a checked port and data folder to the last child's end, and the settings as its options."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from poolscope.cli.serve import choose_token
from poolscope.errors import BadParameters
from poolscope.limits import LIMITS
from poolscope.settings import Settings, read_settings

from tests.cli.conftest import Call, descendants, kept_runs, line_of, started
from tests.waiting import BOUND_S, until_gone


def test_a_server_prints_its_address_answers_there_and_a_signal_ends_it_with_streams_run_and_children(
    settings: None, data: Path, tmp_path: Path
) -> None:
    """`poolscope` alone serves, as its settings say; a token that is one of them is not printed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    token = "x" * 16
    with started(POOLSCOPE_PORT="0", POOLSCOPE_TOKEN=token, TMPDIR=str(scratch)) as process:
        said = line_of(process)
        assert "xxx" not in said
        link = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert link
        with httpx.Client(base_url=link[0], timeout=BOUND_S) as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/runs").status_code == 401
            client.headers["Authorization"] = f"Bearer {token}"
            asked: dict[str, Any] = {"experiment": "shared-list", "params": {"seconds": 600}}
            assert client.post("/api/runs", json=asked).status_code == 201
            records, as_lines = "/api/runs/sl-0001/records", {"Accept": "application/x-ndjson"}
            with ExitStack() as stack:
                streams = [
                    stack.enter_context(client.stream("GET", path, headers=headers))
                    for path, headers in (
                        (records, {}),
                        (records, as_lines),
                        ("/live", {}),
                        ("/live?run=sl-0001", {}),
                    )
                ]
                lines = [stream.iter_lines() for stream in streams]
                assert all(next(each) for each in lines)  # readers are there, and the runner at work
                children = descendants(process)
                process.send_signal(signal.SIGTERM)
                assert all(list(each) for each in lines)  # each stream ends, and is not cut off
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    until_gone(children)
    assert list(scratch.iterdir()) == []
    assert kept_runs(data) == [("sl-0001", "interrupted")]


def test_a_server_with_options_prints_the_token_that_it_makes_as_a_link_and_a_key_ends_it(settings: None) -> None:
    with started("serve", "--host", "127.0.0.2", "--port", "0", "--token") as process:
        link = re.search(r"(http://127\.0\.0\.2:\d+)\S+", line_of(process))
        assert link
        with httpx.Client(base_url=link[1], timeout=BOUND_S) as client:
            assert client.get("/api/runs").status_code == 401
            assert client.get(link[0]).headers["location"] == "/"  # from now on it has a cookie
            assert client.get("/api/runs").json() == []
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "")


def test_a_port_in_use_is_one_sentence_and_exit_1(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = call("serve", "--port", str(port))
    assert (done.status, done.out) == (1, "")
    assert done.err == f"Port {port} of 127.0.0.1 is in use. Choose another with --port; --port 0 picks a free one.\n"


def test_an_address_of_another_machine_is_one_sentence_and_exit_1(call: Call) -> None:
    done = call("serve", "--host", "192.0.2.1", "--port", "0", "--insecure")
    assert done.status == 1
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_that_others_reach_needs_a_decision_and_is_else_exit_2(call: Call, host: str) -> None:
    done = call("serve", "--host", host, "--port", "0")
    assert (done.status, done.out) == (2, "")
    assert all(choice in done.err for choice in ("--token", "--demo", "--insecure"))
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "wanted", "needed"),
    [
        ({}, None, False),
        ({}, True, True),  # here, too, where somebody wants one
        ({"host": "0.0.0.0", "token": "auto"}, None, True),
        ({"host": "127.0.0.1", "token": "auto"}, None, False),
        ({"host": "0.0.0.0", "token": "auto", "demo": True}, None, False),
        ({"host": "0.0.0.0", "token": "auto", "insecure": True}, None, False),
        ({"host": "0.0.0.0", "demo": True}, None, False),
        ({"host": "0.0.0.0", "demo": True}, True, True),
        ({"host": "0.0.0.0", "insecure": True}, False, False),
    ],
)
def test_a_token_is_made_where_it_is_asked_for(
    settings: None, given: dict[str, Any], wanted: bool | None, needed: bool
) -> None:
    token = choose_token(read_settings(given), wanted)
    assert len(token) >= 32 if needed else token == ""
    assert choose_token(read_settings({**given, "token": "x" * 16}), True) == "x" * 16


def test_a_short_token_is_refused_and_not_repeated(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLSCOPE_TOKEN", "too short")
    with pytest.raises(BadParameters) as refused:
        read_settings()
    assert [error.name for error in refused.value.errors] == ["token"]
    assert "too short" not in str(refused.value)


def test_the_demo_has_limits_of_its_own_and_what_is_set_counts(settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLSCOPE_LIVE_LIMIT", "7")
    usual, demo = read_settings(), read_settings({"demo": True})
    for name, limit in LIMITS.items():
        if name != "live_limit":
            assert (getattr(usual, name), getattr(demo, name)) == (limit.usual, limit.demo)
    assert (usual.live_limit, demo.live_limit) == (7, 7)


def test_a_data_folder_that_cannot_be_written_is_one_sentence_and_exit_1(call: Call, data: Path) -> None:
    data.write_text("a file where the folder should be")
    done = call("serve", "--port", "0")
    assert (done.status, done.out) == (1, "")
    assert str(data / "poolscope.sqlite") in done.err
    assert done.err.count("\n") == 1


def test_the_command_line_counts_before_the_env_file_and_that_before_the_environment(
    settings: None, data: Path, tmp_path: Path
) -> None:
    assert read_settings().data == data
    (tmp_path / ".env").write_text(f"POOLSCOPE_DATA={tmp_path}/dotenv.sqlite\n")
    assert read_settings().data == tmp_path / "dotenv.sqlite"
    assert read_settings({"data": None, "port": 1}).data == tmp_path / "dotenv.sqlite"
    assert read_settings({"data": tmp_path / "option.db"}).journal_path == tmp_path / "option.db"


def test_a_setting_that_makes_no_sense_is_named_as_option_and_variable(
    settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POOLSCOPE_PORT", "seven")
    with pytest.raises(BadParameters) as refused:
        read_settings()
    (error,) = refused.value.errors
    assert error.name == "port"
    assert error.message.startswith("--port (POOLSCOPE_PORT): ")
    assert "'seven'" in error.message


def test_every_setting_is_an_option_with_its_description(call: Call) -> None:
    # A line may be broken behind a hyphen too.
    text = " ".join(call("serve", "--help").out.split()).replace("comma- separated", "comma-separated")
    for name, info in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"POOLSCOPE_{name.upper()}" in text
        assert (info.description or "no description") in text
