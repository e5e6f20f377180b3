"""The sentences about failures that the server says: cases that could not say it themselves, verdicts, findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import ceil

from poolscope.experiments.experiment import CheckTitles
from poolscope.experiments.failures.payloads import CaseEnding
from poolscope.experiments.failures.state import Case
from poolscope.text.numbers import count
from poolscope.text.sentences import format_list

# What each check looks for, and what is so where it is not found.
CHECKS = {
    "leftovers": CheckTitles("nothing is left behind", "something is left behind"),
    "broken": CheckTitles("every case told its outcome", "not every case told its outcome"),
}

NOTHING_LEFT = "After each case nothing was left: no process, zombie, segment, semaphore, thread or descriptor."
UNREPORTED = "Unreported: nobody who waited was told."
BY_HAND = "waits for you to press Kill now"
KILL_ONE = "Run it again and press Kill now to see what becomes of the tasks."
MOST_NAMED = 5


def case_sentence(case: Case) -> str:
    """How a case ended: what it said itself, or what was seen from outside; '' while it runs."""
    seen = case.observed
    if seen.outcome is not None:
        return seen.outcome.sentence
    match case.ending:
        case CaseEnding.BROKEN if seen.broken is not None:
            return f"The case itself failed: {seen.broken.traceback.strip().splitlines()[-1]}"
        case CaseEnding.STOPPED if seen.exited is not None:
            return "It had not ended when the run was stopped, so it was ended from outside."
        case CaseEnding.STOPPED:
            return "It had not ended when the run did."
        case CaseEnding.ENDED_FROM_OUTSIDE:
            return "It had not ended when its time was over, so it was ended from outside."
        case CaseEnding.PROCESS_DIED if seen.exited is not None:
            return f"The whole process {seen.exited.manner}, with all its threads and results."
        case _:
            return ""


def endings(of_cases: Sequence[str]) -> str:
    """How the cases of a scenario ended: 'raised', or 'raised in 9, never answered in 4' where not all are alike."""
    counted = Counter(of_cases).most_common()
    return counted[0][0] if len(counted) == 1 else ", ".join(f"{ending} in {number}" for ending, number in counted)


def headline(untold: int, failed: int) -> str:
    if not failed:
        return "Nothing failed."
    if untold:
        return f"{untold} of {count(failed, 'failure')} went unreported."
    return f"All {failed} failures were reported." if failed > 1 else "The failure was reported."


def not_counted(late: int, well: int) -> str:
    """The cases that are no failures, by their reason; '' where there are none."""
    reasons = [
        f"{count(late, 'case')} in which a task was only late" if late else "",
        f"{count(well, 'case')} in which nothing failed" if well else "",
    ]
    return f"Not counted: {format_list(filter(None, reasons))}." if late or well else ""


def untold(titles: Sequence[str]) -> str:
    """The scenarios with failures that went unreported; '' where there are none."""
    if not titles:
        return ""
    named = titles if len(titles) <= MOST_NAMED else [*titles[: MOST_NAMED - 1], "others"]
    return f"They are in: {format_list(named)}."


def leftovers(found: Mapping[str, Sequence[str]]) -> str:
    """What the sentinel found after the cases, by kind."""
    some = {kind: things for kind, things in found.items() if things}
    if not some:
        return NOTHING_LEFT
    return (
        "Left and then ended: " + "; ".join(f"{kind}: {', '.join(things[:3])}" for kind, things in some.items()) + "."
    )


def no_column(engine: str, reason: str) -> str:
    return f"No column for {engine}. {reason}"


def not_asked(engines: Sequence[str]) -> str:
    return (
        f"A column for {format_list(engines)} comes with “pools of other packages”, where installed: "
        'pip install "poolscope[loky,dask]".'
    )


def invitation(seconds_left: float) -> str:
    """What a run says that waits for somebody to kill one of its workers."""
    left = ceil(seconds_left)
    return f"Press Kill now: a worker dies in the middle of its task. The run waits {left} s more for you."


def broken(cases: Sequence[Case]) -> str:
    return "; ".join(f"{case.scenario}: {case_sentence(case)}" for case in cases)
