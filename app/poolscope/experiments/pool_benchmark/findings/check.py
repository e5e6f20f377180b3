"""What a check of the pool benchmark comes to, as a code and facts; `messages` has the sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poolscope.stats.intervals import Ratio


@dataclass(frozen=True, slots=True)
class CheckResult:
    """It holds, it does not, or (None) the data can't tell; `code` names its sentence, which `facts` fill in.

    Facts are numbers, ratios, configurations and names. `remedy` holds the parameters to run again with, by their names
    in this run's experiment; it is empty where there is nothing to change. `lost_share` is the part of the time of the
    configuration in question that this cause costs, between 0 and 1, where the evidence tells it: causes that hold are
    listed by it, the greatest first.
    """

    holds: bool | None
    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    remedy: Mapping[str, Any] = field(default_factory=dict)
    lost_share: float | None = None

    @property
    def numbers(self) -> dict[str, float | None]:
        """The facts that are numbers, a ratio by its value; None where a figure is not known."""
        values = {name: fact.value if isinstance(fact, Ratio) else fact for name, fact in self.facts.items()}
        return {name: value for name, value in values.items() if value is None or isinstance(value, int | float)}
