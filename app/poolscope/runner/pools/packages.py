"""The packages that pools from outside the standard library need, and whether this Python has them; imports none."""

from __future__ import annotations

import importlib.util

# The package that has to be there for a kind, and how it gets there.
PACKAGES = {"loky": "loky", "joblib": "joblib", "dask": "distributed", "ray": "ray"}
INSTALL = {"loky": "pip install loky", "joblib": "pip install joblib", "dask": "pip install 'dask[distributed]'"}
INSTALL |= {"ray": "pip install 'ray[client]', if it has wheels for this Python"}


def lacking_engine(kind: str) -> str | None:
    """Why this Python can't run an engine, in a sentence; None when it can."""
    package = PACKAGES.get(kind)
    if package is None or importlib.util.find_spec(package) is not None:
        return None
    return f"The package {package} is not installed for this Python: {INSTALL[kind]}."
