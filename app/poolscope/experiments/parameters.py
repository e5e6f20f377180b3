"""Turns what a user asks for, in a form, in JSON or on the command line, into parameters or one error a parameter.

Lists are read as people write them: '1-4, 8', or 'thread, process'.
"""

from __future__ import annotations

import multiprocessing
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.demand import SMALL, Demand

P = TypeVar("P", bound="Params")
V = TypeVar("V")

LONGEST_QUOTED = 80  # characters of a value, in an error about it
BETWEEN = re.compile(r"[,;\s]+")


class InvalidParameter(ValueError):
    """A validator of the whole model found one parameter wrong; `requirement` goes on where its name leaves off."""

    def __init__(self, name: str, requirement: str) -> None:
        super().__init__(f"`{name}` {requirement}")
        self.name = name


def value_of(name: str, value: str) -> str:
    """How a requirement refers to a value of a parameter that forms may offer by other words."""
    return f"`{name}={value}`"


@dataclass(frozen=True, slots=True)
class RunLength:
    """Seconds that a run takes, good to a factor of a few; `at_most` where it may well end before."""

    seconds: float
    at_most: bool = False


class Params(BaseModel):
    """Base of every experiment's parameters: frozen; an unknown name is an error rather than ignored.

    `amounts` names those by which a run becomes larger, the one to lower first: whole numbers, or lists of them.
    """

    amounts: ClassVar[tuple[str, ...]] = ()

    # Defaults are validated too, so that a run reads the same before and after the journal: 10.0, not 10.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @field_validator("*", mode="before")
    @classmethod
    def true_is_no_number(cls, value: Any, about: ValidationInfo) -> Any:
        """Python counts True as 1, and so does pydantic; `true` in the place of a number is a mistake."""
        info = cls.model_fields[about.field_name or ""]
        if isinstance(value, bool) and bool not in (info.annotation, *get_args(info.annotation)):
            raise ValueError(f"`{about.field_name}` must be {allowed(info)}; {value!r} is not.")
        return value

    limits: ClassVar[Mapping[str, int]] = {}  # narrower ones than the model's own, by name

    @classmethod
    def within(cls, limit: str, most: int) -> int:
        """A bound of this model's, or the limit of that name where it is narrower; 0 is no limit."""
        return min(most, cls.limits.get(limit) or most)

    @property
    def run_length(self) -> RunLength | None:
        """How long a run will take, as far as that is known beforehand; None where it is not."""
        return None

    @property
    def worker_processes(self) -> int:
        """How many worker processes the run has at a time, at most; 0 where none of them can be killed on request."""
        return 0

    @property
    def built_in(self) -> bool:
        """Whether it runs no function but ours."""
        return True

    @property
    def demand(self) -> Demand:
        """What the run will take of the machine, at most and roughly."""
        return SMALL


def parameter(
    default: Any,
    title: str,
    *,
    unit: str = "",
    help: str = "",
    width: int = 0,
    advanced: bool = False,
    range: str = "",
    choices: Mapping[str, str] | None = None,
    none: str = "",
    limit: str = "",
    **bounds: Any,
) -> Any:
    """One parameter: pydantic's Field with what a form needs beside the bounds.

    `unit` stands behind the title, `help` is one sentence, `width` the field's size in characters (0: by its type),
    `advanced` puts it among those that a form folds under More. `range` words the bounds of a list. `choices` are the
    values of a list with their words, where they are the same everywhere, and `none` says what an empty list means.
    `limit` names the limit of an installation that it is under, beside its own bounds.
    """
    extra: dict[str, JsonValue] = {
        "unit": unit,
        "width": width,
        "advanced": advanced,
        "range": range,
        "choices": dict(choices or {}),
        "none": none,
        "limit": limit,
    }
    return Field(default, title=title, description=help, json_schema_extra=extra, **bounds)


def parse(model: type[P], raw: Mapping[str, Any]) -> P:
    """Return the parameters. Raises BadParameters with one error for each parameter that is wrong.

    An empty text means 'not given', as in an empty field of a form.
    """
    filled_in = {name: value for name, value in raw.items() if not (isinstance(value, str) and not value.strip())}
    try:
        return model.model_validate(filled_in)
    except ValidationError as error:
        raise BadParameters(tuple(parameter_error(model, dict(item)) for item in error.errors())) from None


def parameter_error(model: type[Params], item: Mapping[str, Any]) -> ParameterError:
    """One of pydantic's errors as a sentence that names the parameter, its value and what is allowed."""
    where, raised = item["loc"], item.get("ctx", {}).get("error")
    if not where:
        name = raised.name if isinstance(raised, InvalidParameter) else ""
        return ParameterError(name, str(raised or item["msg"]))
    name = str(where[0])
    if name not in model.model_fields:
        known = ", ".join(model.model_fields)
        return ParameterError(name, f"{quoted(name)[1:-1]} is not a parameter here. There are: {known}.")
    if item["type"] == "value_error":
        return ParameterError(name, str(raised))
    return ParameterError(
        name, f"`{name}` must be {allowed(model.model_fields[name])}; {quoted(item['input'])} is not."
    )


