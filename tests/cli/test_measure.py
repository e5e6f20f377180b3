"""`poolscope measure`: what it makes of a user's words, their environment and Pythons, and of their function."""

from __future__ import annotations

import inspect
import json
import re
import signal
import sys
from pathlib import Path

import pytest
from poolscope.cli import measure
from poolscope.experiments.experiment import Installation
from poolscope.experiments.pool_benchmark.measure_command import measure_command, program
from poolscope.experiments.pool_benchmark.params import WhichPoolParams

from tests.cli.conftest import Call, descendants, kept_runs, started
from tests.pythons import made_environment
from tests.waiting import until_gone

TASKS = """
import time

def double(n):
    print("hello")
    return 2 * n

def twice(n):
    import theirs_alone
    return theirs_alone.twice(n)

def slow(n):
    time.sleep(0.02)

def fails(n):
    raise ValueError(n)

def two_things(workers, more):
    pass

def unlucky(workers):
    raise RuntimeError("no cluster today")

def forgetful(workers):
    pass

numbers = range(10)
number = 3
nothing = []
"""


@pytest.fixture
def tasks(settings: None, tmp_path: Path) -> None:
    """A user's folder with a module `tasks`."""
    (tmp_path / "tasks.py").write_text(TASKS)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("f", "--items", "numbers"), "MODULE:FUNCTION"),
        (("tasks.double", "--items", "numbers"), "is tasks:double meant?"),
        (("src/tasks:double", "--items", "numbers"), "is src/tasks.py:double meant?"),
        (("src/tasks.py", "--items", "numbers"), "src/tasks.py:parse"),
        (("tasks:f()", "--items", "numbers"), "MODULE:FUNCTION"),
        (("tasks:double", "--items", "1, 2"), "--items"),
        (("tasks:double", "--items", "numbers", "--setup", "x:"), "--setup"),
        (("tasks:double", "--items", "numbers", "--repeats", "0"), "repeats"),
        (("tasks:double", "--items", "numbers", "--kinds", "fibre"), "kinds"),
        (("tasks:double", "--items", "numbers", "--executor", "unlucky"), "MODULE:FACTORY"),
        (("tasks:double", "--items", "numbers", "--limit", "soon"), "--limit must be"),
        (("tasks:double", "--items", "numbers", "--python", "./nowhere"), "./nowhere"),
        (("tasks:double", "--items", "numbers", "--python", "9.9"), "9.9"),
    ],
    ids=[
        "no module",
        "a dot",
        "a path",
        "a file",
        "no name",
        "items",
        "set-up",
        "repeats",
        "kinds",
        "executor",
        "limit",
        "path",
        "label",
    ],
)
def test_what_makes_no_sense_exits_with_2_and_one_line_and_starts_nothing(
    call: Call, data: Path, words: tuple[str, ...], named: str
) -> None:
    done = call("measure", *words)
    assert (done.status, done.out) == (2, "")
    assert named in done.err
    assert done.err.count("\n") == 1
    assert not data.exists()


def test_an_executor_of_ones_own_is_measured_beside_loky_or_left_out_with_its_reason(tasks: None, call: Call) -> None:
    words = ("--items", "numbers", "--kinds", "loky", "--sizes", "1", "--repeats", "1", "--json")
    done = call("measure", "tasks:double", *words, "--executor", "tasks:unlucky", "--fail-if", "undecided")
    assert done.status == 1  # of a document that is whole all the same
    state = json.loads(done.out)["state"]
    cells = {cell["kind"]: cell for cell in state["cells"]}
    assert list(cells) == ["loky", "executor"]
    assert cells["loky"]["wall_s"]["median"] > 0
    assert len(cells["loky"]["hosts"]) == 1
    assert cells["loky"]["memory_per_worker"] > 0
    assert "RuntimeError: no cluster today" in cells["executor"]["skipped"]


def test_a_run_whose_every_pool_breaks_exits_with_1_and_says_why_once(tasks: None, call: Call) -> None:
    words = ("--items", "numbers", "--executor", "tasks:forgetful", "--kinds", "executor", "--sizes", "1,2")
    done = call("measure", "tasks:double", *words, "--repeats", "1", "--json")
    assert done.status == 1
    said = "no context manager"
    assert done.err.count(said) == 1
    verdict = json.loads(done.out)["verdict"]
    assert verdict.startswith("No pool was measured to its end.")
    assert verdict.count(said) == 1


@pytest.mark.parametrize(
    ("function", "items", "status", "named"),
    [
        ("tusks.py:double", "numbers", 2, "is tasks.py meant?"),
        ("tasks:double", "nothing", 2, "tasks:nothing"),
        ("tasks:fails", "numbers", 1, "tasks:fails"),
    ],
    ids=["no file", "no items", "raises"],
)
def test_what_is_not_there_exits_with_2_and_a_function_that_raises_with_1(
    tasks: None, call: Call, data: Path, function: str, items: str, status: int, named: str
) -> None:
    done = call("measure", function, "--items", items, "--kinds", "thread", "--sizes", "2", "--repeats", "1")
    assert done.status == status
    assert named in done.err.splitlines()[-1]
    # Who mistyped a name needs no table, and not the same command again.
    assert ("wp-0001, failed" in done.out) == bool(done.out) == (status == 1)
    assert kept_runs(data) == ([("wp-0001", "failed")] if status == 1 else [])


