"""Settings on the command line: every field of Settings is an option, and what is given there comes last and counts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Optional

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from poolscope.errors import BadParameters, ParameterError
from poolscope.settings import Settings

PREFIX = "POOLSCOPE_"


def read(given: Mapping[str, Any] | None = None) -> Settings:
    """The settings; None in `given` means 'not given'. Raises BadParameters, naming option and variable."""
    try:
        return Settings(**{name: value for name, value in (given or {}).items() if value is not None})
    except ValidationError as error:
        raise BadParameters(
            tuple(
                ParameterError(
                    str(item["loc"][0]), f"{_both_names(str(item['loc'][0]))}: {item['msg']}; {item['input']!r} is not."
                )
                for item in error.errors()
            )
        ) from None


def parameters() -> Iterator[inspect.Parameter]:
    """One option a field, as the parameters of a command's function; all are None unless given."""
    for name, info in Settings.model_fields.items():
        option: Any = typer.Option(
            None,
            f"{_option(name)}/--no-{name}" if info.annotation is bool else _option(name),
            help=_help(name, info),
            show_default=False,
            min=_bound(info, "ge"),
            max=_bound(info, "le"),
        )
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option,
            annotation=Optional[info.annotation],  # noqa: UP045 (made at run time)
        )


def _help(name: str, info: FieldInfo) -> str:
    return f"{info.description} (default {_default(info)}; {PREFIX}{name.upper()})"


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value) or "empty"


def _bound(info: FieldInfo, name: str) -> int | None:
    return next((getattr(each, name) for each in info.metadata if hasattr(each, name)), None)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _both_names(name: str) -> str:
    return f"{_option(name)} ({PREFIX}{name.upper()})"
