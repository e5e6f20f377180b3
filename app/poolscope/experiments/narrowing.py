"""Experiments within narrower bounds than their own, as a demo has them: form, JSON Schema and messages follow.

A parameter names the limit that it is under (`parameter(limit=…)`); a validator that bounds several of them together
asks its model for one (`Params.within`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import annotated_types
from pydantic import Field, create_model
from pydantic.fields import FieldInfo

from poolscope.experiments.experiment import Experiment, Experiments
from poolscope.experiments.parameters import P, bounds, item_bounds


def narrowed(experiments: Experiments, limits: Mapping[str, int]) -> Experiments:
    """The same experiments, whose parameters keep to these limits, by name; those themselves where there are none."""

    def narrow(name: str) -> Experiment:
        experiment = experiments[name]
        return replace(experiment, params=narrowed_model(experiment.params, limits))

    return Experiments({name: partial(narrow, name) for name in experiments}) if limits else experiments


def narrowed_model(model: type[P], limits: Mapping[str, int]) -> type[P]:
    """A model of that name whose fields have these limits, where they are narrower than their own bounds."""
    fields: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        most = limits.get(str(extra.get("limit")))
        if most is not None:
            fields[name] = _listed(info, extra, most) if isinstance(info.default, list) else _number(info, extra, most)
    narrow: type[P] = create_model(model.__name__, __base__=model, __module__=model.__module__, **fields)
    narrow.limits = dict(limits)
    return narrow


def _number(info: FieldInfo, extra: Mapping[str, Any], most: int) -> tuple[Any, Any]:
    low, high = bounds(info)
    high = most if high is None else min(high, most)
    default = info.default if info.default is None else min(info.default, high)
    return info.annotation, _field(info, extra, default, ge=low, le=high)


def _listed(info: FieldInfo, extra: Mapping[str, Any], most: int) -> tuple[Any, Any]:
    """The same for a list of whole numbers."""
    low, before = item_bounds(info)
    high = most if before is None else min(before, most)
    item = Annotated[int, Field(ge=low, le=high)]
    worded = {**extra, "range": str(extra["range"]).replace(f"–{before:,}", f"–{high:,}")} if before else extra
    default = [number for number in info.default if number <= high] or info.default[:0]
    lengths = {
        name: getattr(each, name)
        for each in info.metadata
        for name, kind in (("min_length", annotated_types.MinLen), ("max_length", annotated_types.MaxLen))
        if isinstance(each, kind)
    }
    return list[item], _field(info, worded, default, **lengths)


def _field(info: FieldInfo, extra: Mapping[str, Any], default: Any, **constraints: Any) -> Any:
    return Field(default, title=info.title, description=info.description, json_schema_extra=dict(extra), **constraints)
