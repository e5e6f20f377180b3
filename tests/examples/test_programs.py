"""The example programs: each runs as it stands, prints what its comments say, and is shown somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from poolscope.examples import FOLDER, part, program_with, programs
from poolscope.experiments.failures.catalogue import SCENARIOS
from poolscope.experiments.sharing.catalog import TOOLS

from tests.pythons import executable_of

# What each prints, as a regular expression that finds it in the whole of its output.
PRINTS = {
    "barrier": r"\A(\d has prepared\n){4}(\d goes on\n){4}\Z",
    "by_hand": r"\A(kill -9 \d+\n){4}0 of 4 tasks broke with their executor, 4 returned\n\Z",
    "central_logging": r"(?s)(Exception occurred\nTraceback.*ValueError: Sample error\n){2}",
    "condition": r"\Adata\n\Z",
    "deadlock": r"\AOne order: both threads got both locks\n(Thread-\d.* waits in line \d+\n){2}Deadlock\n\Z",
    "event": r"\A(\d woke up\n){4}\Z",
    "executor_factory": r"\A\[0, 1, 4, 9, 16\]\n\Z",
    "five_processes": r"(?s)(Task \d runs in process \d+, a child of \d+\n){5}exit codes: \[0, 0, 0, 0, 0\]\n",
    "keyboard_interrupt": r"KeyboardInterrupt in the parent: the pool is terminated",
    "lock_exception": r"\Aby_acquire: nobody will ever release the lock\nby_with: the lock is free\n\Z",
    "manager": r"\A\['Hello from process'\] \{'parts': \[2\]\}\n\Z",
    "memory_limit": r"exit code \d+; the parent has no limit",
    "not_picklable": r"\Aargument: \w+\nfunction: \w+\nresult: \w+\n\Z",
    "other_interpreter": r"\A42\n\Z",
    "output_flood": r"It waits for ever: .*\nRead: 1000000 bytes, kept: 1000\n",
    "pipe": r"\AHello from worker! You said ping\n\Z",
    "pool_methods": r"(?s)\Amap: Exception: Cannot process 0\nimap: .*futures: \[10.0, 5.0, 'Exception: ",
    "pool_of_three": r"\A\[1, 4, 9, 16, 25\] \d",
    "process_caught": r"\AException in process: division by zero\nexit code 0\n\Z",
    "process_queue": r"\ARaised again in the parent: Process error; \d+ lines",
    "process_uncaught": r"exit code 1 is the only sign",
    "processes_compute": r"\AThreadPoolExecutor: \d.*\nProcessPoolExecutor: \d",
    "queue_of_processes": r"\A0\n1\n2\n3\n4\n\Z",
    "queue_of_threads": r"(?s)Consumed: 0\n.*Consumed: 1\n.*Consumed: 2\n.*Consumed: 3\n.*Consumed: 4\n",
    "race": r"\Ano guard: [01]?\d{1,3} of 2000\nLock: 2000 of 2000\n\Z",
    "rlock": r"\A20\nFalse\n\Z",
    "semaphore": r"\A2\n\Z",
    "shared_list": r"\A\d+ taken, \d+ left\n\Z",
    "shared_memory": r"\Ab'Hello'\n\Z",
    "side_by_side": r"(?m)^ProcessPoolExecutor: 7 results kept, raised: \[.*ValueError",
    "thread_caught": r"\A10\.0\n5\.0\nException in thread: division by zero\n2\.5\n\Z",
    "thread_future": r"\A10\.0\n5\.0\nresult\(\) raised: division by zero\n2\.5\n\Z",
    "thread_queue": r"\ARaised again in the main thread: An error occurred\n\Z",
    "thread_uncaught": r"only excepthook saw \[ZeroDivisionError",
    "threads_wait": r"\A10 pages in 0",
    "time_limit": r"\AProcess terminated due to timeout, exit code -15\n\Z",
    "value_array": r"\A2 \[2, 4, 6, 8\]\n\Z",
    "value_unguarded": r"\A1?\d{1,5}\n\Z",
    "ways_to_ask": r"(?s)apply 49\nmap .*futures \{0: 0, 1: 1, 2: 4, 3: 9, 4: 16\}",
    "worker_killed": r"Pool: task 5 never answered\nProcessPoolExecutor: broken, lost are the tasks \[",
}
# What only Python 3.14 and later has.
NEW = {"other_interpreter"}
# They mostly wait, for processes that start and for limits of time.
AT_ONCE = 6


def what_is_wrong_with(name: str, python: str = sys.executable) -> str:
    """Run a program as it stands; how it failed, or '' where it printed what it should."""
    # Isolated: an interpreter that sees the standard library only, and takes every warning for an error.
    command = [python, "-I", "-S", "-W", "error", str(FOLDER / f"{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    well = done.returncode == 0 and re.search(PRINTS[name], done.stdout)
    return "" if well else f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}"


def test_every_program_runs_as_it_stands_and_prints_what_it_says() -> None:
    assert programs().keys() == PRINTS.keys()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = pool.map(what_is_wrong_with, sorted(PRINTS.keys() - NEW))
    assert [each for each in wrong if each] == []


def test_a_program_of_a_newer_python_runs_there() -> None:
    for name in NEW:
        assert what_is_wrong_with(name, executable_of("python3.14")) == ""


def test_a_program_says_in_a_sentence_what_it_shows_and_hides_no_module() -> None:
    for name, text in programs().items():
        said = ast.get_docstring(ast.parse(text))
        assert said, name
        assert said.endswith("."), name
    # Started from its folder, one called `queue` would be what `import queue` finds.
    assert not programs().keys() & sys.stdlib_module_names


def test_every_scenario_and_every_tool_has_its_program() -> None:
    assert {scenario.slug for scenario in SCENARIOS.values()} <= programs().keys()
    assert {tool.code for tool in TOOLS.values()} <= set(programs().values())


def test_a_page_gives_a_program_the_seconds_of_its_run() -> None:
    text = program_with("time_limit", TASK=7, LIMIT=0.25)
    assert "\nTASK = 7  #" in text
    assert "\nLIMIT = 0.25  #" in text
    assert program_with("pipe", TASK=7) == programs()["pipe"]


def test_a_part_of_a_larger_script_brings_no_docstring_constant_or_call_of_its_own() -> None:
    for scenario in SCENARIOS.values():
        tree = ast.parse(part(scenario.slug))
        kinds = {type(node) for node in tree.body}
        assert kinds <= {ast.Import, ast.ImportFrom, ast.FunctionDef}, scenario.name
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        assert names[-1] == scenario.slug
        assert all(name.startswith(scenario.slug) for name in names)