def test_a_factory_that_asks_for_more_than_a_number_of_workers_exits_with_2(tasks: None, call: Call) -> None:
    done = call("measure", "tasks:double", "--items", "numbers", "--kinds", "thread", "--executor", "tasks:two_things")
    assert done.status == 2
    said = done.err.splitlines()[-1]
    assert "tasks:two_things can't be called with a number of workers: missing a required argument: 'more'." in said
    assert "returns a context-managed concurrent.futures.Executor" in said


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (("a.b:f", "a.b:x", None), "a.b:f@x"),
        (("a.b:f", "x", "s"), "a.b:f@x+s"),
        (("a.b:f", "c:x", "a.b:s"), "a.b:f@c:x+s"),
        (("a:K.f", "a.b:x", "b:s"), "a:K.f@a.b:x+b:s"),
        (("./a b/my-file.v2.py:K.f", "x", "b:s"), "./a b/my-file.v2.py:K.f@x+b:s"),
        (("a@b+c.py:f", "c:x,y.py:z", "a@b+c.py:s"), "a%40b%2Bc.py:f@c%3Ax%2Cy.py:z+s"),
    ],
)
def test_work_has_one_name(given: tuple[str, str, str | None], name: str) -> None:
    assert measure.work_name(*given) == name
    assert WhichPoolParams(workload=name).workload == name


@pytest.mark.parametrize(
    ("words", "remedy", "command"),
    [
        (["f"], {"sizes": [1, 2]}, "f --sizes 1,2"),
        (["f", "--sizes", "4", "--json"], {"sizes": [1, 2]}, "f --json --sizes 1,2"),
        (["f", "--kinds=pool", "--limit", "3"], {"limit_s": 6.0, "kinds": ["thread"]}, "f --limit 6 --kinds thread"),
        (["f", "--star", "--items", "x y"], {"star": True, "start_methods": ["spawn"]}, None),
    ],
)
def test_a_remedy_takes_the_place_of_the_options_that_there_were(
    words: list[str], remedy: dict[str, object], command: str | None
) -> None:
    found = measure.with_options(words, remedy)
    assert found == (command or "f --items 'x y' --star --start-methods spawn")


def test_a_run_of_one_s_own_function_knows_the_command_that_runs_it_again() -> None:
    not_on_path = Installation(program="/my env/poolscope", data="/my runs")
    params = WhichPoolParams(workload="tasks:parse@samples+tools:connect", sizes=[2, 4], star=True, pythons=["3.13t"])
    assert measure_command(params, {}, Installation()) == (
        "poolscope measure tasks:parse --items tasks:samples --setup tools:connect --sizes 2,4 --star --python 3.13t"
    )
    assert measure_command(WhichPoolParams(workload="my%20tasks.py:parse@samples"), {"repeats": 10}, not_on_path) == (
        "'/my env/poolscope' measure 'my tasks.py:parse' --items 'my tasks.py:samples' --repeats 10 --data '/my runs'"
    )
    on_a_cluster = WhichPoolParams(workload="tasks:parse@samples", kinds=["dask"])
    there = Installation(), "tcp://there:8786"
    assert measure_command(on_a_cluster, {}, *there).endswith("--kinds dask --cluster tcp://there:8786")
    assert measure_command(on_a_cluster, {"kinds": ["thread"]}, *there).endswith("--kinds thread")


def test_every_parameter_of_a_remedy_has_an_option() -> None:
    options = inspect.signature(measure.command).parameters
    names = set(WhichPoolParams.model_fields) - {"workload", "work_ms", "items"}
    shown = {measure.with_options([], {name: "x"}).split()[0].removeprefix("--") for name in names}
    flags = {"python": "python", "limit": "limit", "max-tasks-per-child": "max_tasks"}
    assert {flags.get(name, name.replace("-", "_")) for name in shown} <= set(options)


def test_the_active_environment_counts_unless_it_is_ours(tmp_path: Path) -> None:
    assert measure.venv_python({}) == ""
    assert measure.venv_python({"VIRTUAL_ENV": sys.prefix}) == ""
    assert measure.venv_python({"VIRTUAL_ENV": str(tmp_path)}) == str(tmp_path / "bin" / "python")


@pytest.fixture
def theirs(tmp_path: Path) -> str:
    """The Python of somebody's virtual environment, made from the one that ours was made from."""
    folder = tmp_path / "project" / "venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    return str(folder / "bin" / "python")


def test_a_users_function_runs_in_their_folder_and_environment(
    tasks: None, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project" / "venv"
    theirs = made_environment(folder)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(theirs).resolve().parent}\n")
    packages = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "theirs_alone.py").write_text("def twice(n):\n    print('hello')\n    return 2 * n\n")
    monkeypatch.setenv("VIRTUAL_ENV", str(folder))
    words = ("measure", "tasks:twice", "--items", "numbers", "--kinds", "thread", "--sizes", "2", "--repeats", "2")
    done = call(*words)
    assert done.status == 0, done.err
    assert re.search(r"about .* left", done.err)
    assert re.search(r"│ plain loop +│", done.out)
    assert re.search(r"│ threads +│ +2 │", done.out)
    assert "- It printed " in done.out  # a finding of its own
    assert f"Run again: {program()} {' '.join(words)}\n" in done.out
    assert "hello" not in done.out + done.err  # it is in the run's records


def test_an_interrupted_measurement_exits_with_130_and_prints_and_keeps_what_it_has(tasks: None) -> None:
    words = ("tasks:slow", "--items", "numbers", "--kinds", "thread", "--sizes", "2", "--repeats", "50", "--json")
    with started("measure", *words) as process:
        assert process.stderr is not None
        while "left" not in process.stderr.readline():
            assert process.poll() is None
        children = descendants(process)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
    assert process.returncode == 130
    run = json.loads(out)
    assert (run["status"], run["kept"]) == ("stopped", True)
    assert run["state"]["done"] < run["state"]["total"]
    until_gone(children)
