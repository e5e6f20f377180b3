"""How far a run is and how long it will still take, from its own pace."""

from __future__ import annotations

from collections.abc import Mapping


class Pace:
    """How long each arm took so far, and from that how long what is left will take."""

    def __init__(self, passes: Mapping[str, int]) -> None:
        """`passes` says how often each arm will be passed."""
        self.left = dict(passes)
        self.total = sum(passes.values())
        self.seconds: dict[str, list[float]] = {arm: [] for arm in passes}

    def took(self, arm: str, seconds: float) -> None:
        self.left[arm] -= 1
        self.seconds[arm].append(seconds)

    def drop(self, arm: str) -> None:
        """The arm will not be passed any more."""
        self.total -= self.left.pop(arm, 0)
        self.seconds.pop(arm, None)

    def now(self) -> tuple[int, int, float | None]:
        """Passages done, passages in all, seconds left; None until every arm has been passed once."""
        done = self.total - sum(self.left.values())
        if not all(self.seconds.values()):
            return done, self.total, None
        left = sum(count * self.expected(arm) for arm, count in self.left.items())
        return done, self.total, left

    def expected(self, arm: str) -> float:
        times = self.seconds[arm][1:] or self.seconds[arm]  # the first one also started the fork server
        return sum(times) / len(times)
