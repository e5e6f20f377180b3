"""What a page can show of results."""

from __future__ import annotations

from typing import Any

import pytest
from poolscope.runner.reports import shown_results


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**53 - 1, 2**53 - 1),
        (2**53, str(2**53)),
        (10**100, "10000000…00000000 (101 digits)"),
        (10**100 - 1, "99999999…99999999 (100 digits)"),
        (-(10**100), "-10000000…00000000 (101 digits)"),
        ("text", "text"),
        (None, None),
        (1.5, 1.5),
        (True, True),
        ([1, 2], "[1, 2]"),
    ],
)
def test_results_are_shown_as_json_can_hold_them(value: Any, shown: Any) -> None:
    found = shown_results([value, 1, 2], 1)
    assert (found.count, found.first) == (3, (shown,))
