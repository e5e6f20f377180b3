"""The built-in work: what each does is what its name says, wherever it is done, and as long as was asked."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from poolscope.workloads import compute, data, io
from poolscope.workloads.catalog import WAITING, WORKLOADS
from poolscope.workloads.work import Work, set_up

from tests.waiting import lives, until_gone

ROOT = Path(__file__).resolve().parents[2]
WITH_ROUNDS = [name for name, row in WORKLOADS.items() if row.rounds]


@contextmanager
def ready(name: str, scratch: Path, work_ms: float | None = None, rounds: int | None = 2) -> Iterator[Work]:
    """A short work of four items, closed afterwards."""
    work = set_up(name, work_ms, 4, scratch, rounds)
    with closing(work):
        yield work


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_results_are_the_same_after_the_function_has_travelled_and_by_its_coroutine(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "HUNGER", 4 * data.PAGE)
    with ready(name, tmp_path, 1.0 if name in WAITING else None) as work:
        expected = [work.function(item) for item in work.items]
        there = pickle.loads(pickle.dumps(work.function))
        assert [there(pickle.loads(pickle.dumps(item))) for item in work.items] == expected
        assert len(expected) == 4
        if work.coroutine is not None:
            assert [asyncio.run(resolved(work, item)) for item in work.items] == expected
        work.tidy()
    assert (work.coroutine is not None) == (WORKLOADS[name].coroutine is not None)


async def resolved(work: Work, item: Any) -> Any:
    assert work.coroutine is not None
    return await work.coroutine(item)


@pytest.mark.parametrize("name", WITH_ROUNDS)
def test_a_length_is_found_by_calibration_unless_its_rounds_are_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ready(name, tmp_path, 1.0, rounds=None) as found:
        assert found.rounds is not None
        assert found.one_call_s is not None
    monkeypatch.delattr(compute, "least_ns")  # nothing is timed any more
    with ready(name, tmp_path, 1.0, rounds=found.rounds) as given:
        assert (given.rounds, given.one_call_s) == (found.rounds, None)
        assert [given.function(item) for item in given.items] == [found.function(item) for item in found.items]


@pytest.mark.parametrize("name", WORKLOADS)
def test_without_a_wish_there_is_as_much_as_its_row_says(name: str, tmp_path: Path) -> None:
    row = WORKLOADS[name]
    assert (row.work_ms is not None) == (name in WITH_ROUNDS or name in WAITING)
    with closing(set_up(name, None, None, tmp_path, rounds=1)) as work:
        assert len(work.items) == row.count


def test_the_numbers_begin_where_they_are_to_begin(tmp_path: Path) -> None:
    assert set_up("square", None, 3, tmp_path, first=-1).items == range(-1, 2)
    assert set_up("square", None, 3, tmp_path).items == range(1, 4)


def test_rounds_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0

    def ticking(rounds: int, _: int) -> None:
        nonlocal now
        now += 500 * rounds  # half a microsecond a round

    monkeypatch.setattr(compute, "perf_counter_ns", lambda: now)
    assert compute.rounds_for(20.0, ticking) == 40_000
    assert compute.rounds_for(1e-9, ticking) == 1


def test_the_results_are_what_the_names_say() -> None:
    assert compute.square(-7) == 49
    assert io.square_sleep(0.0, 3) == 9
    assert compute.sum_of_squares(4, 10) == 10 * 10 + 0 + 1 + 4 + 9
    assert compute.factorial(10) == math.factorial(10)
    assert compute.sha256(2, 5) == hashlib.sha256(b"5" + compute.BLOCK * 2).hexdigest()


def test_hashing_lets_go_of_the_gil() -> None:
    assert len(compute.BLOCK) > 2047


def test_a_file_is_read_whole_and_numbers_take_turns_on_the_files(tmp_path: Path) -> None:
    read = set_up("read-files", None, 1, tmp_path).function
    sizes = {path.stat().st_size for path in tmp_path.iterdir()}
    assert {read(n) for n in range(-20, 20)} == sizes
    assert read(1) == read(1 + io.FILES)


def test_primes_are_counted() -> None:
    numbers = range(compute.FIRST_CANDIDATE + 3, compute.FIRST_CANDIDATE + 103)
    divisible = {k * m for k in range(2, 1003) for m in range(numbers[0] // k, numbers[-1] // k + 1)}
    assert compute.primes(100, 3) == len(set(numbers) - divisible)


def test_every_tenth_item_takes_ten_times_as_long() -> None:
    assert compute.uneven(5, 20) == compute.sum_of_squares(50, 20)
    assert [compute.uneven(5, n) for n in range(1, 10)] == [compute.sum_of_squares(5, n) for n in range(1, 10)]


def test_a_block_that_was_packed_is_itself_again_and_zlib_had_work_to_do() -> None:
    block = b"7\n" + compute.page() * 3
    assert compute.packed_and_unpacked(3, 7) == zlib.crc32(block)
    assert len(block) / 20 < len(zlib.compress(block)) < len(block) / 2


def test_large_arguments_are_a_mebibyte_each_and_no_two_the_same_object(tmp_path: Path) -> None:
    with ready("large-arguments", tmp_path) as work:
        assert {round(len(pickle.dumps(item)) / 2**20, 2) for item in work.items} == {1.0}
        assert len({id(item) for item in work.items}) == 4
        assert work.function(work.items[1]) == sorted(work.items[1], reverse=True)


def test_a_hungry_worker_keeps_one_block_until_it_is_told_to_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "HUNGER", 4 * data.PAGE)
    with ready("memory-hungry", tmp_path) as work:
        assert [work.function(item) for item in work.items] == [1, 2, 3, 4]
        assert [(len(block), block.count(4)) for block in data._kept.values()] == [(4 * data.PAGE, 4)]
        work.tidy()
        assert data._kept == {}


def test_many_who_ask_the_server_get_their_own_number_each(tmp_path: Path) -> None:
    answers: dict[int, int] = {}
    with ready("http", tmp_path, 50.0) as work:

        def ask(n: int) -> None:
            answers[n] = work.function(n)

        clients = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    assert answers == {n: n for n in range(20)}


def test_closing_the_work_ends_the_server(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    work = set_up("http", 1.0, 4, tmp_path)
    (server,) = set(psutil.Process().children()) - before
    work.close()
    assert not lives(server)


HOST = """
import os, sys, time
sys.path.append({root!r})
from pathlib import Path
from poolscope.workloads.work import set_up
set_up("http", 1.0, 4, Path({scratch!r}))
forked = os.fork()
if forked:
    print(forked, flush=True)
