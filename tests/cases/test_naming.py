"""A user's work as it is named on the command line, found by the host and by the workers that it starts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from poolscope.cli.measure import work_name
from poolscope.experiments.pool_benchmark.validation import python_path
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.commands import MeasureOnce, OpenWork
from poolscope.protocol.kinds import PoolUse
from poolscope.runner.context import RunContext
from poolscope.runner.host.client import HostProcess
from poolscope.runner.host.errors import HostFailed

from tests.runner.conftest import context

__all__ = ["context"]

LIMIT_S = 60.0
FILES = {
    "src/shop/pricing.py": "from .rules import FACTOR\norders = list(range(4))\ndef quote(n): return n * FACTOR\n",
    "src/shop/rules.py": "FACTOR = 3\n",
    "tools/my-quotes.v2.py": "import neighbour\ndef quote(n): return n * neighbour.FACTOR\n",
    "tools/neighbour.py": "FACTOR = 3\norders = range(4)\n",
}
FORMS = {
    "src by PYTHONPATH": ("shop.pricing:quote", "orders", "src", None),
    "src by itself": ("shop.pricing:quote", "shop.pricing:orders", "", "src"),
    "a file in a namespace package": ("src/shop/pricing.py:quote", "orders", "", None),
    "a script with a hyphen": ("./tools/my-quotes.v2.py:quote", "tools/neighbour.py:orders", "", None),
}


@pytest.fixture
def host(context: RunContext, tmp_path: Path) -> Iterator[HostProcess]:
    started = HostProcess.start(context, "here", sys.executable, str(tmp_path), own_site=True)
    yield started
    started.end()


def test_an_import_that_does_not_end_is_told_with_its_line(host: HostProcess, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text("import time\ndef quote(n): return n\ntime.sleep(60)\norders = [1]\n")
    work = BenchmarkWork(work_name("script:quote", "orders", None), str(tmp_path))
    host.describe()  # it has started: on a busy machine that may take longer than the limit
    with pytest.raises(HostFailed) as failed:
        host.open_work(OpenWork(work, str(tmp_path)), 2.0)
    assert failed.value.breakage is not None
    (place,) = failed.value.breakage.places
    assert (place.function, Path(place.file).name, place.line) == ("<module>", "script.py", 3)


@pytest.mark.parametrize("form", FORMS)
def test_work_is_found_by_the_host_and_by_its_workers(host: HostProcess, tmp_path: Path, form: str) -> None:
    function, items, path, found_in = FORMS[form]
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    work = BenchmarkWork(work_name(function, items, None), str(tmp_path), path=python_path(tmp_path, path))
    opened = host.open_work(OpenWork(work, str(tmp_path)), LIMIT_S)
    assert opened.count == 4
    assert opened.found_in == (str(tmp_path / found_in) if found_in else None)
    loop = host.measure(MeasureOnce(PoolUse("serial"), results=4), LIMIT_S, "the loop")
    assert loop.results is not None
    assert loop.results.first == (0, 3, 6, 9)
    for method in ("spawn",) if path else ("spawn", "forkserver"):
        report = host.measure(MeasureOnce(PoolUse("process", 1, method)), LIMIT_S, method)
        assert report.same is True
