"""A run's answer as a piece of HTML that stands for itself, for a notebook: no scripts, no style sheet, all escaped."""

from __future__ import annotations

from html import escape

from poolscope.library.answer import ReadableAnswer, cell, numeric_columns

MUTED = ' style="opacity: .7"'


def as_html(answer: ReadableAnswer) -> str:
    """The verdict, why, what was found with its remedy, and the table."""
    parts = ["<div>"]
    if answer.headline:
        parts.append(f"<p><strong>{escape(answer.headline)}</strong> {escape(answer.rest)}</p>")
    parts += listed(answer.why)
    parts += listed(
        [
            escape(advice.sentence)
            + (f"<br>{escape(advice.invitation)} <code>{escape(advice.again)}</code>" if advice.again else "")
            for advice in answer.advice
        ],
        escaped=True,
    )
    if answer.rows:
        parts.append(table(answer))
    parts += [f"<p{MUTED}>{escape(note)}</p>" for note in (*answer.notes, answer.open_checks) if note]
    return "".join([*parts, "</div>"])


def listed(sentences: tuple[str, ...] | list[str], *, escaped: bool = False) -> list[str]:
    if not sentences:
        return []
    return ["<ul>", *(f"<li>{sentence if escaped else escape(sentence)}</li>" for sentence in sentences), "</ul>"]


def table(answer: ReadableAnswer) -> str:
    """The rows, numbers to the right."""
    styles = ["text-align: right" if number else "text-align: left" for number in numeric_columns(answer)]

    def row(tag: str, texts: list[str]) -> str:
        cells = (f'<{tag} style="{style}">{escape(text)}</{tag}>' for style, text in zip(styles, texts, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    head, body = row("th", list(answer.header)), "".join(row("td", list(map(cell, each))) for each in answer.rows)
    return f"<table><caption>{escape(answer.caption)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"
