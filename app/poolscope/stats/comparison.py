"""Compares the times of several configurations with the plain loop and with each other, allowing for their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from poolscope.stats.intervals import CONFIDENCE, FEWEST_FOR_RATIO, KEPT_RESULTS, Ratio, ratio

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

# A pool that gains less than a twentieth is not worth its price in memory, pickling and failure modes; the same
# configuration run twice differs by about as much when the machine's clock changes.
WORTH_IT = 1.05
# Configurations that differ by less are equally fast, and the cheaper one is recommended: two runs on one machine do.
EQUAL = 1.05
# One whose median is further off than a tenth may well be slower; it is not recommended for being cheap.
NEAR = 1.10

# One-sided, over all comparisons of a family. Nominally half of the usual 2.5 %: the moments below are estimated from a
# few samples, and where configurations spread unequally real errors came to three or four times the nominal ones.
LEVEL = 0.01
# The part of a level that is spent on the first look of a run that ends by what is seen.
FIRST_LOOK = 0.2
# What is shown to be slower by more than a quarter is dropped from two samples a side on.
FAR = 1.25
# For losses, which have to be shown for every configuration, so that their number makes no error likelier. Intervals
# alone show them; of a single configuration, or of too few samples for 95 %, this has to agree: with three samples all
# of one side lie above the median in 1 of 8 runs.
LOSS_LEVEL = 0.025
# From five samples on the least and the greatest are set aside, from ten on two of each, ... : one repetition that
# something else held up is no ground for 'cannot tell'.
TRIMMED = 0.2
# What the common spread may weigh against a configuration's own, as a multiple of its degrees of freedom.
MOST_BORROWED = 2.0
# Spreads below a millionth are the clock's, not the work's; also keeps equal samples from dividing by zero.
LEAST_SPREAD = 1e-6

Outcome = Literal["pool", "small gain", "loop", "no clear winner", "too few"]


@dataclass(frozen=True)
class TimedConfiguration:
    """One configuration's repeated times in seconds (of the map, or of the whole call with start-up), and its cost.

    `cost` orders equally fast configurations, the least first, e.g. (rank of the kind, workers, chunk size). All costs
    of one comparison can be compared with each other. `lost`: it was shown to be slower, or not so far ahead that it
    would count, and is repeated no more; it is among the compared, and counts as slower than whatever is still
    repeated. `worth` is the gain over the loop from which on it would be used.
    """

    name: str
    samples: tuple[float, ...]
    cost: tuple[Any, ...] = ()
    lost: bool = False
    worth: float = WORTH_IT


@dataclass(frozen=True)
class Comparison:
    """The result, as facts; every claim of a difference allows for the number of configurations it was picked from.

    outcome         'pool': best, or one that may be as fast, beats the loop by what it is worth; 'small gain': best
                    beats it by less; 'loop': every configuration is shown slower than the loop; 'no clear winner':
                    neither is shown; 'too few': the loop, or every configuration, has fewer than FEWEST_FOR_RATIO
                    repetitions, so that all else but `best` is unknown
    best            the configuration with the least median
    beats_loop      whether best is shown faster than the loop: True; False if shown slower; None: cannot tell
    loop_beats_all  whether every configuration is shown slower than the loop
    tied            best and the configurations not shown slower than it, cheapest first
    equal           those, and the ones not shown slower than best by more than EQUAL, cheapest first
    slower          the configurations shown slower than best, or than the loop, by more than EQUAL
    faster          the configurations shown faster than the loop
    recommended     the cheapest of the equal ones that itself beats the loop by its `worth`, or may where another is
                    shown to, and is NEAR best's median; None unless the outcome is 'pool'
    gain            loop / best, medians with the interval for that pair alone: of many configurations it may exclude 1
                    while `beats_loop` is None
    compared        how many configurations were compared
    left_out        those with fewer than FEWEST_FOR_RATIO repetitions, but for the lost; they are neither best nor tied
    """

    outcome: Outcome
    best: str
    beats_loop: bool | None
    loop_beats_all: bool
    tied: tuple[str, ...]
    faster: frozenset[str]
    recommended: str | None
    gain: Ratio
    compared: int
    left_out: tuple[str, ...] = ()
    equal: tuple[str, ...] = ()
    slower: frozenset[str] = frozenset()


def compare(
    loop: Sequence[float],
    configs: Sequence[TimedConfiguration],
    *,
    looks: int | None = None,
    gain_is_shown: bool = False,
) -> Comparison | None:
    """Compares the configurations with the plain loop and each other; None if the loop or all of them lack samples.

    A gain is claimed only where `Contrasts` shows it and the interval of the ratio agrees, for the best of many may be
    the luckiest. The loop wins where every interval lies below 1: what is seen each time is no luck. With no difference
    at all, a pool or the loop was said to win in 0 to 3 of 100 runs for 2 to 40 configurations and in 2 to 6 for a
    single one: 3 to 20 repetitions, equal and unequal spreads, skew and outliers. A real 1.3 with 3 % noise was found
    in every run from 3 repetitions on; if one sample in 25 is an outlier besides, in 3 of 4 runs with 3 repetitions and
    9 of 10 with 5.

    Once one is shown to gain what it is worth, whether the others gain as well is asked of each alone: its own interval
    has to lie above 1, however many there are. Method: a serial gatekeeping procedure, whose gate is the test that
    allows for all (Dmitrienko, Offen and Westfall, Statistics in Medicine 22, 2003). Without it a quarter of simulated
    runs, in which two workers gained 8 %, passed over the cheapest of equals. `gain_is_shown`: another comparison has
    shown it, of a family that these belong to.

    `looks` says how often, with this time, the samples of a run were looked at that ends, or drops configurations, by
    what is seen; None for one whose number of repetitions was fixed. The level is then spent on all looks by
    `spent_on_look`, whose parts add up to it however many there will be. Method: a union bound over looks, as in the
    races of Maron and Moore (Hoeffding races, NIPS 1993) and Even-Dar, Mannor and Mansour (Action elimination,
    JMLR 7, 2006). Lan and DeMets' spending functions (Biometrika 70, 1983) ask for the information of each look in
    parts of a known total, which a run that drops configurations and ends by the clock does not have.

    Configurations without a sample count as absent. Raises ValueError for times that are not finite and above zero.
    """
    present = tuple(config for config in configs if config.samples)
    if not loop or not present:
        return None
    return _compare(tuple(loop), present, looks, gain_is_shown)


def warm() -> None:
    """Load NumPy and scipy.special, and all that a comparison takes, by making one; best before times are judged."""
    times = (1.0, 2.0, 3.0)
    compare(times, [TimedConfiguration("one", times), TimedConfiguration("other", times)])


@lru_cache(maxsize=KEPT_RESULTS // 16)
def _compare(
    loop: tuple[float, ...], present: tuple[TimedConfiguration, ...], looks: int | None, gain_is_shown: bool
) -> Comparison:
    # Of those that lost early two samples are left, and they still count among the compared.
    configs = [config for config in present if len(config.samples) >= (2 if config.lost else FEWEST_FOR_RATIO)]
    left_out = tuple(config.name for config in present if config not in configs)
    if len(loop) < FEWEST_FOR_RATIO or not any(len(config.samples) >= FEWEST_FOR_RATIO for config in configs):
        best = _fastest(present)
        gain = ratio(loop, best.samples)
        return Comparison("too few", best.name, None, False, (), frozenset(), None, gain, 0, left_out)
    running = [i for i, config in enumerate(configs) if not config.lost] or list(range(len(configs)))
    best = _fastest([configs[i] for i in running])
    at, count, level = configs.index(best), len(configs), spent_on_look(LEVEL, looks)
    contrasts = Contrasts.of([loop, *(config.samples for config in configs)])
    faster = [
        i in running
        and contrasts.shows_slower(0, i + 1, count, level)
        and ratio(loop, config.samples).shows_difference is True
        for i, config in enumerate(configs)
    ]
    gain_is_shown = gain_is_shown or any(
        shown and ratio(loop, config.samples).value >= config.worth
        for shown, config in zip(faster, configs, strict=True)
    )
    if gain_is_shown:
        faster = [faster[i] or (i in running and _gains_alone(loop, config)) for i, config in enumerate(configs)]
    # The best first: where the loop does not win it is mostly seen there, and an interval takes longer than all else.
    best_is_slower = _shown_slower(contrasts, at, loop, configs, looks)
    loop_beats_all = best_is_slower and all(_shown_slower(contrasts, i, loop, configs, looks) for i in running)
    pairs = count * (count - 1) // 2
    by_cost = sorted(running, key=lambda i: (configs[i].cost, median(configs[i].samples)))
    equal = [i for i in by_cost if i == at or not contrasts.shows_slower(i + 1, at + 1, pairs, level, EQUAL)]
    tied = [i for i in equal if i == at or not contrasts.shows_slower(i + 1, at + 1, pairs, level)]
    slower = [i for i in running if i not in equal or contrasts.shows_slower(i + 1, 0, count, level, EQUAL)]
    gain = ratio(loop, best.samples)
    limit = NEAR * median(best.samples)
    sound = (i for i in equal if faster[i] and _is_worth_it(loop, configs[i], gain_is_shown))
    recommended = next((configs[i].name for i in sound if median(configs[i].samples) <= limit), None)
    return Comparison(
        # The best one's times may spread too widely, where those of another that is as fast do not.
        outcome=_outcome(faster[at], recommended, loop_beats_all),
        best=best.name,
        beats_loop=True if faster[at] else False if best_is_slower else None,
        loop_beats_all=loop_beats_all,
        tied=tuple(configs[i].name for i in tied),
        faster=frozenset(config.name for config, shown in zip(configs, faster, strict=True) if shown),
        recommended=recommended,
        gain=gain,
        compared=count,
        left_out=left_out,
        equal=tuple(configs[i].name for i in equal),
        slower=frozenset(configs[i].name for i in slower),
    )


def spent_on_look(level: float, looks: int | None) -> float:
    """The part of a level that the last of so many looks may use; all of it where there is only one, None.

    The first look gets little: after it only drops out what differs hugely, which little shows. The k-th of the others
    gets 1 / (k (k + 1)) of the rest.
    """
    if looks is None:
        return level
    return FIRST_LOOK * level if looks == 1 else (1 - FIRST_LOOK) * level / ((looks - 1) * looks)


def far_behind(configs: Sequence[TimedConfiguration], loop: Sequence[float], *, looks: int | None) -> dict[str, str]:
    """Those that two samples a side are enough to drop, each with the one that it lost to.

    That is the fastest of them, and they are shown to take over FAR times as long. The loop has no part in it but to
    show how samples spread.
    """
    known = [config for config in configs if len(config.samples) >= 2]
    if len(loop) < 2 or len(known) < 2:
        return {}
    best = _fastest(known)
    at, level = known.index(best) + 1, spent_on_look(LEVEL, looks)
    contrasts = Contrasts.of([loop, *(config.samples for config in known)])
    pairs = len(known) * (len(known) - 1) // 2
    return {
        config.name: best.name for i, config in enumerate(known, 1) if contrasts.shows_slower(i, at, pairs, level, FAR)
    }


def _gains_alone(loop: tuple[float, ...], config: TimedConfiguration) -> bool:
    """Whether a configuration's own interval, of enough samples, lies above 1."""
    gain = ratio(loop, config.samples)
    return (gain.low or 0.0) > 1 and (gain.confidence or 0.0) >= CONFIDENCE


