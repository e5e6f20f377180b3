"""A context whose records nobody reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from poolscope.runner.context import RunContext
from poolscope.runner.recorder import Recorder


@contextmanager
def made_context(scratch: Path) -> Iterator[RunContext]:
    reader, writer = os.pipe()
    recorder = Recorder(writer)
    before = signal.getsignal(signal.SIGUSR1)
    yield RunContext(recorder, scratch)
    signal.signal(signal.SIGUSR1, before)
    recorder.close()
    os.close(reader)
    os.close(writer)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[RunContext]:
    with made_context(tmp_path) as context:
        yield context