time.sleep(3600)
"""


def test_the_server_goes_with_its_host_even_if_a_forked_worker_holds_its_input_open(tmp_path: Path) -> None:
    program = HOST.format(root=str(ROOT / "app"), scratch=str(tmp_path))
    host = subprocess.Popen([sys.executable, "-I", "-S", "-c", program], stdout=subprocess.PIPE)
    assert host.stdout is not None
    with host.stdout:
        forked = psutil.Process(int(host.stdout.readline()))
    try:
        servers = [child for child in psutil.Process(host.pid).children() if child != forked]
        assert len(servers) == 1
        host.kill()
        host.wait()
        until_gone(servers)
        assert lives(forked)
    finally:
        os.kill(forked.pid, signal.SIGKILL)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 500 Internal Server Error\r\n\r\n7"])
def test_an_answer_that_is_none_is_an_error(answer: bytes) -> None:
    with pytest.raises(io.WrongAnswer, match="The server answered"):
        io.number_in(answer)


@pytest.mark.parametrize(
    "module", ["runner.pools.worker_side", "workloads.compute", "workloads.io", "workloads.data", "workloads.shared"]
)
def test_a_worker_imports_no_heavy_module_before_its_first_answer(module: str) -> None:
    heavy = (
        "{'hashlib', 'ssl', 'json', 'dataclasses', 'asyncio', 'subprocess', 'tempfile', 'poolscope.protocol.records', "
        "'poolscope.runner.context', 'poolscope.workloads.catalog', 'poolscope.workloads.work'}"
    )
    # What a worker has anyway: under spawn it unpickles a multiprocessing.Pool's worker function.
    code = (
        f"import sys; sys.path.append({str(ROOT / 'app')!r}); import multiprocessing.pool; had = set(sys.modules); "
        f"import poolscope.{module}; print(*sorted({heavy} & (set(sys.modules) - had)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
