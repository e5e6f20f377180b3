"""What a check means for who looks at a run."""

from __future__ import annotations

from importlib import import_module

import pytest
from poolscope.experiments.experiment import CheckTitles, Finding
from poolscope.experiments.registry import EXPERIMENTS


@pytest.mark.parametrize(
    ("holds", "wanted", "trouble"),
    [(True, False, True), (False, False, False), (True, True, False), (False, True, True), (None, True, None)],
)
def test_a_check_is_trouble_where_it_holds_unless_that_is_wanted(
    holds: bool | None, wanted: bool, trouble: bool | None
) -> None:
    finding = Finding(CheckTitles("nothing is left", "something is left"), holds, "Nothing was left.", wanted=wanted)
    assert finding.trouble is trouble
    assert "wanted" not in finding.as_json()


@pytest.mark.parametrize(
    ("holds", "title"), [(True, "workers hang"), (None, "workers hang"), (False, "no worker hung")]
)
def test_the_title_of_a_check_says_what_is_so_and_its_name_stays(holds: bool | None, title: str) -> None:
    finding = Finding(CheckTitles("workers hang", "no worker hung"), holds, "All ended.")
    assert (finding.title, finding.check) == (title, "workers hang")
    assert list(finding.as_json()) == ["check", "holds", "sentence", "numbers", "remedy", "code"]


def test_every_check_of_every_experiment_is_titled_for_where_it_holds_and_where_it_does_not() -> None:
    rooms = {experiment.meaning.findings.__module__.split(".")[2] for experiment in EXPERIMENTS.values()}
    tables = [import_module(f"poolscope.experiments.{room}.messages").CHECKS for room in rooms]
    pairs = [titles for table in tables for titles in table.values()]
    assert all(isinstance(titles, CheckTitles) and all(titles) for titles in pairs)
    told = [title for titles in pairs for title in titles]
    assert len(told) == len(set(told))
