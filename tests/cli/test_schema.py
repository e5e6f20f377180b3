"""`poolscope schema`: what `--json` prints, as a JSON Schema."""

from __future__ import annotations

import json

import pytest
from poolscope.cli.schema import model_of
from poolscope.experiments.registry import EXPERIMENTS

from tests.cli.conftest import Call


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_the_schema_of_an_experiment_is_that_of_its_model(call: Call, experiment: str) -> None:
    found = json.loads(call("schema", experiment).out)
    assert found["properties"]["experiment"]["const"] == experiment
    assert set(found["required"]) >= {"id", "status", "state", "verdict", "findings"}
    assert set(found["properties"]) == set(model_of(experiment).model_fields)


def test_without_a_name_it_is_that_of_all_and_an_unknown_one_exits_with_2(call: Call) -> None:
    found = json.loads(call("schema").out)
    assert set(found["discriminator"]["mapping"]) == set(EXPERIMENTS)
    assert call("schema", "nothing").status == 2
