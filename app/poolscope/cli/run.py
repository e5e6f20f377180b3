"""`poolscope run`: one experiment in the terminal, through the same scheduler and journal as in the browser."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from poolscope.cli.fail_if import HELP as FAIL_IF_HELP
from poolscope.cli.fail_if import JUDGED_EXPERIMENTS, FailIf
from poolscope.cli.output import (
    BAD_USAGE,
    DATA_HELP,
    FAILED,
    INTERRUPTED,
    ProgressDisplay,
    error_exits,
    print_result,
    say,
)
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.experiment import Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.measure_command import data_option, option_value
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.experiments.pool_benchmark.verdict import every_pool_broke, whys_left_out
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.library.answer import Again
from poolscope.library.lone_run import LoneRun, is_misnamed
from poolscope.machine import interpreters
from poolscope.machine.program import program
from poolscope.runs.budget import ResourceBudget
from poolscope.runs.run import Run, Status
from poolscope.settings import Settings, read_settings

UNBOUNDED = ResourceBudget()
EXIT_STATUS = {Status.FINISHED: 0, Status.FAILED: FAILED, Status.STOPPED: INTERRUPTED, Status.INTERRUPTED: INTERRUPTED}


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


def perform(
    settings: Settings,
    installation: Installation,
    experiment: str,
    raw: Mapping[str, Any],
    *,
    quiet: bool,
    budget: ResourceBudget = UNBOUNDED,
) -> Run:
    """Run an experiment to its end, within a budget. Raises BadParameters before anything is started."""
    about = EXPERIMENTS[experiment]
    params = parse(about.params, raw)
    about.arguments(params, installation)
    budget.check(params)
    return asyncio.run(_perform(settings, installation, experiment, raw, quiet, budget))


def budget_of(settings: Settings) -> ResourceBudget:
    """What a run may take of this machine, if nothing else is set."""
    return ResourceBudget.of_machine(settings.busy_limit, settings.process_limit, settings.memory_mib)


def print_and_exit(run: Run, as_json: bool, again: Again, failing: FailIf, footer: str = "") -> NoReturn:
    """Print the result of an ended run, as text with `footer` below it or as JSON, and exit as it ended.

    `again` words the command that runs it with a remedy; where a condition of `failing` holds, or every pool of the run
    broke, the exit status is 1.
    """
    if run.error:
        say(run.error)
    misnamed = is_misnamed(run)
    if as_json:
        typer.echo(json.dumps(run.as_json(), ensure_ascii=False, allow_nan=False, indent=2))
    elif not misnamed:  # the sentence says it all, and the same command would say it again
        print_result(run, again)
        if footer:
            typer.echo(footer)
    if run.unkept:
        say(f"This run is not kept: {run.unkept}")
    failed = failing.exit_status(run)
    if run.status is Status.FINISHED and run.experiment.name in JUDGED_EXPERIMENTS and every_pool_broke(run.state):
        failed = FAILED
        if as_json:
            say(*whys_left_out(run.state))
    raise typer.Exit(BAD_USAGE if misnamed else EXIT_STATUS[run.status] or failed)


def parse_pairs(params: Sequence[str]) -> dict[str, str]:
    """The parameters by name. Raises BadParameters for what is no NAME=VALUE."""
    wrong = [each for each in params if "=" not in each]
    if wrong:
        raise BadParameters(
            tuple(ParameterError("", f"A parameter is given as NAME=VALUE; {each!r} is not.") for each in wrong)
        )
    pairs = (each.split("=", 1) for each in params)
    return {name.strip(): value for name, value in pairs}


async def _perform(
    settings: Settings,
    installation: Installation,
    experiment: str,
    raw: Mapping[str, Any],
    quiet: bool,
    budget: ResourceBudget,
) -> Run:
    """Run it in a scheduler of its own; SIGINT and SIGTERM stop it and keep what it has."""
    interrupted = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, interrupted.set)
    lone = LoneRun(
        experiment,
        raw,
        installation,
        journal=settings.journal_path,
        turns=settings.journal_path,
        keep_runs=settings.keep_runs,
        journal_mib=settings.journal_mib,
        budget=budget,
    )
    return await lone.perform(lambda run: ProgressDisplay(run, quiet=quiet).follow(), interrupted, say)