def _is_worth_it(loop: tuple[float, ...], config: TimedConfiguration, gain_is_shown: bool) -> bool:
    """Whether it gains what it is worth, or may gain it where some are shown to.

    It must not fall short of a higher bound of its own, below which what is gained is not the pool's doing.
    """
    gain = ratio(loop, config.samples)
    return gain.value >= config.worth or (gain_is_shown and config.worth <= WORTH_IT <= (gain.high or 0.0))


def _shown_slower(
    contrasts: Contrasts, at: int, loop: tuple[float, ...], configs: list[TimedConfiguration], looks: int | None
) -> bool:
    """Whether a configuration is shown slower than the loop: its interval lies below 1, and is no luck."""
    samples = configs[at].samples
    if median(samples) <= median(loop):
        return False
    gain = ratio(loop, samples)
    if gain.high is None or gain.high >= 1:
        return False
    if looks is None and len(configs) > 1 and (gain.confidence or 0) >= CONFIDENCE:
        return True
    return contrasts.shows_slower(at + 1, 0, 1, spent_on_look(LOSS_LEVEL, looks))


def _fastest(configs: Sequence[TimedConfiguration]) -> TimedConfiguration:
    return min(configs, key=lambda config: (median(config.samples), config.cost))


def _outcome(beats: bool, recommended: str | None, loop_wins: bool) -> Outcome:
    if recommended is not None:
        return "pool"
    return "small gain" if beats else "loop" if loop_wins else "no clear winner"


