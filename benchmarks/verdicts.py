"""Whether which-pool gives the same answer again, and the right one, for six shapes of work.

Every shape is measured many times, by turns, each time in a run of its own with everything left alone that a user would
leave alone. On a quiet machine at least 19 of 20 recommendations agree, and they are right. A run that something else
disturbed has to say so: it is counted, and held to no claim.

That takes an hour: `--repeats 20 --minutes 60`. Left to itself it takes ten minutes and shows how answers agree so far,
which is held to no claim.

Each answer is printed as it comes. With --keep FILE it is also kept, and a benchmark that was interrupted goes on from
there; interrupted or out of --minutes, it prints the table of what there is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from _report import Claims, heading, progress
from poolscope.experiments.experiment import Installation
from poolscope.experiments.pool_benchmark.naming import family
from poolscope.experiments.pool_benchmark.recommendation import recommend
from poolscope.experiments.pool_benchmark.state import Configuration
from poolscope.machine.facts import read_machine
from poolscope.runs.journal import Journal
from poolscope.runs.run import Run, Status
from poolscope.runs.scheduler import Scheduler

ENOUGH = 20  # runs of each shape, for the claim
REPEATS, MINUTES = 5, 10.0
AGREE = 0.95
DISTURBED = ("run_was_disturbed:", "cpu_speed_changed:")
CPUS = read_machine().usable_cpus


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run recommends, '' where there is no clear winner, and how sure it is of that."""

    setting: str
    right: bool
    disturbed: bool
    settled: bool
    rounds: int
    half_width: float | None
    seconds: float

    def __str__(self) -> str:
        answer = self.setting or "no clear winner"
        marks = [*(["WRONG"] * (not self.right)), *(["disturbed"] * self.disturbed), *(["open"] * (not self.settled))]
        return f"{answer}, {self.rounds} rounds, {self.seconds:.1f} s {' '.join(marks)}".rstrip()


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


def answer_of(shape: Shape, run: Run, seconds: float) -> Answer:
    """What a run that has ended says, which took so long. Raises RuntimeError for one that failed.

    One that had no time for any pool, as on a busy machine, names no winner.
    """
    if run.status is not Status.FINISHED:
        raise RuntimeError(f"{shape.name}: {run.status}, {run.error or run.verdict}")
    recommendation = recommend(run.state)
    config: Configuration | None = recommendation.config if recommendation else None
    disturbed = any(finding.holds for finding in findings_of(run) if finding.code.startswith(DISTURBED))
    rounds = run.as_json()["state"]["rounds"]
    return Answer(
        setting=f"{config.kind} {config.size}" if config else "",
        right=config is not None and shape.is_right(family(config), config.size),
        disturbed=disturbed,
        settled=bool(rounds["settled"]),
        rounds=rounds["counted"],
        half_width=rounds["half_width"],
        seconds=seconds,
    )


def findings_of(run: Run) -> Any:
    return run.experiment.meaning.findings(run.state, run.usable_cpus)


async def measure(repeats: int, shapes: Sequence[Shape], keep: Path | None, until: float, **more: Any) -> None:
    """Fill in the answers of the shapes, which take turns, each run with these parameters besides.

    Ends early at `until`, of `monotonic`, or at a signal.
    """
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    installation = Installation()
    with tempfile.TemporaryDirectory() as folder:
        scheduler = Scheduler(Journal(Path(folder) / "runs.sqlite"), installation=installation)
        await scheduler.open()
        try:
            for number in range(1, repeats + 1):
                for shape in shapes:
                    if len(shape.answers) >= number:
                        continue
                    if interrupted.is_set() or monotonic() > until:
                        return
                    progress(f"{number} of {repeats}: {shape.name}")
                    began = monotonic()
                    run = await scheduler.start("which-pool", {**shape.params, **more})
                    version = run.notifier.version
                    while run.status.live:
                        version = await run.notifier.newer_than(version)
                    answer = answer_of(shape, run, monotonic() - began)
                    shape.answers.append(answer)
                    progress("")
                    print(f"  {number} of {repeats} · {shape.name}: {answer}", flush=True)
                    if keep:
                        with keep.open("a") as file:
                            file.write(json.dumps({"shape": shape.name, **asdict(answer)}) + "\n")
        finally:
            progress("")
            await scheduler.close()


def take_up(keep: Path, shapes: Sequence[Shape]) -> None:
    """Give the shapes the answers that were kept of them."""
    by_name = {shape.name: shape for shape in shapes}
    for line in keep.read_text().splitlines() if keep.exists() else ():
        kept = json.loads(line)
        shape = by_name.get(kept.pop("shape"))
        if shape:
            shape.answers.append(Answer(**kept))


def print_table(shapes: Sequence[Shape]) -> None:
    head = ("shape", "answer", "agree", "right", "quiet: agree", "right", "disturbed", "settled", "rounds", "±%", "s")
    print("  {:<18} {:<14} {:>7} {:>7} {:>13} {:>7} {:>10} {:>8} {:>7} {:>6} {:>6}".format(*head))
    for shape in shapes:
        answers, quiet = shape.answers, quiet_answers(shape)
        if not answers:
            continue
        halves = [answer.half_width for answer in answers if answer.half_width is not None]
        print(
            f"  {shape.name:<18} {usual(answers) or 'no winner':<14} {of(agreeing(answers), answers):>7} "
            f"{of(right(answers), answers):>7} {of(agreeing(quiet), quiet):>13} {of(right(quiet), quiet):>7} "
            f"{sum(answer.disturbed for answer in answers):>10} {sum(answer.settled for answer in answers):>8} "
            f"{median(answer.rounds for answer in answers):>7.0f} "
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
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"runs of each shape ({REPEATS})")
    names = [shape.name for shape in SHAPES]
    parser.add_argument("--shapes", nargs="*", default=names, choices=names, help="only these")
    parser.add_argument("--keep", type=Path, help="a file of answers, which the benchmark goes on from")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"no run begins after so many ({MINUTES:g})")
    parser.add_argument("--quick", action="store_true", help="two runs of each, to see that the benchmark still works")
    given = parser.parse_args()
    repeats = 2 if given.quick else given.repeats
    heading(__doc__)
    shapes = [shape for shape in SHAPES if shape.name in given.shapes]
    if given.keep:
        take_up(given.keep, shapes)
    until = monotonic() + 60 * given.minutes
    more = {"seconds": 5, "sizes": [2]} if given.quick else {}
    asyncio.run(measure(repeats, shapes, given.keep, until, **more))
    print_table(shapes)
    claims = Claims(min(len(shape.answers) for shape in shapes) < ENOUGH)
    for shape in shapes:
        quiet = quiet_answers(shape)
        enough = len(quiet) >= max(1, min(repeats, ENOUGH) / 2)
        agree, correct = (count(quiet) / len(quiet) if quiet else 0.0 for count in (agreeing, right))
        claims.true(f"{shape.name}: 19 of 20 agree, of {len(quiet)} quiet runs", agree >= AGREE if enough else None)
        claims.true(f"{shape.name}: 19 of 20 are right", correct >= AGREE if enough else None)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
