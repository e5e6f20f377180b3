"""What may be asked of the shared list."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from poolscope.experiments.demand import RUNNER, THREAD, Demand
from poolscope.experiments.parameters import InvalidParameter, Params, RunLength, parameter

Guard = Literal["lock", "rlock", "condition", "queue", "none"]


class SharedListParams(Params):
    amounts: ClassVar[tuple[str, ...]] = ("producers", "consumers")

    producers: int = parameter(
        1, "producers", ge=1, le=16, limit="most_threads", help="Threads that add a random number from 1 to 100."
    )
    consumers: int = parameter(
        1, "consumers", ge=1, le=16, limit="most_threads", help="Threads that take the oldest number."
    )
    delay_min: float = parameter(
        0.1, "delay from", unit="s", ge=0, le=10, help="Shortest pause of a thread between two steps; 0 is flat out."
    )
    delay_max: float = parameter(
        0.5, "delay to", unit="s", ge=0, le=10, help="Longest pause of a thread between two steps."
    )
    guard: Guard = parameter(
        "lock",
        "guard",
        help="What keeps the threads apart; 'none' shows what gets lost, 'condition' lets consumers wait for a number.",
    )
    capacity: int = parameter(
        0,
        "capacity",
        ge=0,
        le=100_000,
        advanced=True,
        help="Producers wait while the list is this long; 0 is unbounded.",
    )
    seconds: float = parameter(
        10, "run for", unit="s", ge=0.1, le=600, limit="most_seconds", help="How long the threads run."
    )

    @property
    def run_length(self) -> RunLength:
        return RunLength(self.seconds)

    @model_validator(mode="after")
    def delays_in_order(self) -> Self:
        if self.delay_min > self.delay_max:
            raise InvalidParameter(
                "delay_min", f"must not exceed `delay_max`; {self.delay_min:g} s is more than {self.delay_max:g} s."
            )
        return self

    @property
    def demand(self) -> Demand:
        """As without a pause, for the pauses can be changed while it runs."""
        threads = self.producers + self.consumers
        return Demand(threads, threads + 8, RUNNER + threads * THREAD)


class SharedListControls(Params):
    """What may change while it runs; a delay left out keeps its value, and the two must still be in order."""

    delay_min: float | None = parameter(None, "delay from", unit="s", ge=0, le=10, help="Shortest pause from now on.")
    delay_max: float | None = parameter(None, "delay to", unit="s", ge=0, le=10, help="Longest pause from now on.")
    paused: bool | None = parameter(
        None, "paused", help="Whether all threads rest; the clock of the run rests with them."
    )
