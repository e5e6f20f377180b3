"""How many rounds a run makes that was given no number of them, and when it looks whether it may end.

Pure, standard library only: the body counts by it, and the judge allows by it for having looked so often.
"""

from __future__ import annotations

from bisect import bisect_left

FEWEST_ROUNDS = 3  # an interval takes so many, however long they are
FEWEST_TO_SETTLE = 5  # an interval of 95 % takes so many
SAMPLE_S = 0.05  # what is timed in one sample lasts so long: the scheduler's turns and the clock are small beside it

# After these rounds the samples are looked at. Each look is a chance to be wrong, so their distance grows with what
# another round can still change.
LOOKS = (3, 5, 8, 12, 18, 27, 41, 62, 93, 140, 210, 315, 473, 710, 1000)
MOST_ROUNDS = LOOKS[-1]


def is_look(rounds: int) -> bool:
    """Whether the samples are looked at after so many rounds."""
    return rounds in LOOKS


def looks(rounds: int) -> int:
    """How often the samples of so many rounds have been looked at, the last time at the end of them; at least once."""
    return bisect_left(LOOKS, max(1, rounds)) + 1
