"""What may be asked of the failures."""

from __future__ import annotations

from typing import Any, Self

from pydantic import field_validator, model_validator

from poolscope.experiments.failures.catalogue import ALL, SCENARIOS, chosen
from poolscope.experiments.parameters import InvalidParameter, Params, RunLength, parameter, quoted


def words_in(part: Any) -> list[Any]:
    """The names in a text by commas; what is no text stays as it is, to be complained of."""
    return [word.strip() for word in part.split(",")] if isinstance(part, str) else [part]


CASE_S = 0.4  # of one case on a machine with two CPUs, beside the limits that it waits for


class FailuresParams(Params):
    scenarios: list[str] = parameter(
        [ALL],
        "scenarios",
        choices={name: scenario.title for name, scenario in SCENARIOS.items()},
        none="all",
        help="What is to break; none ticked means all of them.",
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
        return [ALL] if len(chosen(words)) == len(SCENARIOS) else chosen(words)

    @property
    def run_length(self) -> RunLength:
        cases = sum(len(SCENARIOS[name].cases) for name in chosen(self.scenarios))
        return RunLength(cases * (CASE_S + self.limit))

    @model_validator(mode="after")
    def task_exceeds_limit(self) -> Self:
        if self.task <= self.limit:
            raise InvalidParameter(
                "task", f"must be longer than the `limit` of {self.limit:g} s; {self.task:g} s is not."
            )
        return self
