"""What an experiment is to the server: its parameters, how it is admitted, what its records mean and what was found.

A verdict states what is true first, a finding is a check with its numbers. An installation offers work and Pythons of
its own beside what is built in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from poolscope.errors import UnknownExperiment
from poolscope.experiments.parameters import Params
from poolscope.protocol.arguments import Arguments
from poolscope.protocol.commands import Command
from poolscope.protocol.records import Record

Rows = tuple[Sequence[str], Sequence[Sequence[object]]]


class Experiments(Mapping[str, "Experiment"]):
    """Experiments by name, each found when it is first asked for. Raises UnknownExperiment for another name."""

    def __init__(self, ways: Mapping[str, Callable[[], Experiment]]) -> None:
        self._ways = ways
        self._found: dict[str, Experiment] = {}

    def __getitem__(self, name: str) -> Experiment:
        if name not in self._ways:
            raise UnknownExperiment(name, tuple(self))
        if name not in self._found:
            self._found[name] = self._ways[name]()
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ways

    def __iter__(self) -> Iterator[str]:
        return iter(self._ways)

    def __len__(self) -> int:
        return len(self._ways)


@dataclass(frozen=True)
class Meaning:
    """What an experiment's records mean: pure functions of its own state, a type that only they know.

    `rows` are the results for programs (CSV), head first. What follows has a default: `table` are the rows for people,
    where there are too many of the others; `notes` are sentences below that table; `chart` are the datasets of the
    charts by name, from the state and the usable CPUs; `log` are (stamp, text) lines that the experiment's own program
    would have printed; `paused` says whether a live run is paused; `change` words what a remedy changes, and says how
    long that takes, None where the labels of its parameters say enough; `in_force` are the parameters that a run's
    controls changed, with their last values.
    """

    initial: Callable[[Any], Any]
    fold: Callable[[Any, Record], Any]
    verdict: Callable[[Any, int], Verdict | None]
    findings: Callable[[Any, int], Sequence[Finding]]
    as_json: Callable[[Any], dict[str, Any]]
    rows: Callable[[Any], Rows]
    table: Callable[[Any], Rows] | None = None
    notes: Callable[[Any], Sequence[str]] = lambda _: ()
    chart: Callable[[Any, int], Mapping[str, Any]] | None = None
    log: Callable[[Any], Sequence[tuple[int, str]]] = lambda _: ()
    paused: Callable[[Any], bool] = lambda _: False
    change: Callable[[Any, Mapping[str, Any]], Change] | None = None
    in_force: Callable[[Any], Mapping[str, Any]] = lambda _: {}


@dataclass(frozen=True)
class Experiment:
    """One experiment as bench, pages, API and command line see it.

    `measured` runs take turns on the machine, others run side by side; what a page starts waits for the end of the
    `undisturbed` ones, unless it is told to begin. `prefix` begins the ids of its runs; `controls` is the model of what
    may change while it runs, None where nothing may. `for_runner` turns parameters that name what
    an installation offers into the arguments of its body, and `choices` lists those names for a form, by parameter.
    `command` is the command line of a run, with changes and the address of the cluster that it used, '' for none; it is
    for runs that only a terminal can start. `steer` is asked, in a thread,
    for an answer whenever the body has ended a round.
    """

    name: str
    prefix: str
    title: str
    question: str
    params: type[Params]
    meaning: Meaning
    measured: bool = False
    undisturbed: bool = False
    controls: type[Params] | None = None
    for_runner: Callable[[Any, Installation], Arguments] | None = None
    choices: Callable[[Installation], Mapping[str, Sequence[str]]] | None = None
    command: Callable[[Any, Mapping[str, Any], Installation, str], str] | None = None
    steer: Callable[[Any], Command | None] | None = None
    room: str = ""  # the folder of its body, where that is not its own name's

    def arguments(self, params: Params, installation: Installation) -> Arguments:
        """What its body is given. Raises BadParameters for a name that this installation does not offer."""
        if self.for_runner:
            return self.for_runner(params, installation)
        return Arguments.decode(self.name, params.model_dump(mode="json"))

    @cached_property
    def body(self) -> str:
        """The module that the runner imports."""
        return f"poolscope.experiments.{self.room or self.slug}.body"

    @cached_property
    def slug(self) -> str:
        """The name as Python and file names spell it."""
        return self.name.replace("-", "_")


def this_python() -> dict[str, str]:
    """The Python that we run in, by the label that it always has: {'3.11': its path}."""
    build = "t" if "t" in getattr(sys, "abiflags", "") else ""
    return {f"{sys.version_info.major}.{sys.version_info.minor}{build}": sys.executable}


@dataclass(frozen=True, slots=True)
class Installation:
    """Set by who starts Poolscope, never by who asks for a run: only what is named here is ever imported or started.

    `workloads` are names of one's own work, place:function@items+setup, imported from `folder` and `path`, which is the
    PYTHONPATH, and done in `working_folder`, where that is another one. `pythons` are paths by label, this one first.
    `searching` says that others are still being looked for. `executors` are factories of executors, place:name, by the
    names that they are offered by; `engines` says whether pools of other packages are. `cluster` is the address of a
    dask scheduler or a ray cluster, '' where a run starts its own. Commands for a terminal call the `program`, and keep
    their runs in `data`, where that is not the usual folder.
    """

    workloads: tuple[str, ...] = ()
    folder: str = ""
    path: tuple[str, ...] = ()
    pythons: Mapping[str, str] = field(default_factory=this_python)
    searching: bool = False
    working_folder: str = ""
    executors: Mapping[str, str] = field(default_factory=dict)
    engines: bool = True
    cluster: str = ""
    program: str = "poolscope"
    data: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One sentence or two: `headline` is the finding itself, `rest` its comparison, its interval and its ground.

    `reasons` are more sentences of that ground, where they are too many to be read in one go. `code` names what was
    found without words, for programs; it is '' where an experiment has none.
    """

    headline: str
    rest: str = ""
    reasons: tuple[str, ...] = ()
    code: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.headline, self.rest, *self.reasons)))


