"""`poolscope list`: the experiments and what may be asked of them."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.console import Console
from rich.table import Table

from app.cli.screen import WIDE
from app.experiments.asking import allowed
from app.experiments.registry import EXPERIMENTS, Experiment


def command(as_json: Annotated[bool, typer.Option("--json", help="Print JSON Schemas instead.")] = False) -> None:
    """List the experiments and their parameters."""
    if as_json:
        typer.echo(json.dumps([described(experiment) for experiment in EXPERIMENTS.values()], indent=2))
        return
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDE)
    for experiment in EXPERIMENTS.values():
        console.print(f"[bold]{experiment.name}[/bold]  {experiment.question}")
        table = Table("parameter", "default", "allowed", "what it is", box=None, pad_edge=False, padding=(0, 2))
        for name, info in experiment.params.model_fields.items():
            table.add_row(name, default(info), may_be(info), info.description or "")
        console.print(table, "")


def described(experiment: Experiment) -> dict[str, Any]:
    """An experiment as GET /api/experiments gives it."""
    return {
        "name": experiment.name,
        "title": experiment.title,
        "question": experiment.question,
        "parameters": experiment.params.model_json_schema(),
    }


def default(info: FieldInfo) -> str:
    """The default as it would be typed behind -p NAME=."""
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def may_be(info: FieldInfo) -> str:
    """What a parameter may be, in words."""
    if get_origin(info.annotation) is list:
        if get_args(info.annotation) == (str,):
            return "names by commas"
        inner = FieldInfo.from_annotation(get_args(info.annotation)[0])
        return allowed(inner).removeprefix("a ").replace("number", "numbers", 1)
    if str in get_args(info.annotation):
        return "text"
    return allowed(info)
