"""Commands of this program for a terminal; one measures one's own function, where a page can't start that run again."""

from __future__ import annotations

import shlex
import shutil
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from poolscope.experiments.experiment import Installation
from poolscope.experiments.pool_benchmark.params import WhichPoolParams
from poolscope.protocol.kinds import kind_of_cluster
from poolscope.protocol.work_names import WorkNames, path_of

NAME = "poolscope"
# Of parameters whose option has another name.
OPTIONS = {
    "limit_s": "limit",
    "item_limit_s": "item_limit",
    "pythons": "python",
    "max_tasks": "max_tasks_per_child",
}


@cache
def program() -> str:
    """'poolscope' where PATH leads to this installation of it, else its path: after `make run` it is in `.venv`."""
    script = Path(sysconfig.get_path("scripts")) / NAME
    found = shutil.which(NAME)
    here = found is not None and script.exists() and script.samefile(found)
    return NAME if here or not script.exists() else str(script)


def measure_option(name: str) -> str:
    """The option of a parameter: '--item-limit'."""
    return f"--{OPTIONS.get(name, name).replace('_', '-')}"


def option_value(value: object) -> str:
    """A parameter as it is typed: lists with commas, whole numbers without '.0'."""
    if isinstance(value, list | tuple):
        return ",".join(map(option_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def measure_command(
    params: WhichPoolParams, changes: Mapping[str, Any], installation: Installation, cluster: str = ""
) -> str:
    """`poolscope measure` with these parameters and `changes` to them, on a `cluster` if one is named, quoted; its run
    is kept where those of the `installation` are.

    What stands at its default is left out; so is the number of items, of which `measure` takes all.
    """
    work = WorkNames.of(params.workload)
    words = ["measure", _object(work.function), "--items", _object(work.items)]
    if work.setup is not None:
        words += ["--setup", _object(work.setup)]
    values = {**params.model_dump(), **changes}
    for name, info in WhichPoolParams.model_fields.items():
        if name not in ("workload", "work_ms", "items") and values[name] != info.default:
            words += _options(name, values[name])
    words += ["--cluster", cluster] if cluster and kind_of_cluster(cluster) in values["kinds"] else []
    return in_terminal(installation, *words)


def in_terminal(installation: Installation, *words: str) -> str:
    """A command of this program with these words, whose run is kept where those of the installation are."""
    return shlex.join([installation.program, *words, *data_option(installation.data)])


def data_option(data: object) -> tuple[str, ...]:
    """The option that keeps a run in a folder, none for the usual one."""
    return ("--data", str(data)) if data else ()


def _object(named: tuple[str, str]) -> str:
    place, name = named
    return f"{path_of(place)}:{name}"


def _options(name: str, value: Any) -> Iterator[str]:
    """A flag, an option for each Python, or an option with its value."""
    for each in value if name == "pythons" else (value,):
        yield measure_option(name)
        if each is not True:
            yield option_value(each)