class CheckTitles(NamedTuple):
    """What a check says in a few words: where it `holds`, which is its name too, and `otherwise`."""

    holds: str
    otherwise: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: it holds, it does not, or (None) the data can't tell; `sentence` says so with its numbers.

    `remedy` holds the parameters to run again with, empty where there is nothing to change. `code` names what was found
    without words, for programs; it is '' where a check has none. Most checks look for trouble; of one that is `wanted`
    it is well that it holds. The trouble of most is a cost or a caution; it is a `failure` where something went wrong:
    an exception, a wrong result, a worker that died or hangs, something left behind. Of a `not_recommended` one the
    remedy is for something that the verdict does not recommend, or would only leave out what was compared, so that it
    is no next step.
    """

    titles: CheckTitles
    holds: bool | None
    sentence: str
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    remedy: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    wanted: bool = False
    failure: bool = False
    not_recommended: bool = False

    @property
    def check(self) -> str:
        """What is looked for, whether or not it was found."""
        return self.titles.holds

    @property
    def title(self) -> str:
        """What is so."""
        return self.titles.otherwise if self.holds is False else self.titles.holds

    @property
    def trouble(self) -> bool | None:
        """Whether the run found something to mend; None where the data can't tell."""
        return None if self.holds is None else self.holds is not self.wanted

    def as_json(self) -> dict[str, Any]:
        ours = ("titles", "wanted", "failure", "not_recommended")
        return {"check": self.check} | {name: value for name, value in asdict(self).items() if name not in ours}


@dataclass(frozen=True, slots=True)
class Change:
    """What running again with a remedy means: `words` name it, and it takes about `seconds`, None if unknown.

    `timed` words say themselves how long it takes, and no estimate beside them, which would be another number.
    """

    words: str
    seconds: float | None = None
    timed: bool = False
