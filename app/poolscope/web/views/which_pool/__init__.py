"""Which pool, as pages show it: what to use, why it is not faster, every setting's numbers, and on what ground."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from poolscope.experiments.pool_benchmark.naming import setting
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import State
from poolscope.runs.run import Run
from poolscope.text import language, numbers
from poolscope.web import timeline
from poolscope.web.views.which_pool.grounds import Cause, PythonRow, Trial, causes, cpu_truth, phases, pythons, trials
from poolscope.web.views.which_pool.pictures import Crew, Heat, crews, heat
from poolscope.web.views.which_pool.program import program
from poolscope.web.views.which_pool.tables import CellRow, FitRow, KindRow, cells, fit_rows, kinds, skipped, time_digits

__all__ = [
    "IDLE",
    "PIECES",
    "REPLAY",
    "SHORTCUTS",
    "WIDE",
    "WhichPoolFace",
    "face",
    "facts",
    "program",
    "progress",
    "title",
]

IDLE = (
    "The same work goes through a plain loop and every kind of pool, at several sizes, by turns and many times over. "
    "You will see which setting to use, with what certainty, and where the time of all others went."
)
WIDE = False
PIECES = ("speedup", "why", "kinds", "memory", "heat", "trial", "pythons", "workers", "cpu", "cells")
REPLAY = False
SHORTCUTS = (
    ("workload", "sum-of-squares", "Computing in Python, under the GIL"),
    ("workload", "sha256", "Computing in C, which lets go of the GIL"),
    ("workload", "sleep", "Waiting"),
    ("workload", "large-arguments", "Large arguments and results"),
    ("workload", "uneven", "Items of uneven length"),
)


@dataclass(frozen=True, slots=True)
class WhichPoolView:
    """Everything that the blocks show; `chart` is the address of the charts' data, `any` whether there are any.

    `serial` is the plain loop in seconds, None before it ran; `digits` suit the column of times in milliseconds.
    """

    kinds: tuple[KindRow, ...]
    fits: tuple[FitRow, ...]
    unfit: tuple[str, ...]
    causes: tuple[Cause, ...]
    phases: tuple[str, ...]
    heat: Heat
    cells: tuple[CellRow, ...]
    skipped: tuple[tuple[str, str], ...]
    trials: tuple[Trial, ...]
    pythons: tuple[PythonRow, ...]
    crews: tuple[Crew, ...]
    ticks: tuple[timeline.Tick, ...]
    cpu: tuple[tuple[str, str], ...]
    chart: str
    any: bool
    budgeted: bool
    remembered: bool
    serial: float | None
    reference: str
    digits: int
    repetitions: int
    samples: int
    csv: str


def title(params: WhichPoolParams) -> str:
    return f"Which pool for {work(params)}?"


def work(params: WhichPoolParams) -> str:
    """'32 × sum-of-squares', or a user's function by its name."""
    if not params.built_in:
        return params.workload.partition("@")[0]
    return f"{numbers.whole(params.count)} × {params.workload}"


def facts(params: WhichPoolParams) -> list[str]:
    length = params.length_ms
    each = [f"{length:g}{numbers.GAP}ms an item"] if length else []
    return [f"{language.count(params.repeats, 'repetition')} a setting", *each]


def progress(run: Run) -> str:
    """Settings by their names: the runner tells them by keys."""
    state: State = run.state
    config = state.configs.get(state.current)
    note = ": ".join(filter(None, (state.note, setting(state, config) if config else "")))
    return f"{state.done:g} of {state.total:g}{f', {note}' if note else ''}"


def face(run: Run, state: State | None = None) -> WhichPoolView:
    shown: State = state or run.state
    usable = shown.usable_cpus or run.usable_cpus
    choice = recommend(shown)
    fitted, unfit = fit_rows(shown, usable)
    drawn, ticks = crews(shown)
    measured = [config for config in shown.pools if config.map]
    loop = shown.serial
    reference = shown.reference
    traced, held = (sum(bool(getattr(config, name)) for config in shown.pools) for name in ("traced", "memory"))
    return WhichPoolView(
        kinds=kinds(shown, choice),
        fits=fitted,
        unfit=unfit,
        causes=causes(shown, usable),
        phases=phases(shown, usable),
        heat=heat(shown, choice),
        cells=cells(shown, choice),
        skipped=skipped(shown),
        trials=trials(shown),
        pythons=pythons(shown),
        crews=drawn,
        ticks=ticks,
        cpu=cpu_truth(shown, run.conditions),
        chart=f"/runs/{run.id}/chart.json?rev={len(shown.order)}-{traced}-{held}",
        any=bool(measured and loop and loop.map),
        budgeted=bool(traced),
        remembered=bool(held),
        serial=median(loop.map) if loop and loop.map else None,
        reference=reference.label if reference and len(shown.pythons) > 1 else "",
        digits=time_digits(shown),
        repetitions=max((len(config.map) for config in shown.configs.values()), default=0),
        samples=sum(len(config.map) for config in shown.configs.values()),
        csv=f"/api/runs/{run.id}/csv",
    )
