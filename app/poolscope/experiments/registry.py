"""The experiments, one line each; everything else about one is in its folder, its view and its templates."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module

from poolscope.experiments.experiment import Experiment, Experiments

# The folder of each, in whose module `registration` it is registered.
FOLDERS = {
    "shared-list": "shared_list",
    "pool-sizes": "pool_benchmark",
    "factorials": "factorials",
    "sharing": "sharing",
    "failures": "failures",
    "which-pool": "pool_benchmark",
}


def registered(name: str) -> Experiment:
    """The experiment, whose modules are loaded for that: a command needs one of them, and should not wait for all."""
    found: Sequence[Experiment] = import_module(f"poolscope.experiments.{FOLDERS[name]}.registration").REGISTERED
    return next(experiment for experiment in found if experiment.name == name)


EXPERIMENTS = Experiments({name: partial(registered, name) for name in FOLDERS})
