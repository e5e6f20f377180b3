"""The scripts that a run's page offers: each runs alone, prints what it must, and holds values as values."""

from __future__ import annotations

import ast
import inspect
import itertools
import multiprocessing
import queue
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast, get_args

import pytest
from poolscope.experiments.factorials.params import Kind
from poolscope.experiments.failures.catalogue import EVERY, SCENARIOS
from poolscope.experiments.pool_benchmark.params import Method, WorkloadOfSizes
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.experiments.shared_list.params import Guard
from poolscope.experiments.shared_list.payloads import ControlsInForce
from poolscope.experiments.sharing import isolated, worker_group
from poolscope.experiments.sharing.catalog import TOOLS
from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.handlers import HANDLERS
from poolscope.protocol.kinds import POOL_KINDS
from poolscope.protocol.payloads import ItemChange
from poolscope.protocol.records import Result
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run
from poolscope.runs.scheduler import Scheduler
from poolscope.web.access import Identification
from poolscope.web.app_state import AppState
from poolscope.web.exports import script
from poolscope.workloads.catalog import OF_WHICH_POOL, WORK_MS

from tests.experiments.pool_benchmark.invented_runs import told

Render = Callable[..., str]

SHORT = {"producers": 2, "consumers": 2, "delay_min": 0.001, "delay_max": 0.002, "seconds": 0.3}
NASTY = (
    "'); import os; os._exit(7)  #",
    '""" + __import__("os")._exit(7) + """',
    "lock\nimport os; os._exit(7)",
    "{{ 7 * 7 }}{% raw %}",
    "\\",
)


@pytest.fixture(scope="module")
def app_state(tmp_path_factory: pytest.TempPathFactory) -> AppState:
    return AppState(Scheduler(Journal(tmp_path_factory.mktemp("scripts") / "unused.sqlite")), Identification())


@pytest.fixture
def render(app_state: AppState) -> Render:
    """The script of a run that never took place."""

    def text(experiment: str, /, **params: Any) -> str:
        found = EXPERIMENTS[experiment]
        return script(app_state, Run("xx-0042", found, found.params(**params), conditions={"python": "3.11.7"}))

    return text


@pytest.fixture
def outcome(tmp_path: Path, render: Render) -> Callable[..., list[str]]:
    """Renders, runs alone and returns the lines printed."""

    def lines(experiment: str, /, **params: Any) -> list[str]:
        return run_alone(render(experiment, **params), tmp_path)

    return lines


def run_alone(text: str, folder: Path) -> list[str]:
    """What a script prints in an interpreter that sees the standard library only; it must leave without complaint."""
    path = folder / "alone.py"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", str(path)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=60,
    )
    assert done.returncode == 0, f"{done.stderr}\n{text}"
    assert "Traceback" not in done.stderr
    return done.stdout.splitlines()


def variants() -> list[tuple[str, dict[str, Any]]]:
    """Every script there is, by the parameters that decide what stands in it."""
    return [
        *(("shared-list", {"guard": guard, "capacity": c}) for guard in get_args(Guard) for c in (0, 3)),
        *(("factorials", {"kind": kind}) for kind in get_args(Kind)),
        *(
            ("pool-sizes", {"workload": workload, "method": method, "chunksize": chunk})
            for workload, method, chunk in itertools.product(get_args(WorkloadOfSizes), get_args(Method), (0, 3))
            if not (chunk and method == "apply_async")
        ),
        *(("sharing", {"tools": [tool]}) for tool in (*TOOLS, "all")),
        ("sharing", {"tools": ["lock", "mp-queue", "shared-memory"]}),
        *(
            ("which-pool", {"workload": name, "kinds": [kind]})
            for name in OF_WHICH_POOL
            for kind in (*POOL_KINDS, "all")
        ),
        ("which-pool", {"workload": "mine.tasks:parse@other.data:rows+connect", "kinds": ["process"]}),
        *(
            ("which-pool", {"workload": name, "kinds": [kind], "star": star})
            for name in ("mine.tasks:parse@rows", "of/mine.py:parse@rows", "of/it%27s %22mine%22.py:parse@rows")
            for kind in POOL_KINDS
            for star in (False, True)
        ),
        *(("failures", {"scenarios": scenarios}) for scenarios in (["all"], *([name] for name in SCENARIOS))),
    ]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_script_is_short_and_needs_the_standard_library_only(render: Render, experiment: str) -> None:
    asked = [params for name, params in variants() if name == experiment]
    assert asked
    wrong = {str(params): what_is_wrong_with(render(experiment, **params), experiment, params) for params in asked}
    assert {params: found for params, found in wrong.items() if found} == {}


