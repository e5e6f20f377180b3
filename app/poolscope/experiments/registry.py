"""The experiments, one line each; everything else about one is in its folder and its template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from poolscope.errors import UnknownExperiment
from poolscope.experiments.factorials import params as factorials_params
from poolscope.experiments.factorials import state as factorials
from poolscope.experiments.failures import params as failures_params
from poolscope.experiments.failures import state as failures
from poolscope.experiments.findings import Finding, Verdict
from poolscope.experiments.installation import Installation
from poolscope.experiments.parameters import Params
from poolscope.experiments.pool_benchmark import params as which_pool_params
from poolscope.experiments.pool_benchmark import validation, which_pool
from poolscope.experiments.pool_sizes import params as pool_sizes_params
from poolscope.experiments.pool_sizes import state as pool_sizes
from poolscope.experiments.shared_list import params as shared_list_params
from poolscope.experiments.shared_list import state as shared_list
from poolscope.experiments.sharing import params as sharing_params
from poolscope.experiments.sharing import state as sharing
from poolscope.protocol.records import Record


class Meaning(Protocol):
    """What an experiment's module `state` offers; every state is a type of its own, which only that module knows."""

    def initial(self, params: Any) -> Any: ...
    def fold(self, state: Any, record: Record) -> Any: ...
    def verdict(self, state: Any, usable_cpus: int) -> Verdict | None: ...
    def findings(self, state: Any, usable_cpus: int) -> Sequence[Finding]: ...
    def as_json(self, state: Any) -> dict[str, Any]: ...
    def rows(self, state: Any) -> tuple[Sequence[str], Sequence[Sequence[object]]]: ...


@dataclass(frozen=True)
class Experiment:
    """One experiment as bench, pages, API and command line see it.

    `measured` runs take turns on the machine, others run side by side; `prefix` begins the ids of its runs; `controls`
    is the model of what may change while it runs, None where nothing may. `for_runner` turns parameters that name what
    an installation offers into what its body is given, and `choices` lists those names for a form, by parameter.
    """

    name: str
    prefix: str
    title: str
    question: str
    params: type[Params]
    meaning: Meaning
    measured: bool = False
    controls: type[Params] | None = None
    for_runner: Callable[[Any, Installation], dict[str, Any]] | None = None
    choices: Callable[[Installation], Mapping[str, Sequence[str]]] | None = None
    room: str = ""  # the folder of its body, where that is not its own name's

    def order(self, params: Params, installation: Installation) -> dict[str, Any]:
        """What its body is given. Raises BadParameters for a name that this installation does not offer."""
        return self.for_runner(params, installation) if self.for_runner else params.model_dump(mode="json")

    @property
    def body(self) -> str:
        """The module that the runner imports."""
        return f"poolscope.experiments.{self.room or self.slug}.body"

    @property
    def slug(self) -> str:
        """The name as Python and file names spell it."""
        return self.name.replace("-", "_")


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "shared-list",
            "sl",
            "Shared list",
            "Do producers and consumers stay in step over one list?",
            shared_list_params.SharedListParams,
            shared_list,
            controls=shared_list_params.SharedListControls,
        ),
        Experiment(
            "pool-sizes",
            "ps",
            "Pool sizes",
            "How many workers until a pool costs more than it gains?",
            pool_sizes_params.PoolSizesParams,
            pool_sizes,
            measured=True,
        ),
        Experiment(
            "factorials",
            "fa",
            "Factorials",
            "In what order do results come back from a pool?",
            factorials_params.FactorialsParams,
            factorials,
        ),
        Experiment(
            "sharing",
            "sd",
            "Sharing data",
            "Which tool shares data correctly, and at what price?",
            sharing_params.SharingParams,
            sharing,
            measured=True,
        ),
        Experiment(
            "failures",
            "fl",
            "Failures",
            "When something breaks in a worker, who finds out?",
            failures_params.FailuresParams,
            failures,
        ),
        Experiment(
            "which-pool",
            "wp",
            "Which pool?",
            "Which pool suits this work, and why is it not faster?",
            which_pool_params.WhichPoolParams,
            which_pool,
            measured=True,
            for_runner=validation.for_runner,
            choices=validation.choices,
            room="pool_benchmark",
        ),
    )
}


def find(name: str) -> Experiment:
    """The experiment of that name. Raises UnknownExperiment."""
    try:
        return EXPERIMENTS[name]
    except KeyError:
        raise UnknownExperiment(name, tuple(EXPERIMENTS)) from None
