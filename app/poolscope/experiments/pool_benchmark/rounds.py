"""How many rounds a run makes that was given no number of them, and when it looks whether it may end.

Pure, standard library only: the body counts by it, and the judge allows by it for having looked so often.
"""

from __future__ import annotations

from bisect import bisect_left

FEWEST_TO_SETTLE = 3  # an interval takes so many
SAMPLE_S = 0.05  # what is timed in one sample lasts so long: the scheduler's turns and the clock are small beside it

# Before three rounds nothing is settled and, where a round is short, nobody drops out: three samples have an interval.
# A round that takes longer than this part of the time is repeated by those alone that may still win; what the others
# lost by is then told with less certainty, so this is for rounds of which few fit.
LONG_ROUND = 1 / 8

# A repetition of a pool that lasts so long is traced as it warms up, and needs no traced one beside the counted ones:
# what is slower the first time, some milliseconds, is little beside it.
TRACED_WARM_UP_S = 0.1
# What has lost is traced as well where that is quicker than reading why it was not.
ALWAYS_TRACED_S = 0.1

# A run has no warm-up round where a warm-up, the two rounds before the first look, and what then still repeats would
# take longer than its time.
HURRIED_ROUNDS = 3.5
# One that lasts beyond this part of the time, for calls took longer than those of the trial, is ended.
WARM_UP_SHARE = 0.5

# The most that a run may take beyond its time, as a part of it, to have the fewest rounds that say anything.
GRACE = 0.1

# After these rounds the samples are looked at. Each look is a chance to be wrong, so their distance grows with what
# another round can still change.
LOOKS = (2, 3, 5, 8, 12, 18, 27, 41, 62, 93, 140, 210, 315, 473, 710, 1000)
MOST_ROUNDS = LOOKS[-1]


def is_look(rounds: int) -> bool:
    """Whether the samples are looked at after so many rounds."""
    return rounds in LOOKS


def looks(rounds: int) -> int:
    """How often the samples of so many rounds have been looked at, the last time at the end of them; at least once."""
    return bisect_left(LOOKS, max(1, rounds)) + 1