@dataclass(frozen=True)
class Contrasts:
    """Groups of times ready for comparison: trimmed means of logarithms, their squared standard errors, degrees.

    Method: Yuen's trimmed t-test (Biometrika 61, 1974) on logarithms, so that ratios count and the long tail does not;
    each group's variance is drawn towards that of all groups as far as they are alike (Smyth, Linear models and
    empirical Bayes methods, 2004), for three samples of one's own say little; Welch's degrees of freedom; Bonferroni
    over a family. `scipy.stats.ttest_ind(trim=0.2, equal_var=False)` is the same test without the moderation, and takes
    neither variances nor degrees of freedom from outside. Tried in simulation and dropped: Dunnett's test with one
    pooled variance, wrong in 25 of 100 runs when one group of many spreads widely; Welch's test alone, blind to a 1.3
    in half of the runs with 40 groups and 3 repetitions; rank and permutation tests, which can't reach the level that
    16 groups ask for with 5 repetitions.
    """

    means: Floats
    errors: Floats
    degrees: Floats

    @classmethod
    def of(cls, groups: Sequence[Sequence[float]]) -> Contrasts:
        """At least two samples a group, all above 0 (ValueError)."""
        import numpy as np

        parts = [_trimmed(samples) for samples in groups]
        means, variances, kept = (np.array(column) for column in zip(*parts, strict=True))
        variances, degrees = _moderated(variances, kept - 1)
        return cls(means, variances / kept, degrees)

    def shows_slower(
        self, group: int, other: int, comparisons: int, level: float = LEVEL, more_than: float = 1.0
    ) -> bool:
        """Whether `group` is shown to take over `more_than` times as long as `other`, as one of so many comparisons."""
        import numpy as np
        from scipy.special import stdtr

        one, two = self.errors[group], self.errors[other]
        error = one + two
        degrees = error**2 / (one**2 / self.degrees[group] + two**2 / self.degrees[other])
        beyond = self.means[group] - self.means[other] - np.log(more_than)
        chance = stdtr(degrees, -beyond / error**0.5)
        return bool(chance * max(1, comparisons) < level)


