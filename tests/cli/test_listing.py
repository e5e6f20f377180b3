"""`poolscope list`: every experiment and parameter, with its default and what it may be."""

from __future__ import annotations

import json
import re

import pytest
from poolscope.experiments.registry import EXPERIMENTS

from tests.cli.conftest import Call


def test_every_experiment_and_parameter_is_listed_with_its_default(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLSCOPE_WORKLOADS", "tasks:parse@samples")
    done = call("list")
    assert done.status == 0
    for experiment in EXPERIMENTS.values():
        assert experiment.name in done.out
        for name in experiment.params.model_fields:
            assert re.search(rf"^{name} ", done.out, re.MULTILINE)
    assert re.search(r"^sizes +2,4,6,8 +whole numbers from 1 to 64 ", done.out, re.MULTILINE)
    assert re.search(r"^workload +sum-of-squares +one of square, .*, tasks:parse@samples ", done.out, re.MULTILINE)


def test_with_json_the_schemas_are_printed(call: Call) -> None:
    done = call("list", "--json")
    assert done.status == 0
    listed = json.loads(done.out)
    assert [each["name"] for each in listed] == list(EXPERIMENTS)
    assert all(each["parameters"]["properties"] for each in listed)
