"""A run as people read it: what came out and why, what to do about it, and the figures behind it; also as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from poolscope.experiments.experiment import Finding
from poolscope.runs.run import Run
from poolscope.text.numbers import plural, roughly
from poolscope.text.sentences import capital

Again = Callable[[Mapping[str, Any]], str]
LONGEST_CELL = 40  # characters; of what is longer the two ends are shown
WRAPPED = 20  # characters to which a column of text may shrink; the longest name of a kind has as many
FRAME = 3  # characters between two columns


@dataclass(frozen=True, slots=True)
class Advice:
    """A finding that holds, and the words to run again with its remedy; '' where there is none.

    `change` says what is different then and about how long it takes; '' where `again` is all that is known.
    """

    sentence: str
    again: str
    change: str = ""

    @property
    def invitation(self) -> str:
        """What stands before the words to run again."""
        return f"Try: {self.change}:" if self.change else "Try:"


@dataclass(frozen=True, slots=True)
class ReadableAnswer:
    """In the order in which it is shown: `headline` and `rest` of the verdict ('' without one), `why`, `advice`, then
    the table with its `title`.

    `common` are the columns, name and value, whose value is the same in every row; they are not in `header` and `rows`,
    and neither is a column without any value. `notes` stand below the table; `unknown` checks can't tell.
    """

    headline: str
    rest: str
    why: tuple[str, ...]
    advice: tuple[Advice, ...]
    title: str
    common: tuple[tuple[str, object], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...]
    unknown: int

    @property
    def caption(self) -> str:
        """The title, and what is the same in every row."""
        same = ", ".join(f"{name} {value}" for name, value in self.common)
        return f"{self.title}; in every row: {same}" if same else self.title

    @property
    def open_checks(self) -> str:
        """How many checks can't tell, as a sentence; '' for none."""
        return f"{self.unknown} more {plural('check', self.unknown)} couldn't be decided." if self.unknown else ""


def answer_of(run: Run, again: Again = lambda _: "") -> ReadableAnswer:
    """What a run has to say so far; `again` words how to run it once more with other parameters."""
    meaning, state, cpus = run.experiment.meaning, run.state, run.usable_cpus
    # Where there are very many rows, an experiment offers a table for people beside those for programs.
    header, rows = (meaning.table or meaning.rows)(state)
    common, kept = columns(header, rows)
    verdict, findings = meaning.verdict(state, cpus), meaning.findings(state, cpus)
    told = str(verdict or "")
    return ReadableAnswer(
        headline=verdict.headline if verdict else "",
        rest=verdict.rest if verdict else "",
        why=verdict.reasons if verdict else (),
        advice=tuple(advice(run, [finding for finding in findings if finding.holds], told, again)),
        title=f"{run.experiment.title}, {run.id}, {run.status}",
        common=common,
        header=tuple(header[place] for place in kept),
        rows=tuple(tuple(row[place] for place in kept) for row in rows),
        notes=tuple(note for note in meaning.notes(state) if not is_said(note, told)),
        unknown=sum(finding.holds is None for finding in findings),
    )


def advice(run: Run, found: Sequence[Finding], told: str, again: Again) -> Iterator[Advice]:
    """What the verdict has not said yet, or said without the remedy; one that several have stands beside the first."""
    offered = set()
    for finding in found:
        words = again(finding.remedy) if finding.remedy else ""
        new = "" if words in offered else words
        said = is_said(finding.sentence, told)
        if new or not said:
            sentence = f"{capital(finding.title)}: see above." if said else finding.sentence
            yield Advice(sentence, new, change_in_words(run, finding.remedy) if new else "")
        offered.add(words)


def change_in_words(run: Run, remedy: Mapping[str, Any]) -> str:
    """'Use chunks of 8, which takes about 9 s', 'Measure for 60 s'; '' where an experiment has no words for it."""
    if run.experiment.meaning.change is None:
        return ""
    change = run.experiment.meaning.change(run.state, remedy)
    unsaid = None if change.timed else change.seconds
    return change.words if unsaid is None else f"{change.words}, which takes {roughly(unsaid)}"


def is_said(sentence: str, told: str) -> bool:
    """Whether a verdict says it already: all of it, or all that stands behind a first colon or full stop."""
    rests = [rest for mark in (": ", ". ") if (rest := sentence.partition(mark)[2].rstrip("."))]
    return sentence in told or any(rest in told for rest in rests)