def what_is_wrong_with(text: str, experiment: str, params: dict[str, Any]) -> list[str]:
    """What a script has that it should not have; an empty list for one as it should be."""
    tree = ast.parse(text)
    compile(tree, "alone.py", "exec", dont_inherit=True)
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    taken_from = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = modules | {node.module or "" for node in taken_from}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    bound = {name.split(".")[0] for name in modules} | {alias.name for node in taken_from for alias in node.names}
    lines = text.splitlines()
    # All tools, or all scenarios, in one script are as many small programs, each as long as it needs to be.
    most = 350 if params.get("tools") == ["all"] else 500 if params.get("scenarios") == ["all"] else 140
    least = {"failures": 40, "which-pool": 30}.get(experiment, 50)
    checks = {
        "imports that are not of the standard library": {name.split(".")[0] for name in imported}
        - {*sys.stdlib_module_names, "mine", "other"},
        "imports that this variant does not need": bound - names,
        "no run's id": "xx-0042" not in (ast.get_docstring(tree) or ""),
        f"{len(lines)} lines": not least <= len(lines) <= most,
        "a line that is too long": max(map(len, lines)) > 120,
        "three empty lines": "\n\n\n\n" in text,
        "another end": not text.endswith("main()\n"),
        "blanks at the end of a line": any(line != line.rstrip() for line in lines),
    }
    return [f"{what}: {found}" for what, found in checks.items() if found]


@pytest.mark.parametrize("capacity", [0, 3])
@pytest.mark.parametrize("guard", get_args(Guard))
def test_a_shared_list_prints_its_steps_and_checks_its_counts(
    outcome: Callable[..., list[str]], guard: str, capacity: int
) -> None:
    lines = outcome("shared-list", **SHORT, guard=guard, capacity=capacity)

    steps = [line for line in lines if line.startswith(("Added: ", "Removed: "))]
    assert any(re.fullmatch(r"Added: \d+ \| Current List: \[[\d, ]*\]", line) for line in steps)
    assert any(re.fullmatch(r"Removed: \d+ \| Current List: \[[\d, ]*\]", line) for line in steps)
    check = next(line for line in lines if line.startswith("Check: added - removed = length: "))
    if guard == "none":
        assert re.fullmatch(r"The threads really added \d+ and removed \d+: -?\d+ updates were lost.", lines[-1])
        return
    counted = re.fullmatch(r"Check: .*: (\d+) - (\d+) = (-?\d+): holds\.", check)
    assert counted, check
    added, removed, length = map(int, counted.groups())
    assert added == sum(line.startswith("Added") for line in steps)
    assert removed == sum(line.startswith("Removed") for line in steps)
    assert added - removed == length >= 0
    if capacity:
        assert max(line.count(",") + 1 for line in steps) <= capacity


@pytest.mark.parametrize("guard", ["lock", "rlock"])
def test_a_consumer_that_polls_an_empty_list_says_so(outcome: Callable[..., list[str]], guard: str) -> None:
    lines = outcome("shared-list", **{**SHORT, "consumers": 8}, guard=guard)
    assert "List is empty, nothing to remove." in lines


@pytest.mark.parametrize("guard", ["condition", "queue"])
def test_consumers_that_wait_for_ever_still_end(outcome: Callable[..., list[str]], guard: str) -> None:
    slow = {"producers": 1, "consumers": 16, "delay_min": 0.2, "delay_max": 0.2, "seconds": 0.1}
    assert "holds" in outcome("shared-list", **slow, guard=guard)[-1]


