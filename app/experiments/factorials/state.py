"""What the records of a factorials run mean: each number's fate, the order of completion, and where the time went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.experiments.factorials.params import FactorialsParams
from app.experiments.lanes import Lanes
from app.experiments.verdicts import Finding, Verdict
from app.records import End, Opening, Record, Result, Span, Task

NAMED = 12  # an order of so many numbers is named in full, a longer one is summed up


@dataclass(frozen=True, slots=True)
class Number:
    """One n and its fate: `status` is queued, running, done, failed or cancelled. None: not known, or not yet.

    `seconds` is the time in its worker, `cpu_s` the share of it on a CPU, `queue_wait` the time before; `collected`
    its place as `as_completed` handed it over. Stamps are perf_counter nanoseconds.
    """

    n: int
    status: str = "queued"
    value: str | None = None
    digits: int | None = None
    worker: str = ""
    seconds: float | None = None
    cpu_s: float | None = None
    queue_wait: float | None = None
    started: int | None = None
    ended: int | None = None
    collected: int | None = None
    error: str | None = None

    @property
    def complete(self) -> bool:
        return self.status in ("done", "failed")


@dataclass(frozen=True, slots=True)
class State:
    """A factorials run up to one record. `numbers` are in rising order; `done` counts failed ones too.

    Stamps: `opened` of the run, `begun` of the first submission (0: not yet), `t` of the newest record. `outcome` and
    `reason` are the run's end, '' before it.
    """

    params: FactorialsParams
    numbers: tuple[Number, ...]
    opened: int = 0
    begun: int = 0
    t: int = 0
    gil: bool = True
    done: int = 0
    lanes: Lanes = field(default_factory=lambda: Lanes(None))
    outcome: str = ""
    reason: str = ""

    @property
    def t0(self) -> int:
        """Where the time axis begins: at the first submission, once there is one."""
        return self.begun or self.opened

    @property
    def total(self) -> int:
        return len(self.numbers)

    @property
    def completed(self) -> tuple[Number, ...]:
        """Done and failed numbers in order of completion: by the stamp in the worker, not by `as_completed`."""
        return tuple(sorted((n for n in self.numbers if n.complete), key=lambda n: (n.ended or 0, n.n)))

    @property
    def others(self) -> tuple[Number, ...]:
        """The numbers without a result: running ones, queued ones, cancelled ones."""
        ranks = ("running", "queued", "cancelled")
        left = [n for n in self.numbers if not n.complete]
        return tuple(sorted(left, key=lambda n: (ranks.index(n.status), n.started or 0, n.n)))

    def at(self, number: Number) -> float | None:
        """Seconds from the first submission to the number's end."""
        return None if number.ended is None else (number.ended - self.t0) / 1e9


def initial(params: FactorialsParams) -> State:
    return State(params, tuple(Number(n) for n in range(params.first, params.last + 1)))


def fold(state: State, record: Record) -> State:
    """The state after one more record; records of kinds that say nothing here leave it as it is."""
    match record:
        case Opening():
            return replace(state, opened=record.t, t=record.t, gil=bool(record.conditions.get("gil", True)))
        case Task(event="submitted") if state.begun:
            return state  # every number is queued from the first
        case Task(event="submitted"):
            return replace(state, begun=record.t, t=max(record.t, state.t))
        case Task(event="started"):
            return _started(state, record)
        case Task(event="ended"):
            return _ended(state, record)
        case Result(name="factorial"):
            return _change(state, record.arm, record.t, value=record.value, digits=len(record.value))
        case End():
            left = tuple(n if n.complete else replace(n, status="cancelled") for n in state.numbers)
            return replace(state, numbers=left, outcome=record.outcome, reason=record.reason, t=max(record.t, state.t))
        case _:
            lanes = state.lanes.fold(record)
            return state if lanes is state.lanes else replace(state, lanes=lanes, t=max(record.t, state.t))


