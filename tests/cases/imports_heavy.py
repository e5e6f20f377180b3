"""Work whose module imports a heavy library."""

from __future__ import annotations

import heavy_library  # type: ignore[import-not-found]  # it lies beside, as in a user's folder

few = range(4)


def score(number: int) -> int:
    return len(heavy_library.Record(number))