def test_delays_that_were_changed_while_it_ran_are_those_of_the_script(app_state: AppState) -> None:
    about = EXPERIMENTS["shared-list"]
    run = Run("sl-0042", about, about.params())
    run.state = about.meaning.fold(run.state, Result(1, ControlsInForce(0.0, 0.003, paused=False)))
    assert "DELAY_MIN, DELAY_MAX = 0.0, 0.003" in script(app_state, run)


def test_without_a_guard_lost_updates_show(outcome: Callable[..., list[str]]) -> None:
    crowd = {"producers": 8, "consumers": 8, "delay_min": 0.005, "delay_max": 0.02, "seconds": 0.5}
    lines = outcome("shared-list", **crowd, guard="none")
    said = re.search(r"really added (\d+) and removed (\d+): (-?\d+) updates were lost", lines[-1])
    counted = re.search(r"Added (\d+), removed (\d+)", lines[-3])
    assert said
    assert counted
    assert int(said[3]) == sum(map(int, said.groups()[:2])) - sum(map(int, counted.groups()))
    assert int(said[3]) > 0, lines[-3:]
    assert int(counted[1]) < int(said[1])


def test_flat_out_a_long_list_is_shortened(outcome: Callable[..., list[str]]) -> None:
    fast = {"producers": 4, "consumers": 1, "delay_min": 0, "delay_max": 0, "seconds": 0.5}
    lines = outcome("shared-list", **fast)
    longest = max(lines, key=len)
    assert re.search(r"Current List: \[\.\.\. \d+ older \.\.\., \d+(, \d+){99}\]", longest)
    assert "holds" in lines[-1]


@pytest.mark.parametrize("kind", get_args(Kind))
def test_factorials_come_as_they_complete_and_a_failure_stops_no_other(
    outcome: Callable[..., list[str]], kind: str
) -> None:
    *lines, last = outcome("factorials", first=-1, last=6, workers=2, kind=kind)
    assert "Factorial of 5 is 120" in lines
    assert sorted(lines) == sorted(
        ["Factorial of -1: Error: n! is not defined for negative numbers."]
        + [f"Factorial of {n} is {value}" for n, value in enumerate((1, 1, 2, 6, 24, 120, 720))]
    )
    assert last.startswith("8 numbers, 1 failed, 2 ")


def test_with_one_thread_the_factorials_come_in_order(outcome: Callable[..., list[str]]) -> None:
    *lines, _ = outcome("factorials", first=1, last=200, workers=1)
    assert [int(line.split()[2]) for line in lines] == list(range(1, 201))


def test_a_long_factorial_is_printed_whole_and_a_slow_one_fails(outcome: Callable[..., list[str]]) -> None:
    lines = outcome("factorials", first=4999, last=5000, workers=1)
    assert max(map(len, lines)) > 16_326
    lines = outcome("factorials", first=5000, last=5000, workers=1, time_limit=0.001)
    assert lines[0] == "Factorial of 5000: Error: 5000! ran into its limit of 0.001 s."


EXPECTED = {
    "square": "[1, 4, 9, 16, 25, 36, 49, 64, 81, 100]",
    "square-sleep": "[1, 4, 9, 16, 25, 36, 49, 64, 81, 100]",
    "factorial": "[1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800]",
    "read-files": "[131073, 131074, 131075, 131076, 131077, 131078, 131079, 131080, 131081, 131082]",
}


def check_pools(lines: list[str], sizes: list[int], results: str | None) -> None:
    text = "\n".join(lines)
    for size in sizes:
        said = re.search(
            rf"^Using a pool of size {size}:\nResults: (\[.*\])\nTime taken: (\d+\.\d{{4}}) seconds\n"
            r"Start-up \d+\.\d{4}, shutdown \d+\.\d{4} seconds, speed-up \d+\.\d\d$",
            text,
            re.MULTILINE,
        )
        assert said, text
        if results is not None:
            assert said[1] == results
    assert re.fullmatch(r"The plain loop: \d+\.\d{6} seconds. All times are medians of \d+ rounds.", lines[-1])