def _started(state: State, task: Task) -> State:
    # The lane shows from here on what runs; the span itself comes when it is over.
    lanes = state.lanes.fold(Span(task.actor, "running", task.t, None, task.task))
    state = replace(state, lanes=lanes)
    return _change(state, task.task, task.t, status="running", worker=task.actor, started=task.t)


def _ended(state: State, task: Task) -> State:
    told = task.values
    if told.get("cancelled"):
        return _change(state, task.task, task.t, status="cancelled", worker=task.actor)
    status = "done" if told.get("error") is None else "failed"
    return _change(
        replace(state, done=state.done + 1),
        task.task,
        task.t,
        status=status,
        worker=task.actor,
        ended=task.t,
        seconds=told.get("seconds"),
        cpu_s=told.get("cpu_s"),
        queue_wait=told.get("queue_wait"),
        collected=told.get("order"),
        error=told.get("error"),
    )


def _change(state: State, task: str, t: int, **changes: Any) -> State:
    """The state with one number changed; only the tuple is copied, never the long values."""
    place = int(task) - state.params.first
    changed = replace(state.numbers[place], **changes)
    numbers = (*state.numbers[:place], changed, *state.numbers[place + 1 :])
    return replace(state, numbers=numbers, t=max(t, state.t))


def verdict(state: State, usable_cpus: int) -> Verdict | None:
    """In what order results came back and where the time went; None until the run is over or all is done."""
    completed = state.completed
    if not completed or not (state.outcome or state.done == state.total):
        return None
    said = [_time_in_words(state, completed, usable_cpus), _failures_in_words(completed)]
    if state.done == state.total:
        return Verdict(_order_in_words([number.n for number in completed]), " ".join(filter(None, said)))
    left = state.total - state.done
    why = "were cancelled" if state.outcome == "stopped" else "were lost"
    said.insert(0, f"{_count(left)} {why}." if left > 1 else f"1 {why.replace('were', 'was')}.")
    ended = "Stopped after" if state.outcome == "stopped" else "Ended after"
    return Verdict(f"{ended} {_count(state.done)} of {_count(state.total)} results.", " ".join(filter(None, said)))


def _order_in_words(order: Sequence[int]) -> str:
    if len(order) == 1:
        return f"The result of {order[0]} came back."
    if list(order) == sorted(order):
        return f"Results came back in order, {order[0]} to {order[-1]}."
    if len(order) <= NAMED:
        return f"Results came back as {', '.join(map(str, order))}."
    late = f"{_count(overtaken(order))} of {_count(len(order))}"
    return f"Results came back out of order: {late} were overtaken by a later one."


def overtaken(order: Iterable[int]) -> int:
    """How many numbers of an order come after a greater one, that is after one that was submitted later."""
    count, greatest = 0, None
    for n in order:
        if greatest is None or n > greatest:
            greatest = n
        else:
            count += 1
    return count


def _time_in_words(state: State, completed: Sequence[Number], usable_cpus: int) -> str:
    """Computing (CPU time in the workers) against the span from first submission to last result.

    Not the sum of the tasks' own times against it, which under the GIL counts the same moment once for each thread
    that waits for it, and so makes threads look like a gain.
    """
    span = max((number.ended or 0) - state.begun for number in completed) / 1e9
    computing = sum(number.cpu_s or 0 for number in completed)
    inside = sum(number.seconds or 0 for number in completed)
    threads = state.params.kind == "thread"
    noun = state.params.kind if state.params.workers == 1 else "threads" if threads else "processes"
    numbers = f"{_count(len(completed))} number{'s' * (len(completed) != 1)}"
    took = f"{numbers} took {_time(span)} in {state.params.workers} {noun}, from first submission to last result;"
    if computing > 1.05 * span:
        cpus = f"on {usable_cpus} usable CPU{'s' * (usable_cpus != 1)}"
        average = f"on average {computing / span:.1f} workers computed at a time {cpus}"
        return f"{took} {_time(computing)} of computing: {average}."
    if threads and state.gil and inside > 1.3 * computing and inside > span:
        return (
            f"{took} {_time(computing)} of it computing. The tasks' own times add up to {_time(inside)} because "
            "they wait for each other: under the GIL one thread computes at a time, so more of them save no time."
        )
    if computing < 0.5 * span:
        return f"{took} only {_time(computing)} of it computing, the rest went into starting workers and handing over."
    if threads and state.gil:
        return f"{took} {_time(computing)} of it computing, one thread at a time under the GIL."
    return f"{took} {_time(computing)} of it computing: on average not more than one worker computed at a time."


