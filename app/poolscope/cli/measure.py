"""`poolscope measure`: which pool suits the user's own function, in their folder and virtual environment."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from poolscope.cli.one_run import FAIL_IF_HELP, FailIf, perform, print_and_exit
from poolscope.cli.output import DATA_HELP, error_exits
from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.parameters import quoted
from poolscope.experiments.pool_benchmark.measure_command import data_option, measure_option, option_value, program
from poolscope.experiments.pool_benchmark.validation import offered_installation
from poolscope.machine import interpreters
from poolscope.protocol.kinds import kind_of_cluster
from poolscope.protocol.work_names import FACTORY, NAME, is_file, quoted_path
from poolscope.settings import read_settings

OBJECT = re.compile(rf"(?:(?P<place>{NAME}|.+\.py):)?(?P<name>{NAME})", re.DOTALL)


def command(
    function: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:FUNCTION", help="The function to call: mypackage.tasks:parse, or path/to/file.py:parse."
        ),
    ],
    items: Annotated[
        str,
        typer.Option(metavar="MODULE:ITEMS", help="Its items: an iterable, or a callable that returns one."),
    ],
    setup: Annotated[
        str | None, typer.Option(metavar="MODULE:NAME", help="A callable that each worker calls first.")
    ] = None,
    star: Annotated[
        bool, typer.Option("--star", help="Call it as f(*item), or as f(**item) where an item is a mapping.")
    ] = False,
    kinds: Annotated[
        str | None,
        typer.Option(
            help="Kinds of pools, comma-separated: thread, process, pool, interpreter, asyncio (default: all of "
            "these), loky, joblib, dask, ray."
        ),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="MODULE:FACTORY",
            help="Also measure an executor of your own: a callable that takes a number of workers and returns a "
            "concurrent.futures.Executor.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Use an existing cluster: a dask scheduler such as tcp://10.0.0.5:8786 for the kind dask, or "
            "ray://10.0.0.5:10001 for the kind ray.",
        ),
    ] = None,
    sizes: Annotated[str | None, typer.Option(help="Workers in a pool, such as 1,2,4 or 2-8.")] = None,
    chunksizes: Annotated[
        str | None, typer.Option(help="Items per message (chunk), comma-separated; 0 is the pool's own choice.")
    ] = None,
    max_tasks: Annotated[
        str | None,
        typer.Option("--max-tasks-per-child", help="Replace a worker after so many tasks, comma-separated; 0 = never."),
    ] = None,
    start_methods: Annotated[
        str | None, typer.Option(help="fork, forkserver, spawn, comma-separated; default: the platform's.")
    ] = None,
    native_threads: Annotated[
        str | None,
        typer.Option(help="Limits for the threads of BLAS and OpenMP, such as 1,2; 0 = as the environment has it."),
    ] = None,
    repeats: Annotated[
        str | None, typer.Option(metavar="N", help="Repetitions after one warm-up; default: as many as needed.")
    ] = None,
    seconds: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Time for all of it, unless --repeats is given; default: 30.")
    ] = None,
    python: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Another Python to compare: a path, or a label from `poolscope doctor`."),
    ] = None,
    limit: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="How long a call, or a pass over all items, may take.")
    ] = None,
    item_limit: Annotated[
        str | None,
        typer.Option(metavar="SECONDS", help="How long the call of one item may take; slower items are left out."),
    ] = None,
    fail_if: Annotated[list[str] | None, typer.Option("--fail-if", metavar="CONDITION", help=FAIL_IF_HELP)] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="PATH", help=DATA_HELP)] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the run as JSON instead of a table; `poolscope schema` describes it.")
    ] = False,
) -> None:
    """Find out which pool suits your own function.

    It is measured in threads, processes, interpreters and a plain loop. The function is imported in your folder and
    virtual environment; your code need not import Poolscope. Progress goes to stderr, the result to stdout. Exit
    status: 0 if it finished, 1 if it failed, every pool broke or a --fail-if condition holds, 2 if an option is wrong
    or the function or its items don't exist, 130 if it was interrupted; what was measured until then is printed and
    kept.
    """
    options: dict[str, Any] = {
        "kinds": kinds,
        "sizes": sizes,
        "chunksizes": chunksizes,
        "max_tasks": max_tasks,
        "start_methods": start_methods,
        "native_threads": native_threads,
        "repeats": repeats,
        "seconds": seconds,
        "limit_s": limit,
        "item_limit_s": item_limit,
        "star": star or None,
    }
    with error_exits(measure_option):
        settings = read_settings({"data": data, "cluster": cluster})
        name = work_name(function, items, setup)
        if executor is not None and not FACTORY.fullmatch(executor):
            sentence = f"--executor must be MODULE:FACTORY, such as mypackage.cluster:make; {quoted(executor)} is not."
            raise BadParameters((ParameterError("--executor", sentence),))
        failing = FailIf.of(fail_if or (), "which-pool", settings.journal_path)
        installation = offered_installation(settings.workloads, settings.executors, settings.cluster)
        if executor is not None:
            options |= {"executor": executor, "kinds": with_kind(kinds, "executor")}
        if cluster is not None:
            options["kinds"] = with_kind(options["kinds"], kind_of_cluster(cluster))
        given = {option: value for option, value in options.items() if value is not None}
        raw: dict[str, Any] = {"workload": name, **given}
        installation = replace(installation, workloads=(name, *installation.workloads))
        first = venv_python()
        if first or python:
            paths, raw["pythons"] = asyncio.run(interpreters.find_named(settings.pythons, first, python or ()))
            installation = replace(installation, pythons=paths)
        if executor is not None:
            installation = replace(installation, executors={**installation.executors, executor: executor})
        run = perform(settings, installation, "which-pool", raw, quiet=as_json)
    words = [program(), *sys.argv[1:]]
    serve = shlex.join([program(), "serve", *data_option(data)])
    page = f"Charts and a script: /runs/{run.id} on the page of a server; if none is running, start one: {serve}"
    print_and_exit(
        run, as_json, lambda remedy: with_options(words, remedy), failing, f"\nRun again: {shlex.join(words)}\n{page}"
    )


def with_options(words: Sequence[str], remedy: Mapping[str, Any]) -> str:
    """The command with the remedy's parameters as options, in the place of those that it had."""
    options = {measure_option(name): [] if value is True else [option_value(value)] for name, value in remedy.items()}
    kept, left = [], iter(words)
    for word in left:
        if word not in options and word.partition("=")[0] not in options:
            kept.append(word)
        elif options.get(word):  # its value is the next word
            next(left, "")
    return shlex.join([*kept, *chain.from_iterable([option, *value] for option, value in options.items())])


