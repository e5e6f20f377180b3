"""The guide's tables: threads against processes, the ways to ask a pool, the tools, the scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from poolscope.text import numbers
from poolscope.web.guide.figures import EngineFigure, Figure, Figures
from poolscope.web.guide.topics import Preset
from poolscope.web.table import Button, Cell, Column, Table, alone, table


def start(preset: Preset, word: str) -> Button:
    """A button that starts a preset."""
    return Button(word, f"{word}: {preset.does}", fields=preset.fields)


def marked(cell: Cell, disturbed: str) -> Cell:
    """A figure, or the run that figures are from, with what disturbed that run; what was not measured has no mark."""
    return replace(cell, note=f"disturbed: {disturbed}") if disturbed and cell.text != numbers.UNKNOWN else cell


@dataclass(frozen=True, slots=True)
class Aspect:
    """One row of the comparison: what is said of threads and of processes, and what was measured of it here."""

    name: str
    threads: str
    processes: str
    figure: Figure


def _measured(aspect: Aspect) -> Cell:
    figure = aspect.figure
    if not figure.run:
        return Cell(small=f"{figure.what}, not measured here yet", head="measured")
    run = Cell(figure.run, href=f"/runs/{figure.run}", code=True, before=f"{figure.what},", head="measured")
    return marked(run, figure.disturbed)


ASPECTS = (
    Column("aspect", lambda aspect: aspect.name, row_head=True, hidden=True),
    Column(
        "threads",
        lambda aspect: Cell(aspect.threads, strong=aspect.figure.threads, head="threads"),
        align="wrap",
    ),
    Column(
        "processes",
        lambda aspect: Cell(aspect.processes, strong=aspect.figure.processes, head="processes"),
        align="wrap",
    ),
    Column("what was measured", _measured, align="wrap"),
    Column("actions", lambda aspect: Cell(button=start(aspect.figure.preset, "Measure now")), hidden=True),
)


def comparison(figures: Figures) -> Table:
    """Threads against processes, with this machine's figures."""
    aspects = (
        Aspect(
            "Use case",
            "Work that waits: requests, files, databases, devices.",
            "Work that computes. For waiting they serve as well, and cost more.",
            figures.use,
        ),
        Aspect(
            "Memory",
            "One memory for all; a thread adds a stack and little else.",
            "Each has a memory of its own, with its own interpreter and modules.",
            figures.memory,
        ),
        Aspect(
            "Communication",
            "All see the same objects. Handing one over copies nothing, and needs a lock or a queue.",
            "Objects are pickled, sent through a pipe and rebuilt: what arrives is a copy.",
            figures.messages,
        ),
        Aspect(
            "GIL",
            "One lock for all: they take turns at Python code, and let go while they wait.",
            "Each has its own: all compute at the same time.",
            figures.gil,
        ),
        Aspect(
            "Fault isolation",
            "A crash, or a call of exit, takes the whole program along.",
            "Only the worker dies. Whether its task is missed depends on the pool.",
            figures.isolation,
        ),
        Aspect(
            "Overhead",
            "Started in a fraction of a millisecond.",
            "Milliseconds to tens of them each, by start method.",
            figures.overhead,
        ),
        Aspect(
            "Scalability",
            "Computing stops at one CPU; waiting grows to hundreds of threads.",
            "Grows with the usable CPUs, less what handing items over and the last tasks cost.",
            figures.scaling,
        ),
    )
    return table(ASPECTS, aspects, style="aspects")


@dataclass(frozen=True, slots=True)
class WayToAsk:
    """A method of a pool: what it returns, and what it is for."""

    call: str
    returns: str
    use: str


