"""How the tests are spread over the workers of pytest-xdist, and how the failure of one is reported.

The longest begin first, and what shares a browser goes to one worker.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from poolscope.experiments.registry import EXPERIMENTS
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# The tests read what runners have recorded, of any experiment: its results are known once it has been loaded.
LOADED = tuple(EXPERIMENTS.values())
# Tests that share what takes long to make, so that one worker runs all of them: a browser and a server, or runs. There
# are two browsers, which take about equally long, for with one for all it would be the last to end.
TOGETHER = (
    ("tests/browser/test_everyone.py", "tests/browser/test_stream.py", "tests/browser/test_run_page.py"),
    ("tests/browser/",),
    ("tests/web/test_pages.py", "tests/web/test_api_records.py", "tests/web/test_api_runs.py"),
)
# What takes longest begins first, for a worker that begins it last keeps the others waiting: the rooms by their longest
# file. Those that are not named have short ones, which fill the gaps at the end.
LONGEST = (
    "tests/browser/",
    "tests/cases/",
    "tests/runs/",
    "tests/web/",
    "tests/experiments/",
    "tests/cli/",
    "tests/faults/",
    "tests/runner/",
    "tests/library/",
    "tests/stats/",
)
# With a run of Pool sizes on it, the bench draws its charts each time that it is opened.
LEAVES_CHARTS = ("tests/browser/test_pool_sizes.py", "tests/browser/test_everyone.py")


class LoadFolderScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Hands out whole files, in the order of collection, and those that are TOGETHER as if they were one file."""

    def _split_scope(self, nodeid: str) -> str:
        return next((places[0] for places in TOGETHER if nodeid.startswith(places)), nodeid.partition("::")[0])


def pytest_configure() -> None:
    # A shell starts what runs in the background with SIGINT ignored, and so would be all that the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes, or is made, says how busy the machine is, and fails a test beside two others at work.
    settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFolderScheduling:
    config.option.loadscopereorder = False  # it would let the files with most tests come first
    return LoadFolderScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Leave the modules and tests, which all stay, out of garbage collections: they are half a million objects."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> tuple[int, bool]:
        place = next((n for n, place in enumerate(LONGEST) if item.nodeid.startswith(place)), len(LONGEST))
        return place, item.nodeid.startswith(LEAVES_CHARTS)

    items.sort(key=rank)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
    """Report a failure with the interpreter's own traceback where pytest's can't be made.

    pytest parses the source for what it shows. Python 3.11 may raise "SystemError: AST constructor recursion depth
    mismatch" at that, which would end the worker, and with it all that the worker was to run.
    """
    try:
        return pytest.TestReport.from_item_and_call(item, call)
    except SystemError:
        item.config.option.tbstyle = "native"
        return pytest.TestReport.from_item_and_call(item, call)
