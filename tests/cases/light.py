"""Work of a light module, for items and set-ups that others bring along."""

from __future__ import annotations

few = range(4)


def count(item: object) -> str:
    return type(item).__name__


def lazily(number: int) -> int:
    """Imports what is heavy where it is used."""
    import heavy_library  # type: ignore[import-not-found]  # it lies beside, as in a user's folder

    return len(heavy_library.Record(number))
