"""Turns what a user asks for, in a form, in JSON or on the command line, into parameters or one error a parameter."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.demand import SMALL, Demand

P = TypeVar("P", bound="Params")

LONGEST_QUOTED = 80  # characters of a value, in an error about it


class InvalidParameter(ValueError):
    """A validator of the whole model found one parameter wrong; `requirement` goes on where its name leaves off."""

    def __init__(self, name: str, requirement: str) -> None:
        super().__init__(f"`{name}` {requirement}")
        self.name = name


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
    `advanced` puts it among those that the bench page leaves out. `range` words the bounds of a list. `choices` are the
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
