"""Estimates how far a run is and how long it will still take, from what its own repetitions took."""

from __future__ import annotations

from collections.abc import Mapping


class ProgressEstimator:
    """Counts the repetitions of each configuration, and estimates from their times how long what is left will take."""

    def __init__(self, repetitions: Mapping[str, int], guesses: Mapping[str, float] | None = None) -> None:
        """`repetitions` says how often each configuration will be executed.

        `guesses` says how many seconds one repetition may take of those that have not been executed yet.
        """
        self.left = dict(repetitions)
        self.done = 0
        self.seconds: dict[str, list[float]] = {config: [] for config in repetitions}
        self.guesses = dict(guesses or {})

    def record(self, config: str, seconds: float) -> None:
        """One repetition of the configuration is over and took so long."""
        self.left[config] -= 1
        self.done += 1
        self.seconds[config].append(seconds)

    def drop(self, config: str) -> None:
        """The configuration will not be executed any more."""
        self.left.pop(config, None)

    def expect(self, config: str, repetitions: int) -> None:
        """The configuration will be executed so many times more, and not as often as was said before."""
        self.left[config] = repetitions

    def estimate(self) -> tuple[int, int, float | None]:
        """Repetitions done, repetitions in all, seconds left.

        The seconds are None until each configuration has been executed once or has a guess.
        """
        total = self.done + sum(self.left.values())
        expected = {config: self.expected_s(config) for config in self.left}
        if not expected or None in expected.values():
            return self.done, total, None
        return self.done, total, sum(count * (expected[config] or 0.0) for config, count in self.left.items())

    def expected_s(self, config: str) -> float | None:
        """Seconds of one repetition; None where nothing is known of it."""
        times = self.seconds[config][1:] or self.seconds[config]  # the first one also started the fork server
        return sum(times) / len(times) if times else self.guesses.get(config)
