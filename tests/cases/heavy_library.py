"""A library that is slow to import, as those are that load a model."""

from __future__ import annotations

import time
from dataclasses import dataclass

time.sleep(0.15)


@dataclass(frozen=True)
class Record:
    """What only this module can unpickle."""

    number: int

    def __len__(self) -> int:
        return self.number


def prepare() -> None:
    """A set-up that is quick once its module is there."""
