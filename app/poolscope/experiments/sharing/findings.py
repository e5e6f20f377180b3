"""The checks that a sharing run goes through; each holds, does not hold, or is undecided, with its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from poolscope.experiments.disturbance import signs_in_words
from poolscope.experiments.experiment import Finding
from poolscope.experiments.sharing import messages
from poolscope.experiments.sharing.params import MOST_OPERATIONS
from poolscope.experiments.sharing.state import SharingState, ToolState
from poolscope.stats.disturbance import Disturbance, beside_us, disturbance

SHORT_S = 1e-3  # below it start-up and the clock weigh too much


def findings(state: SharingState, usable_cpus: int) -> tuple[Finding, ...]:
    """Every check that the tools asked for allow, in the order in which they matter; none before one has been shown."""
    shown = [row for row in state.rows if row.correct is not None]
    if not shown:
        return ()
    checks = (
        _raised(state),
        _all_right(shown),
        _updates_lost(shown, state.params.workers),
        _nothing_left(shown),
        _too_short(state, shown),
        _disturbed(state, usable_cpus),
    )
    return tuple(check for check in checks if check is not None)


def _raised(state: SharingState) -> Finding | None:
    failed = [(row.tool, row.failed) for row in state.rows if row.failed]
    if not failed:
        return None
    numbers = {"failed": len(failed)}
    return Finding(messages.CHECKS["raised"], False, messages.raised(failed), numbers, wanted=True, failure=True)


def _all_right(shown: Sequence[ToolState]) -> Finding | None:
    titles, guarded = messages.CHECKS["all_right"], [row for row in shown if not row.tool.wrong]
    if not guarded:
        return None
    wrong = [row.tool.title for row in guarded if not row.correct]
    numbers = {"right": len(guarded) - len(wrong), "of": len(guarded)}
    return Finding(titles, not wrong, messages.guarded_right(wrong, len(guarded)), numbers, wanted=True, failure=True)


def _updates_lost(shown: Sequence[ToolState], workers: int) -> Finding | None:
    titles, unguarded = messages.CHECKS["updates_lost"], [row for row in shown if row.tool.wrong]
    if not unguarded:
        return None
    all_lose = all(row.lost for row in unguarded)
    numbers = {row.tool.name: row.lost for row in unguarded}
    return Finding(titles, True if all_lose else None, messages.updates_lost(unguarded, workers), numbers, wanted=True)


def _nothing_left(shown: Sequence[ToolState]) -> Finding | None:
    gone = next((row.outcome.segment_gone for row in shown if row.outcome and row.tool.name == "shared-memory"), None)
    if gone is None:
        return None
    sentence = messages.SEGMENT_GONE if gone else messages.SEGMENT_LEFT
    return Finding(messages.CHECKS["nothing_left"], gone, sentence, wanted=True, failure=True)


def _too_short(state: SharingState, shown: Sequence[ToolState]) -> Finding:
    titles, timed = messages.CHECKS["too_short"], [row for row in shown if row.rounds]
    if not timed:
        return Finding(titles, None, messages.NO_ROUND)
    least = min(timed, key=lambda row: median(row.rounds))
    short = [row.tool.title for row in timed if median(row.rounds) < SHORT_S]
    sentence = messages.shortest_round(least.tool.title, median(least.rounds), short)
    more = min(MOST_OPERATIONS, state.params.operations * 10)
    remedy = {"operations": more} if short and more > state.params.operations else {}
    return Finding(titles, bool(short), sentence, {"shortest_s": median(least.rounds)}, remedy)


def _disturbed(state: SharingState, usable_cpus: int) -> Finding:
    titles, judged = messages.CHECKS["disturbed"], disturbed(state, usable_cpus)
    if judged is None:
        return Finding(titles, None, messages.NOT_YET_READ)
    sentence = signs_in_words(judged) or messages.NOTHING_READ
    numbers = {"others_cpus": judged.others_cpus, "server_cpus": judged.server_cpus}
    return Finding(titles, judged.disturbed, sentence, numbers)


def disturbed(state: SharingState, usable_cpus: int) -> Disturbance | None:
    """The judgement of the noise detectors; None until the run's end, when they are read.

    Operations on shared data wait for each other by nature, so only what others used can tell, not how long ours took.
    """
    noise = state.noise
    if noise is None:
        return None
    others_cpu_s, throttled_rise = beside_us(noise)
    return disturbance(
        (),
        workers=max((_at_once(row, state) for row in state.rows if row.outcome and not row.missing), default=1),
        usable_cpus=usable_cpus,
        host_cpus=noise.host_cpus or usable_cpus,
        wall_s=noise.wall_s,
        others_cpu_s=others_cpu_s,
        throttled_rise=throttled_rise,
        server_cpu_s=noise.server_cpu_s,
        server_alone_cpu_s=noise.server_alone_cpu_s,
    )


def _at_once(row: ToolState, state: SharingState) -> int:
    """How many workers of a tool could run at once: of threads under the GIL one, however many there are."""
    if row.tool.between == "threads" and state.gil:
        return 1
    return max(2, state.params.workers)  # most hand-overs have two sides however few workers are asked for
