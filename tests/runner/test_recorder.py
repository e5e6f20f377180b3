"""The recorder keeps order, counts what it drops, is silent when asked, and never hurts the code that it watches."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from poolscope.protocol.records import Contents, Count, End, Printed, Progress, Sample, SamplerFailed, Span, from_line
from poolscope.runner import recorder as recorder_room
from poolscope.runner.recorder import Recorder

from tests.waiting import BOUND_S

LIMIT = 500


class Paper:
    """A file that a recorder writes to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[Paper]:
    paper = Paper(tmp_path / "records")
    yield paper
    os.close(paper.fd)


def progress(number: float) -> Progress:
    return Progress(1, number, 10)


def span(number: int) -> Span:
    return Span("thread 1", "running", number, number + 1)


@pytest.fixture
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_room, "PENDING_LIMIT", LIMIT)


def test_records_are_written_in_the_order_in_which_they_came(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    for number in range(1_000):
        recorder.emit(progress(number))
    recorder.close()
    assert [line["done"] for line in paper.lines()] == list(range(1_000))


def test_of_several_threads_none_loses_a_record_and_each_keeps_its_order(paper: Paper) -> None:
    recorder = Recorder(paper.fd)

    def emit(first: int) -> None:
        for number in range(first, first + 1_000):
            recorder.emit(progress(number))

    threads = [threading.Thread(target=emit, args=(first,)) for first in range(0, 8_000, 1_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    written = [line["done"] for line in paper.lines()]
    assert sorted(written) == list(range(8_000))
    for first in range(0, 8_000, 1_000):
        own = [number for number in written if first <= number < first + 1_000]
        assert own == sorted(own)


def test_a_record_is_written_without_another_one_after_it() -> None:
    read, write = os.pipe()
    recorder = Recorder(write)
    recorder.emit(progress(7))
    line = os.read(read, 10_000)  # waits for the recorder's own thread
    assert from_line(line) == progress(7)
    recorder.close()
    os.close(write)
    os.close(read)


def test_over_the_limit_pictures_are_left_out_and_counted_but_never_counts(paper: Paper, low_limit: None) -> None:
    recorder = Recorder(paper.fd)
    with recorder.quiet():
        for number in range(LIMIT):
            recorder.emit(span(number))
        for number in range(7):
            recorder.emit(span(number))
        recorder.emit(Contents(1, "producer 1", "added", 4, [4], 1))
        recorder.emit(Printed(1, "stdout", "hello"))
        recorder.emit(Sample(1, "map", "2", 1, 0.5))
        recorder.emit(progress(10))
        recorder.leave_out("list", 100)
    recorder.close()
    lines = paper.lines()
    assert len(lines) == LIMIT + 3
    assert [line["kind"] for line in lines[-3:]] == ["sample", "progress", "count"]
    assert lines[-1]["name"] == "left_out"
    assert lines[-1]["values"] == {"span": 7, "list": 101, "print": 1}


def test_what_many_threads_leave_out_is_counted_exactly(paper: Paper, low_limit: None) -> None:
    recorder = Recorder(paper.fd)

    def flood() -> None:
        for number in range(2_000):
            recorder.emit(span(number))
            recorder.leave_out("list", 1)

    with recorder.quiet():
        for number in range(LIMIT):
            recorder.emit(progress(number))
        threads = [threading.Thread(target=flood) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorder.close()
    assert from_line(json.dumps(paper.lines()[-1]).encode()) == Count(
        paper.lines()[-1]["t"], "left_out", {"span": 16_000, "list": 16_000}
    )


def test_a_gap_is_told_once(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    recorder.leave_out("span", 3)
    recorder.flush()
    recorder.emit(progress(1))
    recorder.close()
    assert [line["kind"] for line in paper.lines()] == ["count", "progress"]


def test_a_quiet_recorder_has_written_what_came_before_and_writes_nothing_meanwhile(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    sampled = threading.Event()
    recorder.sample(sampled.set)
    recorder.emit(progress(1))
    with recorder.quiet():
        assert [line["done"] for line in paper.lines()] == [1]
        sampled.clear()
        recorder.emit(progress(2))
        # Its thread may come as far as the sampler, once; after that it waits to be allowed to write.
        sampled.wait(0.2)
        assert [line["done"] for line in paper.lines()] == [1]
    recorder.close()
    assert [line["done"] for line in paper.lines()] == [1, 2]


def test_a_sampler_is_called_before_batches_and_once_more_at_the_end(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    calls: list[int] = []
    often = threading.Event()

    def sampler() -> None:
        calls.append(1)
        recorder.emit(progress(len(calls)))
        if len(calls) >= 3:
            often.set()

    recorder.sample(sampler)
    assert often.wait(BOUND_S)
    recorder.close()
    assert [line["done"] for line in paper.lines()] == list(range(1, len(calls) + 1))


@pytest.mark.parametrize("error", [ValueError("no such counter"), SystemExit(3)], ids=["an exception", "an exit"])
def test_a_sampler_that_raises_is_switched_off_and_reported_and_the_recorder_lives_on(
    paper: Paper, error: BaseException
) -> None:
    recorder = Recorder(paper.fd)
    calls: list[int] = []
    often = threading.Event()

    def raises() -> None:
        calls.append(1)
        raise error

    def counts() -> None:
        recorder.emit(progress(0))
        if len(paper.lines()) > 3:
            often.set()

    recorder.sample(raises)
    recorder.sample(counts)
    assert often.wait(BOUND_S)
    recorder.emit(progress(7))
    recorder.close()
    assert len(calls) == 1
    records = [from_line(line) for line in paper.path.read_bytes().splitlines()]
    (failed,) = (record for record in records if isinstance(record, SamplerFailed))
    assert failed.sampler.endswith("raises")
    assert (failed.type, failed.message) == (type(error).__name__, str(error))
    assert "raise error" in failed.traceback
    assert progress(7) in records


def test_a_sampler_that_raises_only_at_the_end_is_reported_too(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    over = threading.Event()
    sampled = threading.Event()

    def sampler() -> None:
        sampled.set()
        if over.is_set():
            raise RuntimeError

    recorder.sample(sampler)
    assert sampled.wait(BOUND_S)
    over.set()
    recorder.close(End(1, "finished"))
    assert [line["kind"] for line in paper.lines()] == ["sampler", "end"]


def test_a_reader_that_is_gone_never_raises_into_the_body() -> None:
    read, write = os.pipe()
    recorder = Recorder(write)
    os.close(read)
    for number in range(1_000):
        recorder.emit(progress(number))
        recorder.flush()
    with recorder.quiet():
        recorder.emit(progress(1))
    recorder.close()
    os.close(write)


def test_closing_writes_everything_even_through_a_slow_and_narrow_pipe() -> None:
    read, write = os.pipe()
    recorder = Recorder(write)
    received: list[bytes] = []

    def slowly() -> None:
        while chunk := os.read(read, 1_000):
            received.append(chunk)

    reader = threading.Thread(target=slowly)
    reader.start()
    for number in range(10_000):
        recorder.emit(progress(number))
    recorder.close()
    os.close(write)
    reader.join()
    os.close(read)
    lines = b"".join(received).splitlines()
    assert [json.loads(line)["done"] for line in lines] == list(range(10_000))


def test_a_record_that_json_can_not_hold_is_counted_and_the_others_go_on(paper: Paper) -> None:
    recorder = Recorder(paper.fd)
    recorder.emit(progress(1))
    recorder.emit(progress(float("nan")))
    unwritable: Any = object()
    recorder.emit(Count(1, "left_out", {"what": unwritable}))
    recorder.emit(progress(3))
    recorder.close()
    lines = paper.lines()
    assert [line["done"] for line in lines if line["kind"] == "progress"] == [1, 3]
    assert lines[-1]["kind"] == "count"
    assert lines[-1]["values"] == {"progress": 1, "count": 1}
