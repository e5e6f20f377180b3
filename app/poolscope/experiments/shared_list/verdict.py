"""Whether the numbers of a shared list agree, and what else is worth knowing, in sentences."""

from __future__ import annotations

from poolscope.experiments.findings import Finding, Verdict
from poolscope.experiments.shared_list.samples import State
from poolscope.text.numbers import duration, whole

OUTGROWN = 1_000_000  # numbers at which an unbounded list is held


def disagreements(state: State) -> tuple[str, ...]:
    """Which numbers disagree, and by how much; empty where all is well."""
    ledger, said = state.ledger, []
    for name, counted, really in (
        ("added", ledger.added, ledger.really_added),
        ("removed", ledger.removed, ledger.really_removed),
    ):
        if really - counted > ledger.in_flight:
            said.append(f"the counter of numbers {name} says {whole(counted)}, the threads {name} {whole(really)}")
    if abs(ledger.expected_length - ledger.length) > ledger.in_flight:
        said.append(f"added − removed is {whole(ledger.expected_length)}, the list holds {whole(ledger.length)}")
    if ledger.robbed:
        times = "once" if ledger.robbed == 1 else f"{ledger.robbed} times"
        said.append(f"{times} a consumer found the list emptied between its check and its pop")
    return tuple(said)


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """Whether the numbers agree, then how the lock was used, or why they do not agree."""
    ledger = state.ledger
    if not ledger.steps:
        return None
    if not ledger.consistent:
        why = (
            "Two threads read the same value, and each wrote its own result over the other's: a lost update."
            if ledger.lost_updates
            else "Another thread came in between a check and the act that rested on it."
        )
        said = "; ".join(disagreements(state))
        return Verdict("The numbers disagree:", f"{said}. {why}")
    if state.params.guard == "none":
        alone = state.params.producers == 1 and state.params.consumers == 1
        why = (
            "With one producer and one consumer no two threads write the same counter."
            if alone
            else "That is luck, not safety: nothing keeps the threads apart."
        )
        return Verdict(f"Nothing was lost in {whole(ledger.steps)} steps, without any guard.", why)
    return Verdict("The invariant holds", f"after {whole(ledger.steps)} steps. {_lock_in_words(state)}")


def _lock_in_words(state: State) -> str:
    lock = state.lock
    share, p99 = lock.share_contended, lock.wait.quantile(0.99)
    if share is None or p99 is None:
        return ""
    return (
        f"{share:.0%} of {whole(lock.acquisitions)} acquisitions had to wait; "
        f"the 99th percentile of all waits is {duration(p99)}."
    )


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict, each with a way to see more."""
    params, found = state.params, []
    if params.guard == "none" and params.producers == params.consumers == 1:
        found.append(
            Finding(
                "unguarded and alone",
                True,
                "To see a lost update, let several threads write the same counter.",
                remedy={**params.model_dump(), "producers": 4, "consumers": 4},
            )
        )
    if state.longest[0] >= OUTGROWN and not params.capacity:
        found.append(
            Finding(
                "outgrown",
                True,
                f"The list reached {whole(OUTGROWN)} numbers and was held there: the producers outran the consumers, "
                "because taking the first of a long list moves all others.",
                remedy={**params.model_dump(), "capacity": 1000, "guard": "condition"},
            )
        )
    if params.guard == "lock" and state.ledger.empty_polls > state.ledger.removed > 0:
        found.append(
            Finding(
                "polling",
                True,
                f"Consumers asked an empty list {state.ledger.empty_polls} times for {state.ledger.removed} numbers; "
                "a condition lets them wait instead.",
                {"empty_polls": state.ledger.empty_polls, "removed": state.ledger.removed},
                {**params.model_dump(), "guard": "condition"},
            )
        )
    return tuple(found)