def with_kind(kinds: str | None, kind: str) -> str:
    """The kinds that were asked for, all without any, and this one."""
    asked = kinds or "all"
    return asked if kind in asked.split(",") else f"{asked},{kind}"


def work_name(function: str, items: str, setup: str | None) -> str:
    """The work's name, place:function@items+setup. Raises BadParameters for what is no MODULE:NAME or FILE:NAME."""
    options = (
        ("The function", "MODULE:FUNCTION or FILE.py:FUNCTION", "parse", function, True),
        ("--items", "MODULE:ITEMS or FILE.py:ITEMS", "samples", items, False),
        ("--setup", "MODULE:NAME or FILE.py:NAME", "connect", setup, False),
    )
    found = [OBJECT.fullmatch(value) for *_, value, _ in options if value is not None]
    errors = [
        ParameterError(
            option,
            f"{option} must be {what}, such as mypackage.tasks:{example}; {quoted(value)} is not"
            f"{meant(value, example)}",
        )
        for option, what, example, value, whole in options
        if value is not None and (not (match := OBJECT.fullmatch(value)) or (whole and not match["place"]))
    ]
    if errors:
        raise BadParameters(tuple(errors))
    places = [
        quoted_path(each["place"] or "") if is_file(each["place"] or "") else each["place"] for each in found if each
    ]
    names = [each["name"] for each in found if each]
    parts = [
        name if place in (None, places[0]) else f"{place}:{name}"
        for place, name in zip(places[1:], names[1:], strict=True)
    ]
    return f"{places[0]}:{names[0]}@{'+'.join(parts)}"


def meant(value: str, example: str) -> str:
    """The end of the sentence about a word that names nothing: what may have been meant."""
    place, colon, name = value.rpartition(":")
    if os.sep in place and not is_file(place):
        return f"; is {place}.py:{name} meant?"
    if is_file(value):
        return f"; is a function or items in it meant, {value}:{example}?"
    module, dot, last = value.rpartition(".")
    return f"; is {module}:{last} meant?" if dot and not colon and re.fullmatch(NAME, value) else "."


def venv_python(variables: Mapping[str, str] = os.environ) -> str:
    """The Python of the user's virtual environment, '' where there is none or it is ours."""
    folder = variables.get("VIRTUAL_ENV", "")
    if not folder or Path(folder).resolve() == Path(sys.prefix).resolve():
        return ""
    return str(Path(folder) / "bin" / "python")
