"""The sentences about a shared list: its log, its verdicts and its findings."""

from __future__ import annotations

from poolscope.experiments.experiment import CheckTitles, Verdict
from poolscope.experiments.shared_list.judgement import Agreement, Disagreement, disagreements
from poolscope.experiments.shared_list.state import SharedListState
from poolscope.protocol.records import Contents
from poolscope.text.numbers import duration, whole
from poolscope.text.sentences import capital

# What each check looks for, and what is so where it is not found.
CHECKS = {
    "outgrown": CheckTitles("outgrown", "not outgrown"),
    "polling": CheckTitles("polling", "no polling"),
    "lost": CheckTitles("no guard, and updates lost", "no guard, and no update lost"),
    "few": CheckTitles("unguarded, and few threads", "unguarded, and many threads"),
    "alone": CheckTitles("unguarded and alone", "unguarded and not alone"),
}

# As the program itself would have printed them.
LOG = {
    "added": "Added: {number} | Current List: {items}",
    "removed": "Removed: {number} | Current List: {items}",
    "empty": "List is empty, nothing to remove.",
    "full": "List is full, nothing added.",
    "lost": "Lost: the list was emptied between the check and the pop.",
}

UNGUARDED_PAIR = "To see a lost update, let several threads write the same counter."
MORE_THREADS = "The more threads write the same counter, the sooner an update is lost."
CURE = (
    "Under a lock, only one thread at a time reads a counter and writes it back, so nothing is lost. The comparison of "
    "the tools for sharing data says what each of them costs."
)


def log_line(step: Contents) -> str:
    """A step as the program would have printed it; a long list names its newest numbers and counts the others."""
    older = step.length - len(step.items)
    newest = ", ".join(map(str, step.items))
    items = f"[… {older} older …, {newest}]" if older > 0 else f"[{newest}]"
    return LOG[step.change].format(number=step.number, items=items)


def disagreement(pair: Disagreement) -> str:
    match pair.about:
        case "length":
            return f"added − removed is {whole(pair.counted)}, the list holds {whole(pair.really)}"
        case "robbed":
            times = "once" if pair.really == 1 else f"{whole(pair.really)} times"
            return f"{times} a consumer found the list emptied between its check and its pop"
        case name:
            return f"the counter of numbers {name} says {whole(pair.counted)}, the threads {name} {whole(pair.really)}"


def verdict(outcome: Agreement, state: SharedListState) -> Verdict:
    steps = whole(state.all_steps)
    unguarded = f"Nothing was lost in {steps} steps, without any guard."
    match outcome:
        case Agreement.AGREED:
            return Verdict("The invariant holds", f"after {steps} steps. {lock_use(state)}", code=outcome)
        case Agreement.NO_RACE:
            why = "With one producer and one consumer no two threads write the same counter."
            return Verdict(unguarded, why, code=outcome)
        case Agreement.LUCKY:
            return Verdict(unguarded, "That is luck, not safety: nothing keeps the threads apart.", code=outcome)
        case Agreement.LOST_UPDATES:
            why = "Two threads read the same value, and each wrote its own result over the other's: a lost update."
        case Agreement.BROKEN_CHECK:
            why = "Another thread came in between a check and the act that rested on it."
    said = "; ".join(map(disagreement, disagreements(state)))
    return Verdict("The numbers disagree.", f"{capital(said)}. {why}", code=outcome)


def lock_use(state: SharedListState) -> str:
    """How often the lock had to be waited for, and how long; '' where there was none."""
    seen, p99 = state.lock.seen, state.lock.wait.quantile(0.99)
    if not seen.acquisitions or p99 is None:
        return ""
    return (
        f"{whole(seen.contended) if seen.contended else 'None'} of {whole(seen.acquisitions)} acquisitions had to wait "
        f"for the lock; 99% of them got it within {duration(p99)}."
    )


def outgrown(most: int) -> str:
    return (
        f"The list reached {whole(most)} numbers and was held there: the producers outran the consumers, "
        "because taking the first of a long list moves all others."
    )


def polling(empty_polls: int, removed: int) -> str:
    return (
        f"Consumers asked an empty list {whole(empty_polls)} times for {whole(removed)} numbers; "
        "a condition lets them wait instead."
    )