def columns(
    header: Sequence[str], rows: Sequence[Sequence[object]]
) -> tuple[tuple[tuple[str, object], ...], tuple[int, ...]]:
    """Of a table the columns that are the same in every row, each with its value, and the places of those to show.

    One row has nothing to be compared with: there all that has a value is shown.
    """
    common, kept = [], []
    for place, name in enumerate(header):
        values = [row[place] for row in rows]
        if all(value in (None, "") for value in values):
            continue
        if len(rows) > 1 and all(value == values[0] for value in values):
            common.append((name, values[0]))
        else:
            kept.append(place)
    return tuple(common), tuple(kept)


def numeric_columns(answer: ReadableAnswer) -> Iterator[bool]:
    """Of each column whether it holds numbers."""
    for place in range(len(answer.header)):
        values = [row[place] for row in answer.rows if row[place] not in (None, "")]
        yield bool(values) and all(isinstance(value, int | float) for value in values)


def cell(value: object) -> str:
    """A value in a table: four digits of a number."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def print_answer(console: Console, answer: ReadableAnswer, *, where_more: str) -> None:
    """Print it as wide as the console; `where_more` says where to find what has no room here."""
    if answer.headline:
        console.print(f"{answer.headline} {answer.rest}".rstrip(), markup=False)
    for sentence in answer.why:
        console.print(f"- {sentence}", markup=False)
    if answer.advice:
        console.print("\nFindings:")
    for advice in answer.advice:
        console.print(f"- {advice.sentence}", markup=False)
        if advice.again:
            console.print(f"  {advice.invitation}", markup=False)
            console.print(f"  {advice.again}", markup=False, soft_wrap=True)  # in one line, so that it can be copied
    if answer.headline:
        console.print()
    left_out = print_table(console, answer)
    for note in answer.notes:
        console.print(note, markup=False)
    if left_out:
        console.print(f"No room here for: {'; '.join(left_out)}. {where_more} has everything.", markup=False)
    if answer.open_checks:
        console.print(f"{answer.open_checks} {where_more} says why.", markup=False)


def print_table(console: Console, answer: ReadableAnswer) -> list[str]:
    """Print the table with as many of its columns as there is room for; returns the names of the others."""
    console.print(answer.caption, markup=False)
    if not answer.rows:
        return []
    cells = [[shortened(cell(value)) for value in row] for row in answer.rows]
    numeric = list(numeric_columns(answer))
    widths = [max(len(row[place]) for row in cells) for place in range(len(answer.header))]
    heads = [wrapped(name, width) for name, width in zip(answer.header, widths, strict=True)]
    least = [
        max(width if number or width <= WRAPPED else WRAPPED, *map(len, head.splitlines()))
        for head, width, number in zip(heads, widths, numeric, strict=True)
    ]
    shown = len(least)
    while shown > 1 and sum(least[:shown]) + FRAME * shown + 1 > console.width:
        shown -= 1
    table = Table()
    for head, width, number in zip(heads[:shown], widths, numeric, strict=False):
        table.add_column(
            head, justify="right" if number else "left", no_wrap=number or width <= WRAPPED, overflow="fold"
        )
    for row in cells:
        table.add_row(*(text.replace("[", r"\[") for text in row[:shown]))
    console.print(table)
    return list(answer.header[shown:])


def shortened(text: str) -> str:
    """Of a long text the two ends."""
    return text if len(text) <= LONGEST_CELL else f"{text[: LONGEST_CELL - 10]}…{text[-9:]}"


def wrapped(head: str, width: int) -> str:
    """A column's head on as many lines as it takes to be no wider than its cells, if its words allow that."""
    lines: list[str] = []
    for word in head.split():
        if lines and len(lines[-1]) + 1 + len(word) <= max(width, *map(len, head.split())):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def as_text(answer: ReadableAnswer, width: int, *, where_more: str) -> str:
    """All of it in lines of so many characters, without colour."""
    console = Console(width=width, color_system=None, force_terminal=False, force_jupyter=False, highlight=False)
    with console.capture() as captured:
        print_answer(console, answer, where_more=where_more)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
