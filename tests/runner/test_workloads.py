"""The functions that pools run: each does its work, travels to a worker, and takes about as long as was asked."""

from __future__ import annotations

import hashlib
import math
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from poolscope.experiments.pool_sizes.params import WORK_MS, PoolSizesParams
from poolscope.workloads import functions
from poolscope.workloads.functions import WORKLOADS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_gives_the_same_result_after_its_function_has_travelled(name: str, tmp_path: Path) -> None:
    ready = WORKLOADS[name].set_up(0.01 if WORKLOADS[name].work_ms else None, tmp_path)
    there = pickle.loads(pickle.dumps(ready.function))
    assert [there(n) for n in (1, 2, 3)] == [ready.function(n) for n in (1, 2, 3)]


def test_the_results_are_what_the_names_say(tmp_path: Path) -> None:
    assert functions.square(-7) == 49
    assert functions.square_sleep(0.0, 3) == 9
    assert functions.sum_of_squares(4, 10) == 10 * 10 + 0 + 1 + 4 + 9
    assert functions.factorial(10) == math.factorial(10)
    assert functions.sha256(hashlib.sha256, 2, 5) == hashlib.sha256(b"5" + functions.BLOCK * 2).hexdigest()


def test_a_file_is_read_whole_and_numbers_take_turns_on_the_files(tmp_path: Path) -> None:
    read = WORKLOADS["read-files"].set_up(None, tmp_path).function
    sizes = {path.stat().st_size for path in tmp_path.iterdir()}
    assert {read(n) for n in range(-20, 20)} == sizes
    assert read(1) == read(1 + functions.FILES)


def test_hashing_lets_go_of_the_gil() -> None:
    assert len(functions.BLOCK) > 2047


@pytest.mark.parametrize("name", ["sum-of-squares", "sha256"])
def test_twice_the_length_takes_more_rounds(name: str, tmp_path: Path) -> None:
    short, long = (WORKLOADS[name].set_up(work_ms, tmp_path) for work_ms in (0.5, 50.0))
    assert short.rounds is not None
    assert long.rounds is not None
    assert long.rounds > short.rounds


def test_rounds_follow_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0

    def ticking(rounds: int, _: int) -> None:
        nonlocal now
        now += 500 * rounds  # half a microsecond a round

    monkeypatch.setattr(functions, "perf_counter_ns", lambda: now)
    ready = functions.calibrated(20.0, lambda rounds: lambda n: ticking(rounds, n))
    assert ready.rounds == 40_000
    assert ready.one_call_s == pytest.approx(0.02)


def test_a_length_shorter_than_one_round_is_one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = functions.calibrated(1e-9, lambda rounds: lambda n: [n] * rounds)
    assert ready.rounds == 1


def test_what_may_be_asked_is_what_the_runner_can_do() -> None:
    assert {name: row.work_ms for name, row in WORKLOADS.items() if row.work_ms is not None} == WORK_MS
    for name in WORKLOADS:
        assert PoolSizesParams.model_validate({"workload": name}).length_ms == WORKLOADS[name].work_ms


@pytest.mark.parametrize(
    "module",
    [
        "runner.pools.worker_side",
        "workloads.functions",
        "workloads.compute",
        "workloads.io",
        "workloads.data",
        "workloads.shared",
    ],
)
def test_a_worker_imports_no_heavy_module_before_its_first_answer(module: str) -> None:
    heavy = (
        "{'hashlib', 'ssl', 'json', 'dataclasses', 'asyncio', 'subprocess', 'tempfile', "
        "'poolscope.protocol.records', 'poolscope.runner.context', 'poolscope.workloads.catalog'}"
    )
    # What a worker has anyway: under spawn it unpickles a multiprocessing.Pool's worker function.
    code = (
        f"import sys; sys.path.append({str(ROOT / 'app')!r}); import multiprocessing.pool; had = set(sys.modules); "
        f"import poolscope.{module}; print(*sorted({heavy} & (set(sys.modules) - had)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