# Every workload, and every method; that each fits the others is seen in the text.
@pytest.mark.parametrize(
    ("workload", "method"),
    [
        *((workload, "map") for workload in get_args(WorkloadOfSizes)),
        *(("square", method) for method in get_args(Method)[1:]),
    ],
)
def test_pools_of_every_workload_and_method(outcome: Callable[..., list[str]], workload: str, method: str) -> None:
    short = {"work_ms": 1.0} if workload in WORK_MS else {}
    lines = outcome("pool-sizes", sizes=[1, 2], repeats=2, workload=workload, method=method, **short)
    check_pools(lines, [1, 2], EXPECTED.get(workload))


# A work of which the program finds out how long it takes before its workers begin.
@pytest.mark.parametrize("start_method", multiprocessing.get_all_start_methods())
def test_pools_of_every_start_method(outcome: Callable[..., list[str]], start_method: str) -> None:
    asked = {"workload": "sum-of-squares", "work_ms": 1.0, "chunksize": 2, "start_method": start_method}
    check_pools(outcome("pool-sizes", sizes=[2], repeats=1, **asked), [2], None)


def test_long_values_of_a_pool_are_shortened_and_many_are_counted(outcome: Callable[..., list[str]]) -> None:
    lines = outcome("pool-sizes", sizes=[1], repeats=1, workload="factorial", first=5000, last=5000)
    assert "(16,326 digits)" in "\n".join(lines)
    lines = outcome("pool-sizes", sizes=[1], repeats=1, first=1, last=1200)
    assert "1000000] and 200 more" in "\n".join(lines)


def test_all_tools_print_what_they_expected_and_found(outcome: Callable[..., list[str]]) -> None:
    # What a server forks is given its work as what is spawned is, pickled, and costs a tenth; fork asks for less.
    lines = outcome("sharing", operations=400, workers=2, repeats=1, start_method="forkserver")
    missing = [line for line in lines if "not on this Python" in line]
    lines = [line for line in lines if line not in missing]
    assert len(lines) + len(missing) == len(TOOLS)
    # Additions that are interrupted, permits, threads that are woken or meet; of the others, what is timed.
    shown = {"none": 400, "value-unguarded": 400, "semaphore": 1, "event": 2, "barrier": 2}
    here = [tool for tool in TOOLS.values() if tool.name != "interpreters" or not missing]
    words = r".+: expected (\d+), actual (\d+): (right|wrong, \d+ lost); .+ microseconds per (.+)"
    for line, tool in zip(lines, here, strict=True):
        said = re.fullmatch(words, line)
        assert said, line
        assert int(said[1]) == shown.get(tool.name, tool.amount(400)), line
        assert said[4] == tool.operation
        if not tool.wrong:
            assert (said[2], said[3]) == (said[1], "right"), line


class Worked(NamedTuple):
    """What one group of workers did: their functions as they are written, and how often each did its work."""

    functions: list[str]
    times: list[int]


class Noting:
    """Has jobs done in threads, and notes them; a `DemoContext` as far as a timed round needs one."""

    start_method = "fork"
    start_context = multiprocessing.get_context("fork")

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.groups: list[Worked] = []

    parts = DemoContext.parts

    def threads(self, jobs: Sequence[worker_group.Job]) -> list[worker_group.WorkerResult]:
        self.groups.append(worked(jobs))
        return worker_group.threads(jobs)

    processes = threads


def worked(jobs: Sequence[worker_group.Job]) -> Worked:
    times = [next((arg for arg in reversed(args) if isinstance(arg, int)), 1) for _, args in jobs]
    return Worked([written(function) for function, _ in jobs], sorted(times))


def written(function: Callable[..., Any]) -> str:
    """What a function does, whatever it is called: without names of its own, annotations, docstrings and assertions."""
    if inspect.ismethod(function):  # of an object of the standard library
        return function.__qualname__
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    names = {each.arg: f"argument {place}" for place, each in enumerate(tree.args.args)}
    body = tree.body[1:] if ast.get_docstring(tree) is not None else tree.body
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return "\n".join(ast.unparse(node) for node in body if not isinstance(node, ast.Assert))


@pytest.fixture
def tools_of_script(render: Render, tmp_path: Path) -> dict[str, Any]:
    """What the script with all tools defines."""
    path = tmp_path / "tools_of_script.py"
    path.write_text(render("sharing", operations=40, workers=3, repeats=2, start_method="fork"), encoding="utf-8")
    found: dict[str, Any] = {"__name__": "tools_of_script"}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec", dont_inherit=True), found)
    return found