CALLS = (
    Column("call", lambda way: way.call, code=True, row_head=True),
    Column("returns", lambda way: way.returns, align="wrap"),
    Column("for", lambda way: way.use, align="wrap"),
)
WAYS_TO_ASK = (
    WayToAsk("apply", "the result, after waiting for it", "one task; nothing runs side by side"),
    WayToAsk("map", "all results at once, in order", "a list of like tasks: the first choice"),
    WayToAsk(
        "imap, imap_unordered", "results one by one, in order or as they come", "many items, or the first answers early"
    ),
    WayToAsk("apply_async", "a ticket at once; get(timeout) waits", "different tasks, limits, callbacks"),
    WayToAsk("submit", "a future at once", "concurrent.futures: the same for threads, processes and interpreters"),
)


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to have work done beyond this process: what it is, what it adds, and what it did here."""

    name: str
    adds: str
    costs: str
    figure: EngineFigure | None


ENGINES = {
    "thread": ("threads", "Nothing to send, nothing to start.", "The GIL: computing in Python stays at one CPU."),
    "process": (
        "ProcessPoolExecutor",
        "Every usable CPU, with what Python brings along.",
        "Start-up, and pickling of functions by name alone.",
    ),
    "loky": (
        "loky",
        "Functions by value: lambdas, closures and those of a notebook. No fork, so no lock is inherited.",
        "Workers begin empty and import what they need.",
    ),
    "joblib": (
        "joblib",
        "loky’s workers, each with its share of native threads; large NumPy arrays go by memory map.",
        "The same start-up, once: the workers are kept for the next call.",
    ),
    "dask": (
        "dask",
        "Workers on other machines, retries of lost tasks, data that stay where they were made.",
        "A scheduler that every task passes, and the longest start.",
    ),
    "ray": (
        "ray",
        "Workers on other machines, a store of objects that they share, actors that keep their state.",
        "Eight processes beside the workers; chunks dealt out in turn, whoever is free; a dead worker ends the pool.",
    ),
    "executor": (
        "an executor of your own",
        "Whatever has submit(): Parsl, executorlib under SLURM, mpi4py, a client of Dask.",
        "What it takes.",
    ),
}
ENGINE_COLUMNS = (
    Column("pool", lambda row: row.name, row_head=True),
    Column("what it adds", lambda row: row.adds, align="wrap"),
    Column("what it costs", lambda row: row.costs, align="wrap"),
    Column("until all answer", lambda row: _figure_of(row.figure, "start", "computing_disturbed")),
    Column("computing, over the loop", lambda row: _figure_of(row.figure, "computing", "computing_disturbed")),
    Column("large arguments, over the loop", lambda row: _figure_of(row.figure, "arguments", "arguments_disturbed")),
)


def _figure_of(figure: EngineFigure | None, name: str, disturbed: str) -> Cell:
    """One of an engine's figures."""
    if figure is None:
        return Cell(numbers.UNKNOWN)
    return marked(Cell(getattr(figure, name)), getattr(figure, disturbed))


def engine_rows(figures: Mapping[str, EngineFigure]) -> list[Engine]:
    return [Engine(*words, figures.get(kind)) for kind, words in ENGINES.items()]


TOOLS = (
    Column("tool", lambda row: row.tool.title, code=True, row_head=True),
    Column("between", lambda row: row.tool.between),
    Column("operation", lambda row: row.tool.operation, align="keep"),
    Column("operations/s", lambda row: marked(Cell(numbers.whole(row.rate)), row.disturbed), align="n"),
    Column("result here", lambda row: Cell(row.word, state=row.mark)),
    Column("data copied?", lambda row: row.tool.copies, align="wrap"),
    Column("take it for", lambda row: row.tool.use, align="wrap"),
    Column(
        "actions",
        lambda row: Cell(button=alone("sharing", "tools", row.tool.name, row.tool.title, "Measure", htmx=False)),
        hidden=True,
    ),
)
SCENARIOS = (
    Column("scenario", lambda row: row.title, row_head=True),
    Column("outcome here", lambda row: row.outcome, align="keep"),
    Column("what to take away", lambda row: row.explanation, align="wrap"),
    Column(
        "actions",
        lambda row: Cell(button=alone("failures", "scenarios", row.name, row.title, htmx=False)),
        hidden=True,
    ),
)


# Of a demo's host: a limit by name, as `poolscope.limits` has it.
LIMITS_OF_THE_DEMO = (
    Column("setting", lambda limit: limit[0].upper(), row_head=True, code=True),
    Column("what", lambda limit: limit[1].what, align="wrap"),
    Column("usual", lambda limit: limit[1].usual, numbers.whole, align="n"),
    Column("demo", lambda limit: limit[1].demo, numbers.whole, align="n"),
    Column("why", lambda limit: limit[1].why, align="wrap"),
)
