"""How far a run is and how long it will still take, from its own pace."""

from __future__ import annotations

from collections.abc import Mapping


class Pace:
    """How long each arm took so far, and from that how long what is left will take."""

    def __init__(self, passes: Mapping[str, int], guesses: Mapping[str, float] | None = None) -> None:
        """`passes` says how often each arm will be passed, `guesses` how many seconds one pass may take of those arms
        that have not been passed yet."""
        self.left = dict(passes)
        self.total = sum(passes.values())
        self.seconds: dict[str, list[float]] = {config: [] for config in passes}
        self.guesses = dict(guesses or {})

    def took(self, config: str, seconds: float) -> None:
        self.left[config] -= 1
        self.seconds[config].append(seconds)

    def drop(self, config: str) -> None:
        """The arm will not be passed any more."""
        self.total -= self.left.pop(config, 0)
        self.seconds.pop(config, None)

    def now(self) -> tuple[int, int, float | None]:
        """Passages done, passages in all, seconds left; None until each arm has been passed once or has a guess."""
        done = self.total - sum(self.left.values())
        expected = {config: self.expected(config) for config in self.left}
        if not expected or None in expected.values():
            return done, self.total, None
        return done, self.total, sum(count * (expected[config] or 0.0) for config, count in self.left.items())

    def expected(self, config: str) -> float | None:
        times = self.seconds[config][1:] or self.seconds[config]  # the first one also started the fork server
        return sum(times) / len(times) if times else self.guesses.get(config)
