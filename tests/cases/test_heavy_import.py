"""What a worker imports as it starts is told apart from starting it, wherever the heavy import stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark.findings.overhead import start_up_outweighs
from poolscope.protocol.records import Record, Sample

from tests.cases.judging import tried
from tests.cases.measuring import StartHost, measured, shared_host, start_host
from tests.experiments.pool_benchmark.invented_runs import about, told
from tests.runner.conftest import context

__all__ = ["context", "shared_host", "start_host"]

HEAVY_NS = 150_000_000


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("process", "imports_heavy:score@few"),
        ("pool", "imports_heavy:score@few"),
        ("process", "light:count@heavy_records:records"),
        ("pool", "light:count@heavy_records:pairs"),
        ("process", "light:count@few+heavy_library:prepare"),
    ],
)
def test_a_spawned_worker_imports_what_it_needs(shared_host: StartHost, work: str, kind: str) -> None:
    report = measured(shared_host(work, pure=True), kind, "spawn", size=1)
    assert HEAVY_NS <= report.imported < report.start


@pytest.mark.parametrize("work", ["light:count@heavy_records:numbers", "light:lazily@few"])
def test_nothing_heavy_is_imported_where_no_worker_needs_it(shared_host: StartHost, work: str) -> None:
    assert measured(shared_host(work, pure=True), "process", "spawn", size=1).imported < HEAVY_NS


def test_the_host_tells_what_importing_took_and_a_forked_worker_has_it(start_host: StartHost, tmp_path: Path) -> None:
    host = start_host("imports_heavy:score@few")
    trial = tried(host, tmp_path)
    assert trial.import_s is not None
    assert trial.import_s * 1e9 >= HEAVY_NS
    assert measured(host, "process", "fork", size=1).imported < HEAVY_NS


def imported(config: str, milliseconds: float) -> list[Record]:
    return [Sample(0, "imported", config, number, milliseconds / 1e3) for number in range(1, 6)]


@pytest.mark.parametrize(
    ("maps", "import_ms", "how", "code"),
    [
        ({"process 2 spawn": about(335)}, {"process 2 spawn": 900}, {"around_ms": 1100}, "import outweighs"),
        ({"process 2 spawn": about(335)}, {"process 2 spawn": 200}, {"around_ms": 1100}, "outweighs"),
        ({"process 2 spawn": about(335)}, {"process 2 spawn": 0.05}, {"around_ms": 1100}, "outweighs"),
        ({"process 2 spawn": about(335)}, {"process 2 spawn": 90}, {"around_ms": 100}, "less"),
        ({"process 2 spawn": about(335)}, {}, {"around_ms": 1100}, "outweighs"),  # of an earlier version
    ],
)
def test_the_import_is_named_where_it_is_a_large_part(
    maps: dict[str, Any], import_ms: dict[str, float], how: dict[str, Any], code: str
) -> None:
    more = [record for config, each in import_ms.items() for record in imported(config, each)]
    found = start_up_outweighs(told({"serial": about(640), **maps}, more=more, **how), 2)
    assert found.code == code
    if code == "import outweighs":
        assert found.facts["import_share"] == pytest.approx(900 / 1100, rel=0.01)
        assert found.remedy["start_methods"] == ["fork", "spawn"]
        assert found.lost_share == pytest.approx(1100 / 1435, rel=0.01)


def test_the_import_is_named_beside_a_start_method_that_is_spared_it() -> None:
    maps = {"serial": about(640), "process 2 fork": about(330), "process 2 spawn": about(400)}
    around_ms = {"process 2 fork": 20.0, "process 2 spawn": 1100.0}
    found = start_up_outweighs(told(maps, more=imported("process 2 spawn", 900), around_ms=around_ms), 2)
    assert (found.holds, found.code) == (True, "import outweighs")
    assert found.facts["import_s"] == pytest.approx(0.9)
    assert found.lost_share is None  # what was recommended does not lose it
    light = start_up_outweighs(told(maps, more=imported("process 2 spawn", 90), around_ms=around_ms), 2)
    assert (light.holds, light.code) == (False, "less")
