"""`poolscope schema`: the JSON Schema of what `--json` prints, from the models that the API answers by."""

from __future__ import annotations

import json
from typing import Annotated, get_args

import typer
from pydantic import TypeAdapter

from poolscope.cli.output import error_exits
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.web.models import AnyRun, RunAnswer


def command(
    experiment: Annotated[
        str, typer.Argument(metavar="[EXPERIMENT]", help="An experiment from `poolscope list`; default: all of them.")
    ] = "",
) -> None:
    """Print the JSON Schema of a run.

    A run is what `poolscope run --json` prints and the API returns; `poolscope measure --json` prints one of
    which-pool.
    """
    with error_exits():
        name = EXPERIMENTS[experiment].name if experiment else ""
    typer.echo(json.dumps(schema(name), indent=2))


def schema(experiment: str) -> dict[str, object]:
    """The JSON Schema (2020-12) of one experiment's runs, '' for those of all."""
    found: TypeAdapter[object] = TypeAdapter(AnyRun if not experiment else model_of(experiment))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A run of {experiment or 'Poolscope'}",
        **found.json_schema(mode="serialization"),
    }


def model_of(experiment: str) -> type[RunAnswer]:
    """The model of an experiment's runs."""
    models: tuple[type[RunAnswer], ...] = get_args(get_args(AnyRun)[0])
    return next(model for model in models if experiment in get_args(model.model_fields["experiment"].annotation))
