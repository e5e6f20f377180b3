"""How a function is called with an item: as its one argument, or with the item's entries as several.

Imports next to nothing: under spawn every worker that needs `spread` imports this before it can answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def spread(function: Callable[..., Any], item: Any) -> Any:
    """Call the function with an item's entries: a mapping's as keywords, a sequence's one after the other."""
    return function(**item) if isinstance(item, Mapping) else function(*item)
