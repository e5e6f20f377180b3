"""Conditions on a result: read strictly, and holding only where an interval shows it."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.pool_benchmark.conditions import (
    EarlierRun,
    SlowerThan,
    SpeedupBelow,
    Undecided,
    WinnerIs,
    condition,
    conditions,
    earlier_run,
    judge,
    machine_of,
    work_of,
)
from poolscope.experiments.pool_benchmark.export import which_pool_json
from poolscope.experiments.pool_benchmark.state import State

from tests.experiments.pool_benchmark.invented_runs import LOUD, about, told

FAST = {"serial": about(640), "thread 2": about(655), "process 2": about(335)}  # processes: 1.91 times
AS_FAST = {"serial": about(640), "thread 2": about(336), "process 2": about(335)}
OPEN = {"serial": [640.0, 900, 500, 400, 700], "thread 2": [512.0, 720, 400, 320, 560]}
ONCE = {"serial": [640.0], "process 2": [335.0]}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("speedup<1.5", SpeedupBelow(1.5)),
        (" speed-up < 2 ", SpeedupBelow(2.0)),
        ("winner=process", WinnerIs(("process",), False)),
        ("winner==loop", WinnerIs(("serial",), False)),
        ("winner!=processes, pool", WinnerIs(("process", "pool"), True)),
        ("slower:wp-0007", SlowerThan("wp-0007", 0.05)),
        ("slower > 12.5 % : runs/main.json", SlowerThan("runs/main.json", 0.125)),
        ("undecided", Undecided()),
    ],
)
def test_a_condition_is_read(text: str, read: object) -> None:
    assert condition(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "speedup",
        "speedup>1.5",
        "speedup<0",
        "speedup<1.5x",
        "winner=",
        "winner=fibre",
        "winner=all",
        "winner<process",
        "slower:",
        "slower>x%:a",
        "slower>5:a",
        "undecided!",
        "speedup<1;winner=pool",
    ],
)
def test_what_is_no_condition_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(BadParameters) as bad:
        conditions(["speedup<1.5", text])
    assert [error.name for error in bad.value.errors] == ["--fail-if"]


def holds(text: str, state: State, earlier: EarlierRun | None = None) -> bool | None:
    asked = condition(text)
    assert asked is not None
    return judge(text, asked, state, 2, earlier).holds


@pytest.mark.parametrize(
    ("text", "maps", "expected"),
    [
        ("speedup<1.5", FAST, False),
        ("speedup<3", FAST, True),
        ("speedup<1.91", FAST, None),
        ("speedup<1.5", ONCE, None),
        ("speedup<1.2", OPEN, None),
        ("speedup<1", {"serial": about(640), "thread 2": about(690)}, True),
        ("winner=process", FAST, True),
        ("winner!=process", FAST, False),
        ("winner!=thread,pool", FAST, True),
        ("winner=thread", FAST, False),
        ("winner=process", AS_FAST, None),
        ("winner!=thread", AS_FAST, False),
        ("winner=loop", {"serial": about(640), "thread 2": about(690)}, True),
        ("winner=loop", OPEN, None),
        ("undecided", OPEN, True),
        ("undecided", FAST, False),
    ],
)
def test_a_condition_holds_where_the_interval_shows_it(text: str, maps: Any, expected: bool | None) -> None:
    assert holds(text, told(maps)) is expected


@pytest.mark.parametrize(("text", "expected"), [("speedup<3", None), ("winner=loop", None), ("undecided", True)])
def test_a_disturbed_run_shows_nothing_but_that(text: str, expected: bool | None) -> None:
    assert holds(text, told(FAST, noise=LOUD)) is expected
    assert holds(text, told({"serial": about(640)})) is expected


def saved(state: State, **changes: Any) -> EarlierRun:
    machine = {"usable_cpus": 2, "cpu": "x86_64", **changes.pop("conditions", {})}
    params = state.params.model_dump(mode="json") | changes.pop("params", {})
    document = {"experiment": "which-pool", "state": which_pool_json(state), "params": params, "conditions": machine}
    return earlier_run("wp-0001", document | changes)


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("slower:x", FAST, False),
        ("slower:x", {**FAST, "process 2": about(250)}, True),
        ("slower>50%:x", {**FAST, "process 2": about(250)}, False),
        ("slower:x", {**FAST, "serial": about(500)}, True),
        ("slower:x", {**FAST, "process 2": [200.0, 330, 400, 250, 335]}, None),
        ("slower:x", {**FAST, "thread 2": about(100)}, False),  # neither the loop nor what is recommended now
    ],
)
def test_a_slow_down_against_a_saved_run_has_to_be_shown(text: str, before: Any, expected: bool | None) -> None:
    assert holds(text, told(FAST), saved(told(before))) is expected


def test_other_work_another_machine_and_other_settings_are_not_compared() -> None:
    before, now = told({**FAST, "process 2": about(250)}), told(FAST)
    assert (work_of(now), machine_of(now)) == (saved(now).work, saved(now).machine)
    assert holds("slower:x", now, saved(before)) is True
    assert holds("slower:x", now, saved(before, params={"work_ms": 5.0})) is None
    assert holds("slower:x", now, saved(before, conditions={"usable_cpus": 4})) is None
    others = {"3.13: serial": about(300), "3.13: process 2": about(100)}
    assert holds("slower:x", now, saved(told(others, pythons={"3.13": {}}))) is None


@pytest.mark.parametrize("document", [None, [], {}, {"state": {}}, {"experiment": "sharing", "state": {"tools": []}}])
def test_what_is_no_saved_run_is_refused(document: Any) -> None:
    with pytest.raises(BadParameters):
        earlier_run("x.json", document)
