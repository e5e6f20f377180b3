"""What a run may use of this installation: of one's own functions and the Pythons those that are offered, no others."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.experiment import Installation
from poolscope.experiments.parameters import quoted
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.protocol.arguments import BenchmarkArguments, InterpreterPath
from poolscope.protocol.kinds import ENGINES, POOL_KINDS
from poolscope.protocol.work_names import FACTORY, OWN_WORK
from poolscope.workloads.catalog import OF_WHICH_POOL


def own_work(text: str) -> tuple[str, ...]:
    """The names of one's own work in a setting, by commas. Raises BadParameters for what is no such name."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    wrong = [name for name in names if not OWN_WORK.fullmatch(name)]
    if wrong:
        raise BadParameters(tuple(ParameterError("workloads", _is_no_work(name)) for name in wrong))
    return names


def _is_no_work(name: str) -> str:
    return (
        "POOLSCOPE_WORKLOADS must be module:function@items or module:function@items+setup, comma-separated, such as "
        f"mypackage.tasks:parse@samples or path/to/file.py:parse@samples; {quoted(name)} is not."
    )


def own_executors(text: str) -> dict[str, str]:
    """Factories by their names in a setting, 'lab=mypackage.cluster:make', by commas. Raises BadParameters."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = {name.strip(): factory.strip() for name, _, factory in (part.partition("=") for part in parts)}
    wrong = [name for name, factory in found.items() if not (name and FACTORY.fullmatch(factory))]
    if wrong:
        sentence = (
            "POOLSCOPE_EXECUTORS must be name=module:factory, comma-separated, such as lab=mypackage.cluster:make; "
            "{} is not."
        )
        raise BadParameters(tuple(ParameterError("executors", sentence.format(quoted(name))) for name in wrong))
    return found


def offered_installation(workloads: str, executors: str = "", cluster: str = "") -> Installation:
    """What is offered before other Pythons are looked for: what settings name, imported from this folder.

    Raises BadParameters.
    """
    folder = Path.cwd()
    path = python_path(folder, os.environ.get("PYTHONPATH", ""))
    return Installation(own_work(workloads), str(folder), path, executors=own_executors(executors), cluster=cluster)


def python_path(folder: Path, text: str) -> tuple[str, ...]:
    """The entries of a PYTHONPATH, each once; relative ones, and the empty one, count from the folder."""
    entries = (os.path.abspath(folder / entry) for entry in text.split(os.pathsep)) if text else ()  # noqa: PTH100
    return tuple(dict.fromkeys(entries))


def choices(installation: Installation) -> Mapping[str, Sequence[str]]:
    """The names that a form lists, by parameter."""
    return {
        "workload": (*OF_WHICH_POOL, *installation.workloads),
        "pythons": tuple(installation.pythons),
        "executor": tuple(installation.executors),
        **({} if installation.engines else {"kinds": POOL_KINDS}),
    }


def for_runner(params: WhichPoolParams, installation: Installation) -> BenchmarkArguments:
    """What the body is given, with the work's folder and the Pythons' paths. Raises BadParameters."""
    complaints = (
        *_about_work(params.workload, installation),
        *_about_pythons(params.pythons, installation),
        *_about_executor(params.executor, installation),
        *_about_kinds(params.kinds, installation),
    )
    if complaints:
        raise BadParameters(complaints)
    labels = params.pythons or [next(iter(installation.pythons))]
    pythons = [InterpreterPath(label, installation.pythons[label]) for label in labels]
    arguments = params.arguments(
        installation.folder,
        installation.path,
        pythons,
        installation.working_folder,
        installation.executors.get(params.executor, ""),
    )
    return replace(arguments, work=replace(arguments.work, cluster=installation.cluster))


def _about_work(name: str, installation: Installation) -> Sequence[ParameterError]:
    if name in OF_WHICH_POOL or name in installation.workloads:
        return ()
    allowed = ", ".join((*OF_WHICH_POOL, *installation.workloads))
    return (
        ParameterError(
            "workload",
            f"`workload` must be one of {allowed}; {quoted(name)} is not offered here. POOLSCOPE_WORKLOADS says which "
            "functions are, and `poolscope measure` takes any.",
        ),
    )


def _about_executor(name: str, installation: Installation) -> Sequence[ParameterError]:
    if not name or name in installation.executors:
        return ()
    offered = f"one of {', '.join(installation.executors)}" if installation.executors else "empty here"
    return (
        ParameterError(
            "executor",
            f"`executor` must be {offered}; {quoted(name)} is not offered. POOLSCOPE_EXECUTORS says which factories "
            "are, and `poolscope measure --executor` takes any.",
        ),
    )


def _about_kinds(kinds: Sequence[str], installation: Installation) -> Sequence[ParameterError]:
    engines = [kind for kind in kinds if kind in ENGINES]
    if installation.engines or not engines:
        return ()
    message = f"`kinds` must be out of {', '.join(POOL_KINDS)}; {', '.join(engines)} is not offered here."
    return (ParameterError("kinds", message),)


def _about_pythons(labels: Sequence[str], installation: Installation) -> Sequence[ParameterError]:
    unknown = [label for label in labels if label not in installation.pythons]
    if not unknown:
        return ()
    hint = (
        "Others are still being looked for: try again in a moment."
        if installation.searching
        else "`poolscope doctor` tells which Pythons are there."
    )
    known, strange = ", ".join(installation.pythons), ", ".join(map(quoted, unknown))
    verb = "is" if len(unknown) == 1 else "are"
    return (ParameterError("pythons", f"`pythons` must be out of {known}; {strange} {verb} not. {hint}"),)
