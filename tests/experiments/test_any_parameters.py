"""Whatever somebody sends for the parameters of any experiment is taken as it will be run, or refused in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poolscope.errors import BadParameters
from poolscope.experiments.parameters import Params, parse
from poolscope.experiments.registry import EXPERIMENTS

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(max_size=5), each, max_size=3)
)
# What comes near to being right is refused by other lines of code.
LIKELY = (
    st.integers(-1, 100)
    | st.floats(0, 100)
    | st.sampled_from(
        ["", "1", "1-4", "1,2", "2.5", "process", "thread", "lock", "none", "all", "square", "sleep", "²"]
    )
)


def asked(model: type[Params]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(sorted(model.model_fields)) | st.text(max_size=10)
    return st.dictionaries(names, LIKELY | VALUES, max_size=5)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@settings(max_examples=40)
@given(data=st.data())
def test_any_values_are_taken_or_refused_in_words(experiment: str, data: st.DataObject) -> None:
    model = EXPERIMENTS[experiment].params
    raw = data.draw(asked(model))
    refused: BadParameters | None = None
    try:
        params = parse(model, raw)
    except BadParameters as error:
        refused = error
    if refused is not None:
        assert refused.errors
        assert all(each.message for each in refused.errors)
        assert {each.name for each in refused.errors} <= {*model.model_fields, *raw, ""}
        return
    assert parse(model, params.model_dump(mode="json")) == params, "it is another run when it is run again"
    assert params.demand.processes >= 0
