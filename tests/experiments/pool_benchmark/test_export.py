"""A which-pool run in a terminal: a row a setting, and a sentence for what took no part."""

from __future__ import annotations

import pytest
from poolscope.experiments.pool_benchmark.export import notes, table
from poolscope.protocol.records import End
from poolscope.text.numbers import GAP

from tests.experiments.pool_benchmark.invented_runs import about, told


def test_a_row_a_setting_says_what_it_took_and_gained() -> None:
    header, rows = table(told({"serial": about(400), "thread 2": about(404), "process 2 c4": about(200)}))
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["kind"], row["workers"], row["chunk"]) for row in found] == [
        ("plain loop", None, None),
        ("threads", 2, None),
        ("processes", 2, 4),
    ]
    loop, threads, processes = found
    assert (loop["map, ms"], loop["interval"], loop["start-up, ms"]) == (pytest.approx(400), None, None)
    assert processes["speed-up, ×"] == pytest.approx(2, rel=0.01)
    assert "CI 1.9" in str(processes["interval"])
    assert float(str(threads["whole call, ms"])) > float(str(threads["map, ms"]))
    assert all(len(row) == len(header) for row in rows)


def test_what_was_not_measured_has_no_row_but_a_sentence_said_once() -> None:
    why = "A function made by lambda can't be pickled."
    state = told(
        {"serial": about(400), "thread 2": about(404), "process 2": [], "process 4": []},
        skipped={"process 2": why, "process 4": why},
        pythons={"3.11": {}, "3.9": {"why_not": "It is Python 3.9; 3.11 or newer is needed."}},
    )
    assert len(table(state)[1]) == 2
    assert notes(state) == [
        "Python 3.9 took no part. It is Python 3.9; 3.11 or newer is needed.",
        f"2 and 4{GAP}processes on 3.11: A function made by lambda can't be pickled.",
    ]


def test_why_the_run_failed_is_not_said_twice() -> None:
    why = "There is no module tasks."
    failed = [End(0, "failed", why)]
    state = told({"serial": []}, pythons={"3.11": {"why_not": why}}, outcome="", more=failed)
    assert notes(state) == []


def test_before_anything_is_known_there_is_nothing_to_show() -> None:
    state = told({"serial": []}, outcome="")
    assert (table(state)[1], notes(state)) == ([], [])
