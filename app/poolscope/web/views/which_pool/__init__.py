"""Which pool, as pages show it: what to use, why it is not faster, every setting's numbers, and on what ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from statistics import median
from typing import Any, ClassVar

from poolscope.experiments.pool_benchmark.export import rounds_notes
from poolscope.experiments.pool_benchmark.naming import config_name, repetitions_asked
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.runs.run import Run
from poolscope.text import numbers
from poolscope.web import timeline
from poolscope.web.table import Cell, Column, Row, Table, table
from poolscope.web.views.view import Chart, ChartFacts, Charts, Columns, PageBlock, Shortcut, View
from poolscope.web.views.which_pool.answer import Split, split
from poolscope.web.views.which_pool.grounds import Cause, PythonRow, Trial, causes, cpu_truth, phases, pythons, trials
from poolscope.web.views.which_pool.pictures import Crew, MapNow, crew_key, crews, heat, heat_table, map_now
from poolscope.web.views.which_pool.program import Program, program
from poolscope.web.views.which_pool.tables import cells, fit_rows, kinds, marked, skipped, time_digits
from poolscope.web.views.which_pool.usage import usage

BENCH_CHART = 220  # pixels
FITS = "Fitted scalability curves, for the sizes that can work at once"


@dataclass(frozen=True, slots=True)
class WhichPoolFacts:
    """Everything that the blocks show. A chart or a table is None while there is nothing in it.

    `now` is how far the map of an engine is, None where there is none to be watched.
    `split` is what the time of the best pool went into, `usage` the code of the setting to use; '' where
    that is not `decided`, or not known yet.
    `loop` is the plain loop's time in words, '' before it ran; `reference` the Python that it ran in, where several do.
    `repetitions` are those of the setting that has most, `each` in words those of all that were measured.
    """

    now: MapNow | None
    split: Split | None
    usage: str
    decided: bool
    on_bench: Table
    bench_chart: ChartFacts | None
    speedups: ChartFacts | None
    loop: str
    reference: str
    repetitions: int
    each: str
    why: ChartFacts | None
    phases: tuple[str, ...]
    causes: tuple[Cause, ...]
    kinds: Table
    fits: Table | None
    unfit: tuple[str, ...]
    memory: ChartFacts | None
    heat: Table | None
    trials: tuple[Trial, ...]
    pythons: Table | None
    crews: tuple[Crew, ...]
    crew_key: tuple[tuple[str, str], ...]
    ticks: tuple[timeline.Tick, ...]
    cpu: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]
    cells: Table
    samples: int
    notes: tuple[str, ...]
    csv: str


def or_dash(text: str) -> str:
    return text or numbers.UNKNOWN


class WhichPoolView(View):
    """Which pool: what to use, why it is not faster, every setting's numbers, and on what ground."""

    group = "Which pool suits my function?"
    idle = (
        "The same work runs in a plain loop and in every kind of pool, at several sizes, in turns and many times over. "
        "You will see which setting to use, how certain that is, and where the others lose their time."
    )
    parts = (
        *(PageBlock(name) for name in ("now", "answer", "speedup", "why", "kinds", "pythons")),
        *(PageBlock(name, fold="Every setting") for name in ("heat", "memory", "cells")),
        *(PageBlock(name, fold="Workers and CPUs") for name in ("workers", "cpu")),
        PageBlock("trial", fold="The work, tried first"),
    )
    shortcuts = tuple(
        Shortcut("workload", name, title)
        for name, title in (
            ("sum-of-squares", "Computing in Python, under the GIL"),
            ("sha256", "Computing in C, which releases the GIL"),
            ("sleep", "Waiting"),
            ("large-arguments", "Large arguments and results"),
            ("uneven", "Items of uneven length"),
        )
    )
    columns: ClassVar[Columns] = {
        "bench": (
            Column("kind", marked, row_head=True),
            Column("workers", attrgetter("size"), numbers.whole, "n"),
            Column("map", attrgetter("time"), numbers.ms, "n", "ms", stacked=True, precise=True),
            Column("speed-up", attrgetter("speedup"), numbers.ratio, "n", "× plain loop", stacked=True),
            Column("start-up", attrgetter("start"), numbers.ms, "n", "ms", stacked=True),
            Column("memory", attrgetter("memory"), numbers.mib, "n", "MiB a worker", stacked=True),
        ),
        "kinds": (
            Column("kind", marked, row_head=True),
            Column("workers", attrgetter("size"), numbers.whole, "n"),
            Column("repetitions", attrgetter("count"), numbers.whole, "n"),
            Column("map", attrgetter("time"), numbers.ms, "n", "ms", precise=True),
            Column("speed-up", attrgetter("speedup"), numbers.ratio, "n", "×"),
            Column("interval", attrgetter("interval"), or_dash, "n"),
            Column("efficiency", attrgetter("efficiency"), numbers.percent, "n", "%"),
            Column("start-up", attrgetter("start"), numbers.ms, "n", "ms"),
            Column("pickled", attrgetter("pickled"), numbers.kib, "n", "KiB"),
            Column("memory", attrgetter("memory"), numbers.mib, "n", "MiB a worker"),
        ),
        "fits": (
            Column("kind", marked, row_head=True),
            Column("law", attrgetter("law")),
            Column("serial share", attrgetter("serial"), partial(numbers.percent, digits=1), "n", "%"),
            Column("95% CI", attrgetter("interval"), or_dash, "n"),
            Column("crosstalk", attrgetter("crosstalk"), partial(numbers.percent, digits=2), "n", "%"),
            Column("peak", attrgetter("peak"), numbers.decimal, "n", "×"),
            Column("at workers", attrgetter("at"), or_dash, "n"),
            Column("R²", attrgetter("r2"), partial(numbers.decimal, digits=3), "n"),
        ),
        "pythons": (
            Column("Python", attrgetter("label"), row_head=True),
            Column("is", attrgetter("version"), align="keep"),
            Column("GIL", attrgetter("gil")),
            Column("plain loop", attrgetter("loop"), numbers.ms, "n", "ms", precise=True),
            Column("best setting", attrgetter("best"), align="keep"),
            Column("× its own loop", attrgetter("own"), numbers.ratio, "n"),
            Column("interval", attrgetter("interval"), or_dash, "n"),
            Column("× the first’s loop", attrgetter("speedup"), numbers.ratio, "n"),
        ),
        "cells": (
            Column("kind", lambda row: Cell(row.name, kind=row.pool), align="keep", row_head=True),
            Column("workers", attrgetter("size"), align="n"),
            Column("chunk", attrgetter("chunk"), align="n"),
            Column("repetitions", attrgetter("count"), align="n"),
            Column("map", attrgetter("time"), numbers.ms, "n", "ms", precise=True),
            Column("from", attrgetter("low"), numbers.ms, "n", precise=True),
            Column("to", attrgetter("high"), numbers.ms, "n", precise=True),
            Column("speed-up", attrgetter("speedup"), numbers.ratio, "n", "×"),
            Column("interval", attrgetter("interval"), or_dash, "n"),
            Column("× its own loop", attrgetter("own"), numbers.ratio, "n"),
            Column("tasks on CPU", attrgetter("on_cpu"), numbers.percent, "n", "%"),
            Column("start-up", attrgetter("start"), numbers.ms, "n", "ms"),
            Column("memory", attrgetter("memory"), numbers.mib, "n", "MiB"),
            Column("note", lambda row: Cell(row.word, state=row.mark)),
        ),
    }
    charts: ClassVar[Charts] = {
        "speedup": Chart(
            "which-speedup",
            "Speed-up over the plain loop by number of workers, a line a kind with its interval, against the ideal "
            "line; the table of all settings has the numbers",
            340,
        ),
        "why": Chart(
            "which-why",
            "Share of the workers’ time by cause, for one setting of each kind; the sentences below have the numbers",
            200,
        ),
        "memory": Chart("memory", "Memory per worker by kind in MiB; the table beside it has the numbers", 200),
    }

    def offered(self, workloads: Sequence[str]) -> tuple[Shortcut, ...]:
        """One's own functions first, by their names alone where that is enough to tell them apart."""
        functions = Counter(name.partition("@")[0] for name in workloads)
        own = [(name, name.partition("@")[0]) for name in workloads]
        titled = ((name, function if functions[function] == 1 else name) for name, function in own)
        return (*(Shortcut("workload", name, title) for name, title in titled), *self.shortcuts)

    def title(self, params: WhichPoolParams) -> str:
        return f"Which pool for {self.work(params)}?"

    def facts(self, params: WhichPoolParams) -> list[str]:
        length = params.length_ms
        each = [f"{length:g}{numbers.GAP}ms an item"] if length else []
        return [repetitions_asked(params, "setting"), *each]

    def progress(self, run: Run) -> str:
        state = run.state
        config = state.configs.get(state.current)
        note = ": ".join(filter(None, (state.note, config_name(state, config) if config else "")))
        if state.map_progress is not None:
            done, items = state.map_progress.done, state.map_progress.items
            note += f", {numbers.whole(done)} of {numbers.count(items, 'item')}"
        return f"{state.done:g} of {state.total:g}{f', {note}' if note else ''}"

    def view(self, run: Run, state: Any = None) -> WhichPoolFacts:
        state = state or run.state
        usable = state.usable_cpus or run.usable_cpus
        choice = recommend(state)
        fitted, unfit = fit_rows(state, usable)
        drawn, ticks = crews(state)
        loop, reference, digits = state.serial, state.reference, time_digits(state)
        traced = sum(bool(config.traced) for config in state.pools)
        held = sum(bool(config.memory) for config in state.pools)
        counts = [len(config.map) for config in state.configs.values() if config.map] or [0]
        revision = f"{len(state.order)}-{traced}-{held}"
        rows, compared, found = kinds(state, choice), pythons(state), causes(state, usable)
        told = phases(state, usable)
        measured = bool(any(config.map for config in state.pools) and loop and loop.map)
        best = attrgetter("best")
        own_loop = () if compared else ("× its own loop",)
        return WhichPoolFacts(
            now=map_now(state),
            split=split(state, choice, usable),
            usage=usage(program(run)) if choice and choice.config else "",
            decided=bool(choice and choice.config),
            on_bench=table(self.columns["bench"], rows, best=best, digits=digits),
            bench_chart=self.figure("speedup", run, revision, BENCH_CHART) if measured else None,
            speedups=self.figure("speedup", run, revision, max(340, 60 * len(found))) if measured else None,
            loop=numbers.duration(median(loop.map)) if loop and loop.map else "",
            reference=reference.label if reference and len(state.pythons) > 1 else "",
            repetitions=max(counts),
            each=" to ".join(map(numbers.whole, sorted({min(counts), max(counts)}))),
            why=self.figure("why", run, revision, 24 + 34 * len(found)) if told else None,
            phases=told,
            causes=found,
            kinds=table(self.columns["kinds"], rows, best=best, digits=digits),
            fits=table(self.columns["fits"], fitted, caption=FITS) if fitted else None,
            unfit=unfit,
            memory=self.figure("memory", run, revision, 20 + 28 * len(found)) if held else None,
            heat=heat_table(heat(state, choice)),
            trials=trials(state),
            pythons=self._pythons(compared, reference.label if reference else "", digits),
            crews=drawn,
            crew_key=crew_key(drawn),
            ticks=ticks,
            cpu=cpu_truth(state, run.conditions),
            skipped=skipped(state),
            cells=table(
                [column for column in self.columns["cells"] if column.title not in own_loop],
                cells(state, choice),
                best=best,
                digits=digits,
            ),
            samples=sum(len(config.map) for config in state.configs.values()),
            notes=tuple(rounds_notes(state)),
            csv=f"/api/runs/{run.id}/csv",
        )

    def _pythons(self, rows: Sequence[PythonRow], reference: str, digits: int) -> Table | None:
        """The Pythons side by side; one that could not take part has only the reason in its row."""
        if not rows:
            return None
        *columns, last = self.columns["pythons"]
        columns.append(replace(last, title=f"× {reference}’s loop"))
        full = table(columns, rows, digits=digits)
        return replace(
            full,
            rows=tuple(
                Row((row.label, Cell(row.why_not, align="wrap", span=len(columns) - 1))) if row.why_not else cells
                for row, cells in zip(rows, full.rows, strict=True)
            ),
        )

    def program(self, run: Run) -> Program:
        return program(run)

    def work(self, params: WhichPoolParams) -> str:
        """'32 × sum-of-squares', or a user's function by its name."""
        if not params.built_in:
            return params.workload.partition("@")[0]
        return f"{numbers.whole(params.count)} × {params.workload}"
