"""What may be asked of the shared list."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.errors import BadParameters
from poolscope.experiments.parameters import parse
from poolscope.experiments.shared_list.params import SharedListControls, SharedListParams


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"producers": 0}, "producers"),
        ({"producers": 17}, "producers"),
        ({"consumers": "many"}, "consumers"),
        ({"delay_min": -0.1}, "delay_min"),
        ({"delay_max": 11}, "delay_max"),
        ({"delay_min": "nan"}, "delay_min"),
        ({"delay_min": 0.5, "delay_max": 0.1}, "delay_min"),
        ({"guard": "semaphore"}, "guard"),
        ({"capacity": -1}, "capacity"),
        ({"seconds": 601}, "seconds"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_parameter_is_named_with_what_is_allowed(given: dict[str, Any], name: str) -> None:
    with pytest.raises(BadParameters) as refused:
        parse(SharedListParams, given)
    (complaint,) = refused.value.errors
    assert complaint.name == name
    assert complaint.message.startswith(name)


def test_controls_know_three_names_only() -> None:
    assert parse(SharedListControls, {"paused": "true"}).paused is True
    with pytest.raises(BadParameters):
        parse(SharedListControls, {"producers": 3})