@pytest.mark.parametrize("name", [name for name in TOOLS if name != "interpreters"])
def test_the_script_times_what_the_run_times(tools_of_script: dict[str, Any], name: str) -> None:
    amount = TOOLS[name].amount(40)
    run, alone = Noting(workers=3), Noting(workers=3)
    HANDLERS[name].measure(cast("DemoContext", run), amount)

    def noted(*jobs: Any) -> tuple[float, tuple[Any, ...]]:
        """Group by group its number in place of the seconds, so that it can be told which of them is timed."""
        results = alone.threads([(function, args) for function, *args in jobs])
        return float(len(alone.groups) - 1), tuple(result.value for result in results)

    tools_of_script.update(in_threads=noted, in_processes=noted)
    tool, _, _ = list(tools_of_script["TOOLS"].values())[list(TOOLS).index(name)]
    _, _, seconds = tool(amount)
    assert [alone.groups[int(seconds)]] == run.groups


def test_the_interpreters_of_the_script_do_what_those_of_the_run_do(tools_of_script: dict[str, Any]) -> None:
    for code in ("PRODUCER", "CONSUMER"):
        assert ast.dump(ast.parse(tools_of_script[code])) == ast.dump(ast.parse(getattr(isolated, code)))

    class Interpreter(dict[str, Any]):
        prepare_main = dict.update

        def exec(self, code: str) -> None:
            exec(code, self)

    tools_of_script["interpreters"] = SimpleNamespace(create=Interpreter, create_queue=queue.Queue)
    expected, actual, seconds = tools_of_script["between_interpreters"](40)
    assert (expected, actual) == (40, 40)
    assert seconds > 0


