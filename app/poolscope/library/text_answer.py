"""A run's answer as text, for a terminal, a file or `str()`: the answer, the reasons, what to do, then the table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from poolscope.library.answer import ReadableAnswer, cell, numeric_columns

LONGEST_CELL = 40  # characters; of what is longer the two ends are shown
WRAPPED = 20  # characters to which a column of text may shrink; the longest name of a kind has as many
FRAME = 3  # characters between two columns


def print_answer(console: Console, answer: ReadableAnswer, *, where_more: str) -> None:
    """Print it as wide as the console; `where_more` says where to find what has no room here."""
    if answer.headline:
        console.print(f"{answer.headline} {answer.rest}".rstrip(), markup=False)
    for sentence in answer.why:
        console.print(f"- {sentence}", markup=False)
    if answer.advice:
        console.print("\nWhat was found:")
    for advice in answer.advice:
        console.print(f"- {advice.sentence}", markup=False)
        if advice.again:  # in one line, so that it can be copied
            console.print(f"  Try: {advice.again}", markup=False, soft_wrap=True)
    if answer.headline:
        console.print()
    left_out = print_table(console, answer)
    for note in answer.notes:
        console.print(note, markup=False)
    if left_out:
        console.print(f"Too narrow for: {'; '.join(left_out)}. {where_more} has all.", markup=False)
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
