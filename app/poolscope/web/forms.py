"""A parameter model as form fields: labels, units, bounds and choices come from the model, values from who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic.fields import FieldInfo

from poolscope.errors import ParameterError
from poolscope.experiments.parameters import Params, bounds
from poolscope.text import numbers


@dataclass(frozen=True, slots=True)
class Option:
    """One value that can be chosen, its word, and whether it is."""

    value: str
    word: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: `kind` is number, text, choice (one of the options) or several (any of them).

    `range` words the bounds, and `none` what an empty field, or none of several, means. `complaint` stands beside the
    field, '' where all is well, until one of the fields changes that it is `about`, by name; the first field with one
    is where a reader goes on (`first_wrong`).
    """

    name: str
    label: str
    help: str
    kind: str
    value: str
    low: str = ""
    high: str = ""
    step: str = "any"
    width: int = 0
    range: str = ""
    none: str = ""
    options: tuple[Option, ...] = ()
    advanced: bool = False
    complaint: str = ""
    about: str = ""
    first_wrong: bool = False
    changed: bool = False  # it does not stand at its default

    @property
    def summary(self) -> str:
        """The options that are chosen, in a few words."""
        return ", ".join(option.word for option in self.options if option.chosen) or self.none


Choices = Mapping[str, Sequence[str] | Mapping[str, str]]


def fields(
    model: type[Params],
    values: Mapping[str, Any],
    errors: Sequence[ParameterError] = (),
    choices: Choices | None = None,
) -> tuple[FormField, ...]:
    """The model's fields with the given values; what is not given shows the default.

    `choices` offers values for fields whose values depend on the machine or the installation (start methods, one's own
    work, Pythons), or has their words as well. A field has no place of which nothing is offered.
    """
    offered = choices or {}
    shown = {
        name: info
        for name, info in model.model_fields.items()
        if offered.get(name, True)
        or not (isinstance(info.json_schema_extra, dict) and "choices" in info.json_schema_extra)
    }
    wrong = {error.name: error for error in errors}
    first_wrong = next((name for name in model.model_fields if name in wrong), "")
    return tuple(
        replace(
            field(name, info, values.get(name, info.default), offered.get(name, ())),
            complaint=in_labels(model, wrong[name], offered) if name in wrong else "",
            about=" ".join(dict.fromkeys((name, *wrong[name].names))) if name in wrong else "",
            first_wrong=name == first_wrong,
        )
        for name, info in shown.items()
    )


def in_labels(model: type[Params], error: ParameterError, choices: Choices) -> str:
    """The error as a form says it: parameters by the labels beside the fields, values by the words of `choices`.

    Numbers are spelt as in the fields.
    """

    def label(name: str) -> str:
        info = model.model_fields.get(name)
        return f"“{info.title}”" if info is not None else name

    def word(name: str, value: str) -> str:
        offered = choices.get(name)
        found = offered.get(value, value) if isinstance(offered, Mapping) else value
        return value if found == value else f"“{found}”"

    return numbers.typeset(error.worded(label, word))


def field(name: str, info: FieldInfo, value: Any, choices: Sequence[str] | Mapping[str, str] = ()) -> FormField:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = str(extra.get("unit") or "")
    low, high = bounds(info)
    types = get_args(info.annotation) or (info.annotation,)
    kind, options = _options(info, value, choices)
    numeric = int in types or float in types
    text = as_text(value)
    if kind == "choice" and text not in [option.value for option in options]:
        if text and not any(isinstance(each, str) for each in types):
            # What a result is of must stand above it, offered here or not.
            options = (*options, Option(text, f"{text.partition('@')[0]}, not offered here", chosen=True))
        else:
            value = info.default
            kind, options = _options(info, value, choices)
    return FormField(
        name=name,
        label=f"{info.title}, {unit}" if unit else info.title or name,
        help=info.description or "",
        kind=kind or ("number" if numeric else "text"),
        value=as_text(value),
        low=as_text(low),
        high=as_text(high),
        step="1" if int in types else "any",
        width=int(str(extra.get("width") or 0)),
        range=str(extra.get("range") or "") or ("" if kind else numbers.bounds(low, high)),
        none=str(extra.get("none") or ("" if kind else as_text(info.default))),
        options=options,
        advanced=bool(extra.get("advanced")),
        changed=as_text(value) != as_text(info.default),
    )


def _options(info: FieldInfo, value: Any, choices: Sequence[str] | Mapping[str, str]) -> tuple[str, tuple[Option, ...]]:
    """The kind of a field whose values can be chosen, and they; '' and none for other fields."""
    types = get_args(info.annotation) or (info.annotation,)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    static = extra.get("choices")
    words = choices if isinstance(choices, Mapping) else dict(static) if isinstance(static, dict) else {}
    offered = {choice: str(words.get(choice, choice)) for choice in choices or words}
    text = as_text(value)
    if isinstance(info.default, list) and offered:
        ticked = [as_text(each) for each in (value if isinstance(value, list | tuple) else text.split(", "))]
        # What is no longer offered stays to be seen, and to be taken away.
        others = {each: each for each in ticked if each and each not in offered and [each] != info.default}
        return "several", tuple(Option(each, word, each in ticked) for each, word in (offered | others).items())
    if bool in types:
        offered = {as_text(False): "no", as_text(True): "yes"}
    elif literals := [choice for choice in types if isinstance(choice, str)]:
        offered = {choice: choice for choice in literals}
    elif offered and not info.default:
        offered = {"": "default", **offered}
    return "choice" if offered else "", tuple(Option(each, word, each == text) for each, word in offered.items())


def as_text(value: Any) -> str:
    """A value as it stands in a field: lists by commas, nothing for None, whole floats without '.0'."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