def quoted(value: Any) -> str:
    """A value as it was given, as far as a sentence has room for it."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTED else f"{text[: LONGEST_QUOTED - 1]}…"


def allowed(info: FieldInfo) -> str:
    """What a parameter may be, in words: 'a whole number from 1 to 16'."""
    choices = get_args(info.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return "one of " + ", ".join(choices)
    if bool in (info.annotation, *choices):
        return "true or false"
    noun = "a whole number" if int in (info.annotation, *choices) else "a number"
    low, high = bounds(info)
    if low is not None and high is not None:
        return f"{noun} from {low:,} to {high:,}"
    return noun


def bounds(info: FieldInfo) -> tuple[float | None, float | None]:
    """The least and the greatest value that a number may have, None where it has no bound."""
    low = next((m.ge for m in info.metadata if hasattr(m, "ge")), None)
    high = next((m.le for m in info.metadata if hasattr(m, "le")), None)
    return low, high


def item_bounds(info: FieldInfo) -> tuple[int | None, int | None]:
    """The same of the items of a list of numbers."""
    for item in get_args(info.annotation):
        for each in get_args(item):
            if isinstance(each, FieldInfo):
                low, high = bounds(each)
                return None if low is None else int(low), None if high is None else int(high)
    return None, None


def start_method_of_this_platform(value: Any) -> Any:
    """A validator for every `start_method`: None for an empty one. Raises ValueError for what this platform lacks."""
    here = multiprocessing.get_all_start_methods()
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if value not in here:
        raise ValueError(f"`start_method` must be one of {', '.join(sorted(here))}, or empty; {quoted(value)} is not.")
    return value


@dataclass(frozen=True, slots=True)
class Numbers:
    """A parameter that takes distinct whole numbers: its name, their bounds, how many at most, and an example."""

    name: str
    least: int
    most: int
    longest: int
    example: str

    @property
    def allowed(self) -> str:
        return f"whole numbers from {self.least} to {self.most:,}, such as {self.example}"

    def of(self, model: type[Params]) -> Numbers:
        """The same within the bounds of a model, which may be narrower."""
        low, high = item_bounds(model.model_fields[self.name])
        return replace(self, least=self.least if low is None else low, most=self.most if high is None else high)

    def read(self, value: Any) -> list[int]:
        """The numbers that a number, a text such as '1-4, 8' or a list of them names. Raises ValueError."""
        parts = value if isinstance(value, list | tuple) else [value]
        ranges = [found for part in parts for found in self._ranges_in(part)]
        # Counted before they are written out: a range over the bounds of a large parameter would fill the memory.
        count = sum(len(numbers) for numbers in ranges)
        if not 1 <= count <= self.longest:
            raise ValueError(f"`{self.name}` must be 1 to {self.longest} {self.allowed}; these are {count:,}.")
        return distinct(self.name, [number for numbers in ranges for number in numbers])

    def _ranges_in(self, part: Any) -> list[range]:
        if isinstance(part, int) and not isinstance(part, bool):
            return [range(self._in_bounds(part, str(part)), part + 1)]
        if not isinstance(part, str):
            raise self._refusal(part)
        ranges: list[range] = []
        for word in filter(None, BETWEEN.split(re.sub(r"\s*[-–]\s*", "-", part.strip()))):
            found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", word, re.ASCII)
            if not found:
                raise self._refusal(word)
            low = self._in_bounds(int(found[1]), word)
            high = self._in_bounds(int(found[2] or found[1]), word)
            if high < low:
                raise ValueError(f"`{self.name}` must be {self.allowed}; {quoted(word)} runs backwards.")
            ranges.append(range(low, high + 1))
        return ranges

    def _in_bounds(self, number: int, word: str) -> int:
        if not self.least <= number <= self.most:
            raise self._refusal(word)
        return number

    def _refusal(self, value: Any) -> ValueError:
        return ValueError(f"`{self.name}` must be {self.allowed}; {quoted(value)} is not.")


def names(name: str, value: Any, allowed: str, known: Callable[[str], str | None]) -> list[str]:
    """The distinct names in a text such as 'a, b' or in a list; `known` gives what a word stands for, None if nothing.

    An empty text or list has none. Raises ValueError with what is allowed.
    """
    if value is None:
        return []
    found: list[str] = []
    for part in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(part, str):
            raise ValueError(f"`{name}` must be {allowed}; {quoted(part)} is not.")
        for word in filter(None, BETWEEN.split(part.strip())):
            meant = known(word)
            if meant is None:
                raise ValueError(f"`{name}` must be {allowed}; {quoted(word)} is not.")
            found.append(meant)
    return distinct(name, found)


def distinct(name: str, values: list[V]) -> list[V]:
    """The values as they are. Raises ValueError where one stands there more than once."""
    twice = {value: None for value in values if values.count(value) > 1}
    if twice:
        raise ValueError(f"`{name}` must be distinct; {', '.join(map(str, twice))} stands there more than once.")
    return values
