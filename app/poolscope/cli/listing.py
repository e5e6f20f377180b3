"""`poolscope list`: the experiments and what may be asked of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from rich.table import Table

from poolscope.cli.output import error_exits, result_console
from poolscope.experiments import parameters
from poolscope.experiments.experiment import Experiment
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.settings import read_settings


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Schemas instead.")] = False,
) -> None:
    """List the experiments and their parameters."""
    if as_json:
        typer.echo(json.dumps([description(experiment) for experiment in EXPERIMENTS.values()], indent=2))
        return
    with error_exits():
        settings = read_settings()
        installation = offered_installation(settings.workloads, settings.executors, settings.cluster)
    console = result_console()
    for experiment in EXPERIMENTS.values():
        console.print(f"[bold]{experiment.name}[/bold]  {experiment.question}")
        table = Table(box=None, pad_edge=False, padding=(0, 2))
        for head in ("parameter", "default", "allowed", "what it is"):
            table.add_column(head, overflow="fold")
        choices = experiment.choices(installation) if experiment.choices else {}
        for name, info in experiment.params.model_fields.items():
            table.add_row(
                name, default_value(info), allowed_values(info, choices.get(name, ())), info.description or ""
            )
        console.print(table, "")


def description(experiment: Experiment) -> dict[str, Any]:
    """An experiment as GET /api/experiments gives it."""
    return {
        "name": experiment.name,
        "title": experiment.title,
        "question": experiment.question,
        "parameters": experiment.params.model_json_schema(),
    }


def default_value(info: FieldInfo) -> str:
    """The default as it would be typed behind -p NAME=."""
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def allowed_values(info: FieldInfo, choices: Sequence[str] = ()) -> str:
    """What a parameter may be, in words; `choices` are those of this installation."""
    if get_origin(info.annotation) is list:
        if get_args(info.annotation) == (str,):
            return "names, comma-separated"
        inner = FieldInfo.from_annotation(get_args(info.annotation)[0])
        return parameters.allowed(inner).removeprefix("a ").replace("number", "numbers", 1)
    if choices:
        return f"one of {', '.join(choices)}"
    if str in get_args(info.annotation):
        return "text"
    return parameters.allowed(info)
