"""Every kind of pool under other Pythons, by the standard library alone; skipped where there are none."""

from __future__ import annotations

import json
import re
import subprocess
import textwrap
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.pythons import executable_of

ROOT = Path(__file__).resolve().parents[3]

# What a user has: a module that interpreters must import for themselves, and one that they can't.
THEIRS = {
    "tasks": """
        OFFSET = 1
        ready = 0
        def connect():
            global ready
            ready += 1
        def task(n):
            return n * OFFSET + ready
        def fail(n):
            raise ValueError(f"{n + OFFSET} is refused")
    """,
    "alone": """
        import sys
        if "concurrent.interpreters" in sys.modules:
            from concurrent import interpreters
            if interpreters.get_current() != interpreters.get_main():
                raise ImportError("alone does not support loading in subinterpreters")
        OFFSET = 1
        def task(n):
            return n + OFFSET
    """,
}
PROGRAM = """
import json, multiprocessing, os, sys, threading, warnings
sys.path[:0] = [sys.argv[1]]
sys.path.append(sys.argv[2])
warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*multi-threaded.*fork.*")
from pathlib import Path
from poolscope.protocol.kinds import KINDS
from poolscope.runner.pools.kinds import PoolUse, lacking, measure
from poolscope.runner.recorder import Recorder
from poolscope.runner.context import RunContext
from poolscope.workloads.work import Work, set_up
import alone, tasks

async def later(n):
    return tasks.task(n)

async def fail_later(n):
    tasks.fail(n)

def die(n):
    os.kill(os.getpid(), 9)

def tried(kind, work, **more):
    try:
        return measure(context, PoolUse(kind, 2), work, **more)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

if __name__ == "__main__":
    context = RunContext(Recorder(os.open(os.devnull, os.O_WRONLY)), Path(sys.argv[1]))
    before = threading.enumerate()
    said = {"lacking": {kind: lacking(kind) for kind in KINDS}, "kinds": {}}
    for kind in [kind for kind in KINDS if lacking(kind) is None]:
        tasks.ready = 0
        work = Work(tasks.task, range(6), later, tasks.connect)
        traced = tried(kind, work, traced=True)
        shared = set_up("shared-object", None, 4, context.scratch, rounds=20)
        added = tried(kind, shared).results if kind != "asyncio" else []
        said["kinds"][kind] = {
            "results": traced.results,
            "workers": len(set(traced.workers)),
            "phases": [traced.start, traced.first_ready, traced.map, traced.stop],
            "tasks": len(traced.tasks),
            "strangers": len({task.worker for task in traced.tasks} - set(traced.workers)),
            "memory": len(traced.memory.per_worker),
            "raised": tried(kind, Work(tasks.fail, range(6), fail_later)),
            "died": tried(kind, Work(die, range(6))) if kind == "process" else None,
            "alone": tried(kind, Work(alone.task, range(6))) if kind == "interpreter" else None,
            "added": shared.function.args[0].total() if added else None,
            "left": len(multiprocessing.active_children()) + len(threading.enumerate()) - len(before),
        }
    print(json.dumps(said))
"""


@cache
def answers(python: str, folder: Path) -> Any:
    """What the program found under that Python; skips where there is none."""
    executable = executable_of(python)
    for name, text in THEIRS.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    program = folder / "program.py"
    program.write_text(PROGRAM)
    command = [executable, "-I", "-S", str(program), str(folder), str(ROOT / "app")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("theirs")


@pytest.fixture(params=["python3.15", "python3.14", "python3.13t"])
def found(request: pytest.FixtureRequest, folder: Path) -> Any:
    return answers(request.param, folder)


def test_every_kind_that_a_python_has_maps_a_users_function_and_leaves_nothing(found: Any) -> None:
    assert found["kinds"].keys() == {kind for kind, why in found["lacking"].items() if why is None}
    for kind, said in found["kinds"].items():
        # The set-up came before, once in each worker; two threads share what it counts.
        ready = said["results"][0]
        assert said["results"] == [n + ready for n in range(6)], kind
        assert ready == (2 if kind == "thread" else 1), kind
        assert said["workers"] == said["memory"] == (1 if kind == "serial" else 2), kind
        assert said["tasks"] == 6, kind
        assert said["strangers"] == 0, kind
        assert said["added"] in (4 * 20, None), kind
        assert said["left"] == 0, kind
        if kind != "serial":
            start, first_ready, mapped, stop = said["phases"]
            assert 0 < first_ready <= start, kind
            assert min(mapped, stop) > 0, kind


def test_what_goes_wrong_comes_through_from_wherever_it_did(found: Any) -> None:
    for kind, said in found["kinds"].items():
        assert said["raised"] in ("ValueError: 1 is refused", "ValueError: 2 is refused"), kind
        if said["died"] is not None:
            assert re.match(r"WorkerDied: Worker \d of 2 \(process \d+\) was killed by SIGKILL", said["died"]), kind


def test_interpreters_say_what_they_can_not_import(folder: Path) -> None:
    found = answers("python3.14", folder)
    assert found["lacking"]["interpreter"] is None
    reason = "ImportError: alone does not support loading in subinterpreters."
    assert found["kinds"]["interpreter"]["alone"] == (
        f"PoolFailed: Function, items or results can't be handed to an interpreter: {reason}"
    )
