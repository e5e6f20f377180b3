"""Tables as data: columns say what a row shows and how, and one macro (`ui.table`) turns the result into markup."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any


def plain(value: Any) -> str:
    """A value as it is, nothing for None."""
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Button:
    """A form that is only a button: it posts the `fields` and its own `name` and `value`.

    `label` says what it does without its surroundings. With `htmx` the answer changes the page in place.
    """

    word: str
    label: str
    action: str = "/runs"
    fields: tuple[tuple[str, str], ...] = ()
    name: str = ""
    value: str = ""
    htmx: bool = False
    confirm: str = ""


def alone(experiment: str, parameter: str, value: str, title: str, word: str = "Run", *, htmx: bool = True) -> Button:
    """A button that runs one part of an experiment, everything else at its default."""
    fields = (("experiment", experiment),)
    return Button(word, f"{word}: {title}", fields=fields, name=parameter, value=value, htmx=htmx)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of `width` percent between hairlines at `lines` percent; None draws the hairlines alone.

    `kind` gives it the colour of a kind of pool.
    """

    width: float | None
    lines: tuple[float, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is more than text. `state` is its mark, `before` and `small` stand small around the text, `strong`
    behind it and `note` below.

    `head` is the column's name, for narrow screens without a head row. `level` is a shade from 0 to 5. `kind` puts the
    mark of a kind of pool before the text.
    """

    text: str = ""
    state: str = ""
    href: str = ""
    code: bool = False
    strong: str = ""
    before: str = ""
    small: str = ""
    note: str = ""
    title: str = ""
    align: str = ""
    head: str = ""
    span: int = 1
    level: int | None = None
    kind: str = ""
    current: bool = False
    button: Button | None = None
    bar: Bar | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, what it takes from a row, and how that is written.

    `align` is the class of its cells: n for numbers, wrap for prose, keep for what stays on one line, long for what
    gets a line of its own on a narrow screen. `unit` stands in the head, below the title where `stacked`. `row_head`
    marks the cells that name their rows. A `hidden` title is for screen readers only. Columns of one `group` share a
    head above theirs. `scale` are words at 0, 50 and 100 % above bars. With `precise` the format gets the table's
    digits as well. `kind` puts the mark of a kind of pool before the title.

    Columns are compared by what a page shows of them, so that equal tables need no second rendering.
    """

    title: str
    value: Callable[[Any], Any] = field(compare=False)
    format: Callable[..., str] = field(default=plain, compare=False)
    align: str = ""
    unit: str = ""
    stacked: bool = False
    row_head: bool = False
    hidden: bool = False
    code: bool = False
    group: str = ""
    scale: tuple[str, ...] = ()
    precise: bool = False
    kind: str = ""

    def cell(self, row: Any, digits: int) -> str | Cell:
        """What stands in this column of a row."""
        value = self.value(row)
        if isinstance(value, Cell):
            return value
        return self.format(value, digits) if self.precise else self.format(value)


@dataclass(frozen=True, slots=True)
class Group:
    """A head above several columns, or ('' and 1) a column that stands alone and takes both lines."""

    title: str
    span: int


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row in the order of the columns; the `best` row stands out, `id` is its anchor."""

    cells: tuple[str | Cell, ...]
    best: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that is ready for the macro; `summary` are rows of a second body."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    summary: tuple[Row, ...] = ()
    style: str = ""
    caption: str = ""

    @property
    def groups(self) -> tuple[tuple[Group, Column], ...]:
        """The upper line of the head, each with its first column; empty where no column has a group."""
        if not any(column.group for column in self.columns):
            return ()
        groups: list[tuple[Group, Column]] = []
        for column in self.columns:
            if column.group and groups and groups[-1][0].title == column.group:
                groups[-1] = (Group(column.group, groups[-1][0].span + 1), groups[-1][1])
            else:
                groups.append((Group(column.group, 1), column))
        return tuple(groups)


def table(
    columns: Sequence[Column],
    rows: Iterable[Any],
    *,
    best: Callable[[Any], bool] = lambda row: False,
    row_id: Callable[[Any], str] = lambda row: "",
    place: str = "",
    digits: int = 1,
    style: str = "",
    caption: str = "",
) -> Table:
    """The rows as cells; `best` chooses the row that stands out, `digits` is for columns that are `precise`.

    With `place` the anchor of a row tells where it stands: a list that moves on then changes the words in its rows,
    where it would else move the rows.
    """
    return Table(
        tuple(columns),
        tuple(
            Row(
                tuple(column.cell(row, digits) for column in columns),
                bool(best(row)),
                f"{place}{position}" if place else row_id(row),
            )
            for position, row in enumerate(rows)
        ),
        style=style,
        caption=caption,
    )
