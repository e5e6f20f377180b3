"""What a measurement found, as an object that shows itself in a terminal and in a notebook."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poolscope.experiments.experiment import Finding, Verdict
from poolscope.experiments.pool_benchmark.export import memory_per_worker
from poolscope.experiments.pool_benchmark.findings import findings
from poolscope.experiments.pool_benchmark.recommendation import Recommendation, recommend
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.experiments.pool_benchmark.verdict import verdict
from poolscope.library.answer import Again, ReadableAnswer, answer_of, as_text
from poolscope.library.html_answer import as_html
from poolscope.runs.run import Run
from poolscope.stats.intervals import Ratio, Timing, ratio, timing

WIDTH = 100  # characters of a line of str()
WHERE_MORE = "to_dict()"


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One configuration and its times in seconds; `kind` "serial" is the plain loop, which has neither size nor chunks.

    `map_s` is the map alone in a pool that lives on, `call_s` the whole call with start-up and shutdown. `speedup` is
    the plain loop's map over this one, with its 95 % interval. `memory_per_worker` are bytes. What is not known is
    None. `left_out` is the sentence why its times don't count, '' where they do.
    """

    kind: str
    size: int
    chunksize: int
    start_method: str
    max_tasks: int
    python: str
    map_s: Timing | None
    call_s: Timing | None
    speedup: Ratio | None
    memory_per_worker: int | None
    left_out: str


@dataclass(frozen=True, repr=False)
class MeasureResult:
    """The answer of `poolscope.measure`. `str()` gives it as text, a notebook shows it as a table.

    `verdict` is the answer in sentences, with a `code`. `winner` is the configuration to use, the plain loop included,
    and None where no clear winner was found. `speedup` is the plain loop's time over that of the winner, or of the
    fastest pool where no pool wins; `speedup.low` and `speedup.high` bound it with 95 % confidence. `rows` are all
    configurations, `findings` all checks with their numbers: `holds` is True, False, or None for 'cannot tell'.
    """

    run_id: str
    status: str
    verdict: Verdict | None
    winner: ResultRow | None
    speedup: Ratio | None
    rows: tuple[ResultRow, ...]
    findings: tuple[Finding, ...]
    _answer: ReadableAnswer
    _document: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The run as `poolscope measure --json` prints it; `poolscope schema` prints the JSON Schema of that."""
        document: dict[str, Any] = json.loads(self.json)
        return document

    @property
    def json(self) -> str:
        """The same as text."""
        return json.dumps(self._document, ensure_ascii=False, allow_nan=False, indent=2)

    def __repr__(self) -> str:
        return f"<MeasureResult {self.run_id}, {self.status}: {self.verdict or 'nothing to compare was measured'}>"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How IPython shows it in a terminal."""
        printer.text(str(self))

    def __str__(self) -> str:
        return as_text(self._answer, WIDTH, where_more=WHERE_MORE)

    def _repr_html_(self) -> str:
        return as_html(self._answer)


def result_of(run: Run, again: Again, notes: Sequence[str] = (), *, saved: bool) -> MeasureResult:
    """What a run of `which-pool` has found so far; `notes` are sentences to be shown below its table.

    Only where it is `saved` has its id a meaning beyond the result.
    """
    state: State = run.state
    recommendation = recommend(state)
    answer = answer_of(run, again)
    if not saved:
        answer = replace(answer, title=f"{run.experiment.title}, {run.status}")
    rows = {config.key: row_of(state, config) for config in (*loops(state), *state.pools)}
    return MeasureResult(
        run_id=run.id,
        status=run.status.value,
        verdict=verdict(state, run.usable_cpus),
        winner=winner(recommendation, rows),
        speedup=recommendation.gain if recommendation else None,
        rows=tuple(rows.values()),
        findings=tuple(findings(state, run.usable_cpus)),
        _answer=replace(answer, notes=(*answer.notes, *notes)),
        _document=run.as_json(),
    )


def loops(state: State) -> list[Configuration]:
    return [config for config in state.configs.values() if config.serial]


def winner(recommendation: Recommendation | None, rows: Mapping[str, ResultRow]) -> ResultRow | None:
    if recommendation is None or recommendation.config is None:
        return None
    return rows[recommendation.config.key]


def row_of(state: State, config: Configuration) -> ResultRow:
    loop = state.serial
    return ResultRow(
        kind=config.kind,
        size=config.size,
        chunksize=config.chunksize,
        max_tasks=config.max_tasks,
        start_method=config.start_method,
        python=config.python,
        map_s=timing(config.map) if config.map else None,
        call_s=timing(config.total) if config.total else None,
        speedup=speedup(loop, config) if loop and loop.map and config.map else None,
        memory_per_worker=None if config.serial else memory_per_worker(config),
        left_out=state.left_out(config),
    )


def speedup(loop: Configuration, config: Configuration) -> Ratio:
    """The plain loop over a configuration; over itself it is 1 and nothing else."""
    return Ratio(1.0, 1.0, 1.0) if config is loop else ratio(loop.map, config.map)
