"""What differs between the results of two repetitions."""

from __future__ import annotations

from poolscope.runner.host.repetition import comparison


def test_the_first_result_that_differs_is_named() -> None:
    assert comparison([1, 2], [1, 2], in_order=True) == (True, "")
    assert comparison([1, 3], [1, 2], in_order=True) == (
        False,
        "The result of item 1 is 3, and 2 in the plain loop.",
    )
    assert comparison([1], [1, 2], in_order=True) == (False, "1 results instead of 2.")
    assert comparison([2, 1], [1, 2], in_order=False) == (True, "")
    assert comparison([2, 2], [1, 2], in_order=False) == (False, "Its results are not those of the plain loop.")
