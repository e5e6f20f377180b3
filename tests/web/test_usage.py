"""The setting to use as code: it runs, whatever the kind, and calls what the run called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from poolscope.web.views.which_pool.program import Imports, Program
from poolscope.web.views.which_pool.usage import usage

OWN = Imports(function="tasks.parse", items="tasks.samples", modules=("tasks",))
PROGRAM = Program(
    work="own", does="", kind="thread", setting="", decided=True, size="2", chunk=8, start_method="'spawn'",
    max_tasks=0, native_threads={}, count="0", rounds=None, code=None, call="", calibrated=False, work_ms="None",
    coroutine=False, own=OWN, calling="item", needs="", factory="",
)  # fmt: skip


@pytest.mark.parametrize("kind", ["serial", "thread", "process", "pool", "interpreter"])
@pytest.mark.parametrize("calling", ["item", "positional", "spread"])
def test_the_code_of_every_kind_is_python_and_imports_the_work(kind: str, calling: str) -> None:
    code = usage(replace(PROGRAM, kind=kind, calling=calling))
    compile(code, "usage", "exec")
    assert "import tasks" in code
    assert "items = tasks.samples() if callable(tasks.samples) else tasks.samples\n" in code
    assert ('if __name__ == "__main__":' in code) == (kind in ("process", "pool"))
    assert ("chunksize=8" in code) == (kind in ("process", "pool"))


@pytest.mark.parametrize(
    ("how", "call"),
    [
        ({}, "ThreadPoolExecutor(2)"),
        ({"own": replace(OWN, setup="tasks.connect")}, "ThreadPoolExecutor(2, initializer=tasks.connect)"),
        ({"kind": "process", "max_tasks": 3}, "max_tasks_per_child=3"),
        ({"kind": "pool"}, "multiprocessing.get_context('spawn').Pool(2)"),
        ({"kind": "asyncio", "coroutine": True}, "asyncio.Semaphore(2)"),
        ({"kind": "serial", "coroutine": True}, "await tasks.parse(item) for item in items"),
        ({"own": Imports()}, "pool.map(work, items)"),
    ],
)
def test_the_code_has_the_setting(how: dict[str, Any], call: str) -> None:
    code = usage(replace(PROGRAM, **how))
    compile(code, "usage", "exec")
    assert call in code
    assert code.startswith("# work: your function;") == (how.get("own") == Imports())


def test_one_item_a_message_that_was_seen_to_cost_much_is_copied_with_a_word_of_that() -> None:
    code = usage(replace(PROGRAM, kind="process", chunk=1, larger_chunk=40))
    compile(code, "usage", "exec")
    assert code.count("chunksize=1") == code.count("chunks of 40") == 1
