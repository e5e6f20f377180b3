"""Items that hold several arguments are spread as their user would write it, in every kind of pool."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from poolscope.runner.host.errors import OrderRefused

from tests.cases.measuring import LIMIT_S, StartHost, measured, shared_host

__all__ = ["shared_host"]

INTERPRETERS = ["interpreter"] if sys.version_info >= (3, 14) else []


@pytest.mark.parametrize(
    ("items", "calling"),
    [
        ("pairs", "positional"),
        ("boxes", "positional"),
        ("ragged", "ragged"),
        ("wrapped", "keywords"),
        ("mixed", "mixed"),
    ],
)
def test_every_kind_gives_what_the_loop_gives(shared_host: StartHost, tmp_path: Path, items: str, calling: str) -> None:
    host = shared_host(f"spread:area@{items}", star=True, pure=True)
    trial = host.try_work(tmp_path / "output", LIMIT_S)
    assert (trial.calling, trial.raised, trial.unpicklable) == (calling, None, {})
    assert len(trial.call_s) == 5
    expected = measured(host, "serial").digest
    for kind in ("thread", "pool", "process", *INTERPRETERS):
        report = measured(host, kind, "fork" if kind in ("pool", "process") else "")
        assert report.same is True, kind
    assert measured(host, "serial").same is True
    assert expected


@pytest.mark.parametrize(
    ("function", "items", "kind"),
    [("tile", "lists", "process"), ("area", "named", "process"), ("area", "named", "pool")],
)
def test_workers_that_start_afresh_find_how_to_spread(
    shared_host: StartHost, function: str, items: str, kind: str
) -> None:
    host = shared_host(f"spread:{function}@{items}", star=True, pure=True)
    measured(host, "serial")
    assert measured(host, kind, "spawn", size=1).same is True


@pytest.mark.parametrize("items", ["pairs", "named"])
def test_coroutines_are_spread_too(shared_host: StartHost, tmp_path: Path, items: str) -> None:
    host = shared_host(f"spread:area_later@{items}", star=True, pure=True)
    assert host.try_work(tmp_path / "output", LIMIT_S).raised is None
    measured(host, "serial")
    assert measured(host, "asyncio").same is True


@pytest.mark.parametrize(
    ("function", "items", "star", "remedy"),
    [
        ("both", "pairs", False, "star"),
        ("tile", "lists", False, "star"),
        ("both", "named", False, "star"),
        ("size_of", "pairs", True, "no star"),
        ("size_of", "named", True, "no star"),
        ("both", "numbers", False, None),
        ("both", "words", False, None),
    ],
)
def test_arguments_that_do_not_fit_are_told_with_what_would(
    shared_host: StartHost, tmp_path: Path, function: str, items: str, star: bool, remedy: str | None
) -> None:
    raised = (
        shared_host(f"spread:{function}@{items}", star=star, pure=True).try_work(tmp_path / "output", LIMIT_S).raised
    )
    assert raised is not None
    assert (raised.type, raised.remedy) == ("TypeError", remedy)


def test_items_without_entries_are_refused(shared_host: StartHost) -> None:
    for items in ("numbers", "words"):
        with pytest.raises(OrderRefused) as refused:
            shared_host(f"spread:area@{items}", star=True, pure=True)
        assert refused.value.code == "bad-reference"
