"""A context whose records nobody reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from poolscope.runner.context import RunContext
from poolscope.runner.recorder import Recorder


@pytest.fixture
def context(tmp_path: Path) -> Iterator[RunContext]:
    reader, writer = os.pipe()
    recorder = Recorder(writer)
    before = signal.getsignal(signal.SIGUSR1)
    yield RunContext(recorder, tmp_path)
    signal.signal(signal.SIGUSR1, before)
    recorder.close()
    os.close(reader)
    os.close(writer)
