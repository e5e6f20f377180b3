"""What a run found, in words: a verdict states what is true first, a finding is a check with its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: it holds, it does not, or (None) the data can't tell; `sentence` says so with its numbers.

    `remedy` holds the parameters to run again with, empty where there is nothing to change. `code` names what was found
    without words, for programs; it is '' where a check has none. Most checks look for trouble; of one that is `wanted`
    it is well that it holds.
    """

    check: str
    holds: bool | None
    sentence: str
    numbers: Mapping[str, float | None] = field(default_factory=dict)
    remedy: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    wanted: bool = False

    @property
    def trouble(self) -> bool | None:
        """Whether the run found something to mend; None where the data can't tell."""
        return None if self.holds is None else self.holds is not self.wanted

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "wanted"}


@dataclass(frozen=True, slots=True)
class Change:
    """What running again with a remedy means: `words` name it, and it takes about `seconds`, None if unknown."""

    words: str
    seconds: float | None = None
