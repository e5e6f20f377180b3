"""What a check means for who looks at a run."""

from __future__ import annotations

import pytest
from poolscope.experiments.experiment import Finding


@pytest.mark.parametrize(
    ("holds", "wanted", "trouble"),
    [(True, False, True), (False, False, False), (True, True, False), (False, True, True), (None, True, None)],
)
def test_a_check_is_trouble_where_it_holds_unless_that_is_wanted(
    holds: bool | None, wanted: bool, trouble: bool | None
) -> None:
    finding = Finding("nothing is left behind", holds, "Nothing was left.", wanted=wanted)
    assert finding.trouble is trouble
    assert "wanted" not in finding.as_json()
