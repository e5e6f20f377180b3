"""A run as it was at any moment: its records, folded again up to there, from the nearest of some kept states."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from poolscope.protocol.records import End, Opening, Record, from_line
from poolscope.runs.run import Run

RUNS = 4  # whose states are kept
BLOCKS = 16  # of a run; a moment costs one or two of them


@dataclass(frozen=True, slots=True)
class FoldedBlock:
    """Some records in a row: their numbers, the oldest stamp in it, the newest in it and all before, the state then."""

    first: int
    beyond: int
    oldest: int
    newest: int
    after: Any


class Replays:
    """Folds ended runs up to a moment. Its method blocks, and is for one thread at a time."""

    def __init__(self) -> None:
        self._blocks: OrderedDict[tuple[str, str], tuple[FoldedBlock, ...]] = OrderedDict()

    def state_at(self, run: Run, until: int) -> Any:
        """The state by the records up to a stamp; some come late, so that stamps don't only rise."""
        fold, state = run.experiment.meaning.fold, run.experiment.meaning.initial(run.params)
        for block in self._blocks_of(run):
            if block.newest <= until:
                state = block.after
            elif block.oldest <= until:
                for line in run.record_log.lines[block.first : block.beyond]:
                    record = from_line(line)
                    if stamp_of(record, run) <= until:
                        state = fold(state, record)
        return state

    def _blocks_of(self, run: Run) -> tuple[FoldedBlock, ...]:
        key = run.id, run.created
        if key not in self._blocks:
            self._blocks[key] = _folded(run)
            if len(self._blocks) > RUNS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(key)
        return self._blocks[key]


def stamp_of(record: Record, run: Run) -> int:
    """When a record counts: the opening always, the end at the run's last moment, which may be later than its own."""
    match record:
        case Opening():
            return 0
        case End():
            return int(run.state.t)
        case _:
            return record.t


def _folded(run: Run) -> tuple[FoldedBlock, ...]:
    lines, fold = run.record_log.lines, run.experiment.meaning.fold
    state, newest, blocks = run.experiment.meaning.initial(run.params), 0, []
    length = max(1, -(-len(lines) // BLOCKS))
    for first in range(0, len(lines), length):
        stamps = []
        for line in lines[first : first + length]:
            record = from_line(line)
            stamps.append(stamp_of(record, run))
            state = fold(state, record)
        newest = max(newest, *stamps)
        blocks.append(FoldedBlock(first, first + len(stamps), min(stamps), newest, state))
    return tuple(blocks)
