"""What may be asked of the failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import field_validator, model_validator

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.demand import DASK_WORKER, ENGINE_WORKER, SMALL, Demand
from poolscope.experiments.experiment import Installation
from poolscope.experiments.failures.catalogue import (
    ALL,
    BY_HAND,
    BY_HAND_WORKERS,
    ENGINES,
    EVERY,
    FAULTS,
    SCENARIOS,
    SIDE_BY_SIDE,
    cases_of,
    chosen,
)
from poolscope.experiments.parameters import InvalidParameter, Params, RunLength, parameter, quoted
from poolscope.protocol.arguments import Arguments


def words_in(part: Any) -> list[Any]:
    """The names in a text by commas; what is no text stays as it is, to be complained of."""
    return [word.strip() for word in part.split(",")] if isinstance(part, str) else [part]


CASE_S = 0.4  # of one case on a machine with two CPUs, beside the limits that it waits for
ENGINE_CASE_S = 4.0  # the same of an engine's, which starts workers, and of dask's others in the place of dead ones


class FailuresParams(Params):
    scenarios: list[str] = parameter(
        [ALL],
        "scenarios",
        choices={name: scenario.title for name, scenario in SCENARIOS.items()},
        none="all",
        help="What is to break; none ticked means all of them, but for the last, which waits for you.",
    )
    engines: list[str] = parameter(
        [],
        "pools of other packages",
        choices={engine: engine for engine in ENGINES},
        none="none",
        help="Broken beside those of the standard library in the same fault under each kind of pool, where they are "
        "installed; their workers take seconds to start.",
    )
    task: float = parameter(
        1.0,
        "long task",
        unit="s",
        ge=0.1,
        le=10,
        advanced=True,
        help="How long the task takes that is longer than its limit; the user's own program has 10.",
    )
    limit: float = parameter(
        0.5,
        "limit",
        unit="s",
        ge=0.05,
        le=5,
        advanced=True,
        help="How long somebody waits for an answer before saying that there is none; the user's own program has 5.",
    )

    wait: float = parameter(
        60.0,
        "wait for you",
        unit="s",
        ge=1,
        le=600,
        limit="most_seconds",
        advanced=True,
        help="How long “Kill a worker yourself” waits for you to press Kill now.",
    )

    @field_validator("scenarios", mode="before")
    @classmethod
    def scenarios_from_words(cls, given: Any) -> list[str]:
        """Names in the catalogue's order, or ['all'], from a list or a text by commas. Raises ValueError for others."""
        parts = given if isinstance(given, list | tuple) else [given]
        words = [word for part in parts for word in words_in(part)]
        wrong = [word for word in words if not isinstance(word, str) or word not in (*SCENARIOS, ALL)]
        if wrong or not words:
            named = quoted(wrong[0]) if wrong else "nothing"
            raise ValueError(f"`scenarios` must be '{ALL}' or some of {', '.join(SCENARIOS)}; {named} is not.")
        return [ALL] if chosen(words) == list(EVERY) else chosen(words)

    @field_validator("engines", mode="before")
    @classmethod
    def engines_from_words(cls, given: Any) -> list[str]:
        """Names in the order of the columns, from a list or a text by commas. Raises ValueError for others."""
        parts = given if isinstance(given, list | tuple) else [given]
        words = [word for part in parts for word in words_in(part)]
        wrong = [word for word in words if not isinstance(word, str) or word not in ENGINES]
        if wrong:
            raise ValueError(f"`engines` must be some of {', '.join(ENGINES)}, or empty; {quoted(wrong[0])} is not.")
        return [engine for engine in ENGINES if engine in words]

    @property
    def run_length(self) -> RunLength:
        cases = sum(len(cases_of(name, ())) for name in chosen(self.scenarios))
        of_engines = len(FAULTS) * len(self.engines) if SIDE_BY_SIDE in chosen(self.scenarios) else 0
        wait = self.wait if self.worker_processes else 0.0
        seconds = cases * (CASE_S + self.limit) + of_engines * (ENGINE_CASE_S + self.limit) + wait
        return RunLength(seconds, at_most=bool(wait))

    @property
    def worker_processes(self) -> int:
        """Those of the scenario that waits for somebody to kill one."""
        return BY_HAND_WORKERS if BY_HAND in chosen(self.scenarios) else 0

    @property
    def demand(self) -> Demand:
        worker = DASK_WORKER if "dask" in self.engines else ENGINE_WORKER if self.engines else 0
        return SMALL + Demand(0, 0, 2 * worker)

    @model_validator(mode="after")
    def task_exceeds_limit(self) -> Self:
        if self.task <= self.limit:
            raise InvalidParameter(
                "task", f"must be longer than the `limit` of {self.limit:g} s; {self.task:g} s is not."
            )
        return self


def choices(installation: Installation) -> Mapping[str, Sequence[str]]:
    """The names that a form lists, by parameter."""
    return {} if installation.engines else {"engines": ()}


def for_runner(params: FailuresParams, installation: Installation) -> Arguments:
    """What the body is given. Raises BadParameters for pools of other packages where none are offered."""
    if params.engines and not installation.engines:
        message = f"`engines` must be empty here; {', '.join(params.engines)} is not offered."
        raise BadParameters((ParameterError("engines", message),))
    return Arguments.decode("failures", params.model_dump(mode="json"))
