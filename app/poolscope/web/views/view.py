"""The protocol of a view: everything that pages need to know of one experiment, declared with its defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, Request

from poolscope.errors import UnknownRun
from poolscope.experiments.timeline import Lanes
from poolscope.runs.run import Run
from poolscope.web.access import app_state_of
from poolscope.web.table import Column, Table


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A block of a run's page, made by the macro of its name in the experiment's template.

    Where one `macro` makes several blocks, `item` takes from the view what this one is about; the macro reads `item`.
    Blocks with the same `fold` stand together under that title, closed until somebody opens it; '' stands open.
    """

    name: str
    macro: str = ""
    item: Callable[[Any], Any] | None = None
    fold: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: its Vega-Lite `spec` in templates/charts, what a screen reader says of it, and its height in pixels."""

    spec: str
    label: str
    height: int


@dataclass(frozen=True, slots=True)
class ChartFacts:
    """A chart with the address of its data, which changes whenever the data do."""

    spec: str
    label: str
    height: int
    source: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A figure of lanes: what it shows, and what each state means there."""

    label: str
    states: tuple[tuple[str, str], ...]

    def legend(self, lanes: Lanes, *always: str) -> tuple[tuple[str, str], ...]:
        """The states that occur in the lanes, or are named here, each with its meaning."""
        seen = {span.state for span in (*lanes.spans, *lanes.now.values())} | {*always}
        return tuple(state for state in self.states if state[0] in seen)


@dataclass(frozen=True, slots=True)
class Export:
    """A link of the run's export menu; `path` ends the address of the run in the API."""

    title: str
    path: str
    download: bool = True


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A part of the experiment that can be run alone: the parameter, its value, and what that does in words."""

    parameter: str
    value: str
    title: str


Columns = Mapping[str, tuple[Column, ...]]
Charts = Mapping[str, Chart]
Timelines = Mapping[str, Timeline]

EXPORTS = (
    Export("The run, JSON", "", download=False),
    Export("Result rows, CSV", "/csv"),
    Export("Trace for Perfetto, JSON", "/trace"),
    Export("All records, NDJSON", "/records.ndjson"),
)


class View(ABC):
    """What the pages show of one experiment. A view holds no state: it words that of a run.

    `idle` says what a run will show. Views of one `group`, a question, stand together on the bench. A `wide` panel
    takes two columns of the bench. `parts` are the blocks of a run's page in their order. A `replay` plays an ended run
    again. Where its `rows_known` are before a run begins, the panel of one that waits has them. `columns`, `charts` and
    `timelines` describe the tables, charts and lanes by name; the templates get their content from `view`. `routes`
    lead to what only these runs have.
    """

    idle: ClassVar[str]
    group: ClassVar[str] = "More experiments"
    parts: ClassVar[tuple[PageBlock, ...]]
    wide: ClassVar[bool] = False
    replay: ClassVar[bool] = False
    rows_known: ClassVar[bool] = False
    shortcuts: ClassVar[tuple[Shortcut, ...]] = ()
    columns: ClassVar[Columns] = {}
    charts: ClassVar[Charts] = {}
    timelines: ClassVar[Timelines] = {}
    exports: ClassVar[tuple[Export, ...]] = EXPORTS
    routes: ClassVar[APIRouter | None] = None

    def offered(self, workloads: Sequence[str]) -> tuple[Shortcut, ...]:
        """The shortcuts where the server offers these names of one's own work."""
        return self.shortcuts

    def idle_table(self) -> Table | None:
        """What a panel shows before any run, where its runs show more than a button for each shortcut."""
        return None

    @abstractmethod
    def title(self, params: Any) -> str:
        """A run with these parameters, as a heading."""

    @abstractmethod
    def facts(self, params: Any) -> list[str]:
        """What else a heading should say of the parameters."""

    @abstractmethod
    def progress(self, run: Run) -> str:
        """How far a live run is."""

    @abstractmethod
    def view(self, run: Run, state: Any = None) -> Any:
        """The frozen dataclass that the templates read as `view`; of an earlier state of the run in a replay."""

    def invitation(self, run: Run) -> str:
        """What somebody may do now to a live run that waits for it; '' where it waits for nobody."""
        return ""

    def figure(self, name: str, run: Run, revision: object, height: int = 0) -> ChartFacts:
        """One of the charts for a run; `revision` tells one state of its data from another."""
        chart = self.charts[name]
        return ChartFacts(chart.spec, chart.label, height or chart.height, f"/runs/{run.id}/chart.json?rev={revision}")

    def program(self, run: Run) -> Any:
        """What its standalone script takes beside the parameters, such as what the run found; None for nothing."""
        return None


async def run_of(request: Request, experiment: str) -> Run:
    """The run of a view's own route. Raises UnknownRun for none of this experiment."""
    run = await app_state_of(request).store.run(request.path_params["run_id"])
    if run.experiment.name != experiment:
        raise UnknownRun(request.url.path.removeprefix("/runs/"))
    return run