def _failures_in_words(completed: Sequence[Number]) -> str:
    failed = [number for number in completed if number.status == "failed"]
    if not failed:
        return ""
    named = ", ".join(str(number.n) for number in sorted(failed, key=lambda number: number.n)[:NAMED])
    return f"{_count(len(failed))} failed: {named}{', …' if len(failed) > NAMED else ''}."


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u2009")


def _time(seconds: float) -> str:
    """Three significant digits and a unit behind a no-break space."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.9995 or unit == "µs":
            break
    value = seconds * factor
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}\u00a0{unit}"


def findings(state: State, usable_cpus: int) -> tuple[Finding, ...]:
    """What is worth knowing beside the verdict."""
    completed = [number for number in state.completed if number.collected is not None]
    if not completed or not (state.outcome or state.done == state.total):
        return ()
    handed = sorted(completed, key=lambda number: number.collected or 0)
    differ = sum(one is not other for one, other in zip(handed, completed, strict=True))
    sentence = "as_completed handed the results over in the order in which they were completed."
    if differ:
        sentence = (
            f"as_completed handed {_count(differ)} of {_count(len(handed))} results over in another place than that in "
            "which they were completed: those that are ready when it looks for the first time come in no order."
        )
    found = [Finding("as_completed keeps the order of completion", not differ, sentence, {"differ": differ})]
    late = sum(number.status == "failed" and number.n >= 0 for number in completed)
    if late:
        found.append(
            Finding(
                "time limit reached",
                True,
                f"{_count(late)} of {_count(len(completed))} numbers ran into the limit of "
                f"{state.params.time_limit:g} s; it counts the time in the worker, waiting for the GIL included.",
                {"late": late, "time_limit": state.params.time_limit},
                {**state.params.model_dump(), "time_limit": 60.0},
            )
        )
    return tuple(found)


def as_json(state: State) -> dict[str, Any]:
    """The contract's `state` of a factorials run; `others` are the numbers that did not come back, or not yet."""
    return {
        "results": [
            {
                "n": number.n,
                "value": number.value,
                "digits": number.digits,
                "worker": number.worker,
                "seconds": number.seconds,
                "order": order,
                "error": number.error,
                "status": number.status,
                "queue_wait": number.queue_wait,
                "at": state.at(number),
                "cpu_s": number.cpu_s,
                "collected": number.collected,
            }
            for order, number in enumerate(state.completed, 1)
        ],
        "others": [
            {"n": number.n, "status": number.status, "worker": number.worker or None} for number in state.others
        ],
        "done": state.done,
        "total": state.total,
    }


def rows(state: State) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The result as a table: a row a number in order of completion, then those without a result."""
    table: list[Sequence[object]] = [(order, *_row(state, number)) for order, number in enumerate(state.completed, 1)]
    table += [("", *_row(state, number)) for number in state.others]
    header = ("order", "n", "value", "digits", "worker", "seconds", "queue_wait", "at", "cpu_s", "status", "error")
    return header, table


def _row(state: State, number: Number) -> Sequence[object]:
    cells = (
        number.n, number.value, number.digits, number.worker, number.seconds,
        number.queue_wait, state.at(number), number.cpu_s, number.status, number.error,
    )  # fmt: skip
    return tuple("" if cell is None else cell for cell in cells)
