"""A parameter model as form fields: labels, units, bounds and choices come from the model, values from who asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic.fields import FieldInfo

from poolscope.errors import ParameterError
from poolscope.experiments.parameters import Params, bounds


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    word: str


@dataclass(frozen=True, slots=True)
class FormField:
    """One field: `kind` is number, text or choice; `complaint` stands beside it and is '' where all is well."""

    name: str
    label: str
    help: str
    kind: str
    value: str
    low: str = ""
    high: str = ""
    step: str = "any"
    width: int = 0
    options: tuple[Option, ...] = ()
    advanced: bool = False
    complaint: str = ""
    changed: bool = False  # it does not stand at its default


def fields(
    model: type[Params],
    values: Mapping[str, Any],
    errors: Sequence[ParameterError] = (),
    choices: Mapping[str, Sequence[str]] | None = None,
) -> tuple[FormField, ...]:
    """The model's fields with the given values; what is not given shows the default.

    `choices` offers values for a text field whose values depend on the machine or the installation (start methods,
    one's own work). A field that takes several stays one of text; its options are suggestions, and its help names them.
    """
    errors_by_name = {error.name: error.message for error in errors}
    return tuple(
        field(name, info, values.get(name, info.default), errors_by_name.get(name, ""), (choices or {}).get(name, ()))
        for name, info in model.model_fields.items()
    )


def field(name: str, info: FieldInfo, value: Any, complaint: str = "", choices: Sequence[str] = ()) -> FormField:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = str(extra.get("unit") or "")
    label = f"{info.title}, {unit}" if unit else info.title or name
    low, high = bounds(info)
    types = get_args(info.annotation) or (info.annotation,)
    options = tuple(Option(str(choice), str(choice)) for choice in types if isinstance(choice, str))
    if bool in types:
        options = (Option(as_text(False), "no"), Option(as_text(True), "yes"))
    help, several = info.description or "", isinstance(info.default, list)
    if choices and several:
        help = f"{help} Here: {', '.join(choices)}."
        options = tuple(Option(choice, choice) for choice in choices)
    elif choices:
        default = () if info.default else (Option("", "default"),)
        options = (*default, *(Option(choice, choice) for choice in choices))
    numeric = int in types or float in types
    return FormField(
        name=name,
        label=label,
        help=help,
        kind="choice" if options and not several else "number" if numeric else "text",
        value=as_text(value),
        low=as_text(low),
        high=as_text(high),
        step="1" if int in types else "any",
        width=int(str(extra.get("width") or 0)),
        options=options,
        advanced=bool(extra.get("advanced")),
        complaint=complaint,
        changed=as_text(value) != as_text(info.default),
    )


def as_text(value: Any) -> str:
    """A value as it stands in a field: lists by commas, nothing for None, whole floats without '.0'."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ", ".join(as_text(item) for item in value)
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)
