"""Whether which-pool gives the same answer again, and the right one, for six shapes of work.

Every shape is measured many times, by turns, each time in a run of its own with everything left alone that a user would
leave alone. On a quiet machine at least 19 of 20 recommendations agree, and they are right. A run that something else
disturbed has to say so: it is counted, and held to no claim.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from _report import Claims, heading, progress
from poolscope.experiments.installation import Installation
from poolscope.experiments.pool_benchmark.naming import family
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import Configuration
from poolscope.machine import interpreters
from poolscope.machine.facts import read_machine
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run
from poolscope.runs.scheduler import Scheduler

REPEATS = 20
AGREE = 0.95
CPUS = read_machine().usable_cpus


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run recommends, '' where there is no clear winner, and how sure it is of that."""

    setting: str
    right: bool
    disturbed: bool
    settled: bool
    half_width: float | None
    seconds: float


@dataclass
class Shape:
    """A shape of work: how it is asked for, and which recommendation is right, of the family of kinds and the size."""

    name: str
    params: Mapping[str, Any]
    is_right: Callable[[str, int], bool]
    answers: list[Answer] = field(default_factory=list)


def on_cpus(kind: str, size: int) -> bool:
    return kind in ("processes", "interpreters") and size == CPUS


SHAPES = (
    Shape("computing", {"workload": "sum-of-squares"}, on_cpus),
    Shape("waiting", {"workload": "sleep"}, lambda kind, size: kind in ("threads", "asyncio") and size == 8),
    Shape(
        "releasing the GIL",
        {"workload": "sha256"},
        lambda kind, size: (kind == "threads" and size == CPUS) or on_cpus(kind, size),
    ),
    Shape("tiny", {"workload": "square"}, lambda kind, _: kind == "the plain loop"),
    Shape("uneven", {"workload": "uneven"}, on_cpus),
    Shape("7 ms in all", {"workload": "sum-of-squares", "work_ms": 0.5, "items": 14}, on_cpus),
)


def answer_of(shape: Shape, run: Run) -> Answer:
    """What a run that has ended says. Raises RuntimeError for one that failed."""
    recommendation = recommend(run.state)
    if recommendation is None:
        raise RuntimeError(f"{shape.name}: {run.status}, {run.error or run.verdict}")
    config: Configuration | None = recommendation.config
    findings = {finding.code.partition(":")[0]: finding for finding in findings_of(run)}
    rounds = run.as_json()["state"]["rounds"]
    return Answer(
        setting=f"{config.kind} {config.size}" if config else "",
        right=config is not None and shape.is_right(family(config), config.size),
        disturbed=findings["run_was_disturbed"].holds is True,
        settled=rounds["settled"],
        half_width=rounds["half_width"],
        seconds=rounds["spent_s"],
    )


def findings_of(run: Run) -> Any:
    return run.experiment.meaning.findings(run.state, run.usable_cpus)


async def measure(repeats: int, shapes: Sequence[Shape], **more: Any) -> None:
    """Fill in the answers of the shapes, which take turns, each run with these parameters besides."""
    installation = Installation(pythons=interpreters.by_label([interpreters.current()]))
    with tempfile.TemporaryDirectory() as folder:
        scheduler = Scheduler(Journal(Path(folder) / "runs.sqlite"), installation=installation)
        await scheduler.open()
        try:
            for number in range(1, repeats + 1):
                for shape in shapes:
                    progress(f"{number} of {repeats}: {shape.name}")
                    run = await scheduler.start("which-pool", {**shape.params, **more})
                    version = run.notifier.version
                    while run.status.live:
                        version = await run.notifier.newer_than(version)
                    shape.answers.append(answer_of(shape, run))
        finally:
            await scheduler.close()
    progress("")


def print_table(shapes: Sequence[Shape]) -> None:
    head = ("shape", "answer", "agree", "right", "quiet: agree", "right", "disturbed", "settled", "±%", "s")
    print("  {:<18} {:<14} {:>7} {:>7} {:>13} {:>7} {:>10} {:>8} {:>6} {:>6}".format(*head))
    for shape in shapes:
        answers, quiet = shape.answers, quiet_answers(shape)
        halves = [answer.half_width for answer in answers if answer.half_width is not None]
        print(
            f"  {shape.name:<18} {usual(answers) or 'no winner':<14} {of(agreeing(answers), answers):>7} "
            f"{of(right(answers), answers):>7} {of(agreeing(quiet), quiet):>13} {of(right(quiet), quiet):>7} "
            f"{sum(answer.disturbed for answer in answers):>10} {sum(answer.settled for answer in answers):>8} "
            f"{100 * median(halves) if halves else 0:>6.1f} {median(answer.seconds for answer in answers):>6.1f}",
            flush=True,
        )


def of(count: int, answers: list[Answer]) -> str:
    return f"{count}/{len(answers)}"


def quiet_answers(shape: Shape) -> list[Answer]:
    return [answer for answer in shape.answers if not answer.disturbed]


def usual(answers: list[Answer]) -> str:
    """The answer that is given most often."""
    return Counter(answer.setting for answer in answers).most_common(1)[0][0] if answers else ""


def agreeing(answers: list[Answer]) -> int:
    return sum(answer.setting == usual(answers) for answer in answers)


def right(answers: list[Answer]) -> int:
    return sum(answer.right for answer in answers)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=REPEATS, help="runs of each shape")
    names = [shape.name for shape in SHAPES]
    parser.add_argument("--shapes", nargs="*", default=names, choices=names, help="only these")
    parser.add_argument("--quick", action="store_true", help="two runs of each, to see that the benchmark still works")
    given = parser.parse_args()
    repeats = 2 if given.quick else given.repeats
    heading(__doc__)
    shapes = [shape for shape in SHAPES if shape.name in given.shapes]
    asyncio.run(measure(repeats, shapes, **({"seconds": 2, "sizes": [2]} if given.quick else {})))
    print_table(shapes)
    claims = Claims(repeats < REPEATS)
    for shape in shapes:
        quiet = quiet_answers(shape)
        enough = len(quiet) >= min(repeats, REPEATS) / 2
        agree, correct = (count(quiet) / len(quiet) if quiet else 0.0 for count in (agreeing, right))
        claims.true(f"{shape.name}: 19 of 20 agree, of {len(quiet)} quiet runs", agree >= AGREE if enough else None)
        claims.true(f"{shape.name}: 19 of 20 are right", correct >= AGREE if enough else None)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