def test_the_script_divides_by_the_operations_of_the_run(
    tools_of_script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[int] = []

    def tool(amount: int) -> tuple[int, int, float]:
        asked.append(amount)
        return 1, 1, amount * 3e-6

    tools_of_script["interpreters"] = "there"
    tools_of_script["gc"] = SimpleNamespace(collect=int)  # a real one looks at all that the tests hold, each round
    tools_of_script["TOOLS"] = {name: (tool, *facts) for name, (_, *facts) in tools_of_script["TOOLS"].items()}
    tools_of_script["main"]()
    assert sorted(asked) == sorted(3 * [tool.amount(40) for tool in TOOLS.values()])
    prices = [line.partition("right; ")[2] for line in capsys.readouterr().out.splitlines()]
    assert prices == [f"3.00 microseconds per {tool.operation}" for tool in TOOLS.values()]


def test_the_clock_of_the_script_is_read_by_the_workers_alone(tools_of_script: dict[str, Any]) -> None:
    read: list[threading.Thread] = []

    def clock() -> float:
        read.append(threading.current_thread())
        return float(len(read))

    tools_of_script["time"] = SimpleNamespace(perf_counter=clock)
    seconds, values = tools_of_script["in_threads"](*[(abs, -number) for number in range(5)])
    assert threading.current_thread() not in read
    assert len(read) == 10
    assert (seconds, values) == (9.0, (0, 1, 2, 3, 4))  # from the first to begin to the last to end


@pytest.mark.parametrize("tool", ["none", "value-unguarded"])
def test_a_tool_without_a_guard_loses_updates_alone_too(outcome: Callable[..., list[str]], tool: str) -> None:
    (line,) = outcome("sharing", tools=[tool], operations=4000, workers=4, repeats=2)
    assert re.search(r": wrong, [1-9]\d* lost; ", line), line


def test_the_failures_fail_as_the_scenarios_do(outcome: Callable[..., list[str]]) -> None:
    lines = outcome("failures", scenarios=["all"], task=0.6, limit=0.3)
    assert [line[4:] for line in lines if line.startswith("--- ")] == list(EVERY)
    told = {part.partition("\n")[0]: part for part in "\n".join(lines).split("--- ")[1:]}
    assert [name for name, part in told.items() if part.strip() == name] == [], "who said nothing"
    assert "Raised again in the main thread: An error occurred" in told["thread-queue"]
    assert "Pool: task 5 never answered" in told["worker-killed"]
    assert "ProcessPoolExecutor: broken, lost are the tasks [" in told["worker-killed"]
    assert "Process terminated due to timeout, exit code -15" in told["time-limit"]
    assert told["deadlock"].strip().endswith("Deadlock")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_a_value_can_not_become_code(app_state: AppState, experiment: str) -> None:
    """Even where validation was passed by, as with a run of long ago: every value is a literal, or is not there."""
    found = EXPERIMENTS[experiment]
    for nasty, name in itertools.product(NASTY, found.params.model_fields):
        params = found.params.model_construct(**{**found.params().model_dump(), name: nasty})
        state = found.meaning.initial(found.params())
        text = script(app_state, Run("xx-0042", found, params, state=state))
        tree = ast.parse(text)
        assert not {"os._exit", "__import__"} & {ast.unparse(node.func) for node in calls(tree)}, name
        if repr(nasty) in text:
            assert nasty in {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}, name


def calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


# Which pool


@pytest.mark.parametrize(
    ("workload", "kind"),
    [
        *((workload, "thread") for workload in ("square", "primes", "zlib", "read-files", "memory-hungry", "uneven")),
        ("shared-object", "process"),
        ("large-arguments", "pool"),
        ("sum-of-squares", "all"),
        ("http", "thread"),
        ("http", "asyncio"),
        ("sleep", "asyncio"),
    ],
)
def test_the_script_of_a_work_does_it_in_the_pool_and_in_the_loop(
    render: Render, tmp_path: Path, workload: str, kind: str
) -> None:
    length = {"work_ms": 1} if workload in ("sleep", "http") else {}
    text = render("which-pool", workload=workload, kinds=[kind], sizes=[2], items=4, **length)
    lines = run_alone(re.sub(r"ROUNDS = \d+", "ROUNDS = 10", text), tmp_path)
    ways = ["through_the_loop"] if kind == "all" else ["through_the_loop", "through_the_pool"]
    assert [line.partition(" in ")[0] for line in lines[: len(ways)]] == [f"{way}: 4 results" for way in ways]
    if workload == "shared-object":
        assert lines[-1] == "Added in all: 80"


@pytest.mark.parametrize(
    ("name", "file", "asked"),
    [
        ("mine:parse@rows+connect", "mine.py", {}),
        ("mine:parse@pairs+connect", "mine.py", {"star": True}),
        ("of/my-own.v2.py:parse@rows+connect", "of/my-own.v2.py", {}),
        (
            "of/mine.py:parse@pairs+connect",
            "of/mine.py",
            {"star": True, "kinds": ["process"], "start_methods": ["spawn"]},
        ),
    ],
)
def test_the_script_of_ones_own_work_imports_it(
    render: Render, tmp_path: Path, name: str, file: str, asked: dict[str, Any]
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(
        "def rows():\n    return [3, 1, 2]\n\npairs = [(1, 2), {'n': 3}, [4]]\n\ndef parse(n, more=0):\n"
        "    return more - n\n\ndef connect():\n    print('set up', flush=True)\n"
    )
    (tmp_path / "alone.py").write_text(
        render("which-pool", workload=name, **{"kinds": ["thread"], "sizes": [1], **asked})
    )
    done = subprocess.run([sys.executable, "alone.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("set up") == 2
    assert "through_the_pool: 3 results" in done.stdout


def test_the_script_of_work_that_changes_its_items_gives_each_way_copies(app_state: AppState, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("rows = [[3], [1]]\n\ndef drain(row):\n    return row.pop()\n")
    found = EXPERIMENTS["which-pool"]
    asked: dict[str, Any] = {"workload": "mine:drain@rows", "kinds": ["thread"]}
    run = Run("xx-0042", found, found.params(**asked), conditions={"python": ""})
    changed = ItemChange(0, "list", copied=True, returned=True)
    maps = {"serial": [1.0], "thread 2": [1.0]}
    run.state = told(maps, items=2, tried={"changed": changed}, asked={"workload": "mine:drain@rows"})
    (tmp_path / "alone.py").write_text(script(app_state, run))
    done = subprocess.run([sys.executable, "alone.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "through_the_pool: 2 results" in done.stdout
