"""What a host says when it can't do as it was told."""

from __future__ import annotations


class Refused(Exception):
    """An order that can't be done, in a sentence. `spoiled`: something of it may be left, so go on in a new host."""

    def __init__(self, sentence: str, spoiled: bool = False) -> None:
        super().__init__(sentence)
        self.spoiled = spoiled