def _trimmed(samples: Sequence[float]) -> tuple[float, float, int]:
    """The logarithms' trimmed mean, the winsorized variance that its error rests on, and how many it is taken of."""
    import numpy as np

    if len(samples) < 2 or min(samples) <= 0:
        raise ValueError("a comparison needs at least two samples a group, and times above zero")
    ordered = np.sort(np.log(samples))
    aside = int(TRIMMED * len(ordered))
    kept = ordered[aside : len(ordered) - aside]
    winsorized = np.clip(ordered, kept[0], kept[-1])
    squares = float(np.sum((winsorized - winsorized.mean()) ** 2)) + LEAST_SPREAD**2
    return float(kept.mean()), squares / (len(kept) - 1), len(kept)


def _moderated(variances: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    """Draws each variance towards the common one by Smyth's moments, and adds the degrees of freedom borrowed so.

    Variances of groups that spread alike scatter by their few degrees of freedom alone. What they scatter beyond that
    is real, and the common one then weighs less. Two groups can't tell one from the other, so they keep theirs.
    """
    import numpy as np
    from scipy.special import digamma, polygamma

    if len(variances) < 3:
        return variances, degrees
    logs = np.log(variances) - digamma(degrees / 2) + np.log(degrees / 2)
    beyond = float(np.var(logs, ddof=1) - np.mean(polygamma(1, degrees / 2)))
    prior = _inverse_trigamma(beyond) * 2 if beyond > 0 else np.inf
    shift = digamma(prior / 2) - np.log(prior / 2) if np.isfinite(prior) else 0.0
    common = np.exp(np.mean(logs) + shift)
    borrowed = np.minimum(prior, MOST_BORROWED * degrees)
    return (borrowed * common + degrees * variances) / (borrowed + degrees), degrees + borrowed


def _inverse_trigamma(value: float) -> float:
    """x for which trigamma(x) is the value, by Newton's steps on its reciprocal (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
