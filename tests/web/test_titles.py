"""The headings of runs: two that do other work have other headings."""

from __future__ import annotations

from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.web.views import VIEWS
from poolscope.workloads.catalog import OF_POOL_SIZES, OF_WHICH_POOL


def titles(experiment: str, workloads: tuple[str, ...]) -> list[str]:
    params = EXPERIMENTS[experiment].params
    return [VIEWS[experiment].title(parse(params, {"workload": name})) for name in workloads]


def test_the_heading_of_a_run_tells_its_work_from_every_other() -> None:
    for experiment, workloads in (("pool-sizes", OF_POOL_SIZES), ("which-pool", OF_WHICH_POOL)):
        found = titles(experiment, workloads)
        assert len(set(found)) == len(workloads), found


def test_the_heading_of_pool_sizes_names_the_numbers_where_the_work_is_about_them() -> None:
    assert titles("pool-sizes", ("square", "square-sleep", "sha256")) == [
        "Squares of 1–10 in pools of 2, 4, 6 and 8",
        "Squares of 1–10 after a wait in pools of 2, 4, 6 and 8",
        "SHA-256 digests, items 1–10, in pools of 2, 4, 6 and 8",
    ]
