"""`poolscope run`: one experiment in the terminal, through the same scheduler and journal as in the browser."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from poolscope.cli.one_run import FAIL_IF_HELP, FailIf, perform, print_and_exit
from poolscope.cli.output import DATA_HELP, error_exits
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.pool_benchmark.measure_command import data_option, option_value, program
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.machine import interpreters
from poolscope.runs.budget import ResourceBudget
from poolscope.settings import Settings, read_settings


def command(
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="An experiment from `poolscope list`.")],
    param: Annotated[
        list[str] | None, typer.Option("-p", "--param", metavar="NAME=VALUE", help="A parameter; may be repeated.")
    ] = None,
    fail_if: Annotated[list[str] | None, typer.Option("--fail-if", metavar="CONDITION", help=FAIL_IF_HELP)] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="PATH", help=DATA_HELP)] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the run as JSON instead of a table; `poolscope schema` describes it.")
    ] = False,
) -> None:
    """Run one experiment in this terminal.

    Progress goes to stderr, the result to stdout. Exit status: 0 if it finished, 1 if it failed, every pool broke or a
    --fail-if condition holds, 2 if a parameter is wrong, 130 if it was interrupted.
    """
    with error_exits():
        raw = parse_pairs(param or ())
        settings = read_settings({"data": data})
        failing = FailIf.of(fail_if or (), experiment, settings.journal_path)
        installation = offered_installation(settings.workloads, settings.executors, settings.cluster)
        if raw.get("pythons"):
            found = asyncio.run(interpreters.find(*interpreters.parse_setting(settings.pythons)))
            installation = replace(installation, pythons=interpreters.by_label(found))
        run = perform(settings, installation, experiment, raw, quiet=as_json, budget=budget_of(settings))
    print_and_exit(run, as_json, lambda remedy: run_command(experiment, {**raw, **remedy}, data), failing)


def run_command(experiment: str, parameters: Mapping[str, Any], data: Path | None = None) -> str:
    """The command that runs it with these parameters and keeps it in the same folder, quoted for a shell."""
    pairs = (("-p", f"{name}={option_value(value)}") for name, value in parameters.items())
    return shlex.join([program(), "run", experiment, *chain.from_iterable(pairs), *data_option(data)])


def budget_of(settings: Settings) -> ResourceBudget:
    """What a run may take of this machine, if nothing else is set."""
    return ResourceBudget.of_machine(settings.busy_limit, settings.process_limit, settings.memory_mib)


def parse_pairs(params: Sequence[str]) -> dict[str, str]:
    """The parameters by name. Raises BadParameters for what is no NAME=VALUE."""
    wrong = [each for each in params if "=" not in each]
    if wrong:
        raise BadParameters(
            tuple(ParameterError("", f"A parameter is given as NAME=VALUE; {each!r} is not.") for each in wrong)
        )
    pairs = (each.split("=", 1) for each in params)
    return {name.strip(): value for name, value in pairs}
