"""The errors that concern more than one room; each message names the thing, the cause and the next step.

PoolscopeError
├── BadParameters        a parameter is out of bounds, of the wrong type or in contradiction (422, exit 2)
├── UnknownExperiment    no experiment of that name (404, exit 2)
├── UnknownRun           no run of that id (404)
├── UnknownTopic         the guide has no page of that name (404)
├── Refused              the server can't take a request now, but will later
│   ├── QueueFull        as many runs wait as may (503)
│   ├── TooManyStarts    this client starts runs faster than it may (429)
│   ├── TooManyWaiting   as many runs of this visitor wait as may (429)
│   ├── TooManyViewers   as many live streams are open as may be (503)
│   ├── TooManyStreams   as many streams of this client are open as may be (429)
│   ├── TooBusy          as many costly answers are being made as may wait (503)
│   └── ServerEnding     the server is shutting down (503)
├── NotYours             a run was started by another visitor of the demo (403)
├── RunIsLive            a live run can't be deleted (409)
├── RunElsewhere         a live run is performed by another process, which alone can stop or change it (409)
├── NobodyToKill         a run has no worker process of that number now (409)
├── IllegalChange        a status change that the table of allowed changes does not hold (a bug in Poolscope)
├── MalformedMessage     a line that came over a pipe is no message of the expected kind
│   └── MalformedRecord  the runner sent a line that is no record; ends the run as failed
├── MeasurementFailed    what `poolscope.measure` was given can't be measured: it raised, hung or ended its process
├── MeasuredAlready      `poolscope.measure` was called by what it measures
└── CannotServe          the port or the data folder can't be used (exit 1)

Not drawn are those that never leave the process of a run, where nothing but the standard library is at hand: they
stand in `runner` and in the experiments' bodies, beside the code that raises and catches them. Nor are ParameterError,
an entry of BadParameters and no exception, the ValueErrors of codec and parameters, which their callers convert, and
the KeyboardInterrupt with which `poolscope.measure` answers Ctrl-C.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


class PoolscopeError(Exception):
    """Base of all errors raised on purpose; `title` names the kind, str(error) is a sentence for the user."""

    title: ClassVar[str] = "Poolscope failed"


REFERENCE = re.compile("`([a-z_]+)(?:=([^`]*))?`")


def itself(name: str, value: str) -> str:
    """The word for a value of a parameter, where it has no other."""
    return value


@dataclass(frozen=True, slots=True)
class ParameterError:
    """What is wrong with one parameter: its name ('' for the whole) and a sentence that says what is allowed.

    `text` refers to parameters as `name`, in backticks, so that a form can say what stands beside the field instead,
    and as `name=value` to values that a form may offer by other words.
    """

    name: str
    text: str

    @property
    def message(self) -> str:
        """The sentence with the parameters' own names, for programs and the command line."""
        return self.worded(str)

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that the sentence refers to."""
        return tuple(name for name, _ in REFERENCE.findall(self.text))

    def worded(self, word: Callable[[str], str], value: Callable[[str, str], str] = itself) -> str:
        """The sentence with what `word` gives for each parameter that it refers to, and `value` for each value."""
        return REFERENCE.sub(lambda found: word(found[1]) if found[2] is None else value(found[1], found[2]), self.text)


class BadParameters(PoolscopeError):
    """Nothing was started; `errors` say which parameter, why, and what is allowed."""

    title = "These parameters can't be run"

    def __init__(self, errors: tuple[ParameterError, ...]) -> None:
        super().__init__(" ".join(error.message for error in errors))
        self.errors = errors


class UnknownExperiment(PoolscopeError):
    title = "No such experiment"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"There is no experiment {name!r}. There are: {', '.join(known)}.")
        self.name = name


class UnknownRun(PoolscopeError):
    title = "No such run"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"There is no run {run_id!r}. It may have been deleted; /runs lists those that are kept.")
        self.run_id = run_id


class UnknownTopic(PoolscopeError):
    title = "No such page"

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The guide has no page {name!r}. It has: {', '.join(known)}.")


class Refused(PoolscopeError):
    """The server can't take this now: `title` names the kind of refusal, `retry_after` seconds are worth waiting."""

    title = "Not now"

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class QueueFull(Refused):
    title = "The queue is full"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} runs are waiting already, which is the limit. Try again when one has ended.", 10)


class TooManyStarts(Refused):
    title = "Too many runs from here"

    def __init__(self, starts: int, retry_after: int) -> None:
        super().__init__(f"{starts} runs were started from here within a minute, which is the limit.", retry_after)


class TooManyWaiting(Refused):
    title = "Too many of your runs are waiting"

    def __init__(self, waiting: int) -> None:
        super().__init__(
            f"{waiting} of your runs are waiting already, which is the limit. Try again when one has begun.", 10
        )


class TooManyViewers(Refused):
    title = "Too many viewers"

    def __init__(self, viewers: int) -> None:
        super().__init__(f"{viewers} live streams are open, which is the limit.", 10)


class TooManyStreams(Refused):
    title = "Too many streams from here"

    def __init__(self, streams: int) -> None:
        super().__init__(f"{streams} streams are open from here, which is the limit. Close some of their pages.", 10)


class TooBusy(Refused):
    title = "Too much at once"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} slow answers are being prepared already, which is the limit.", 5)


class ServerEnding(Refused):
    title = "The server is ending"

    def __init__(self) -> None:
        super().__init__("The server is shutting down. Try again when it is back.", 10)


class NotYours(PoolscopeError):
    title = "Somebody else's run"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id} was started by somebody else; only they may change, stop or delete it.")


class RunIsLive(PoolscopeError):
    title = "The run is still live"

    def __init__(self, run_id: str) -> None:
        super().__init__(f"Run {run_id} is still live. Stop it first, then delete it.")


class RunElsewhere(PoolscopeError):
    title = "Another process performs this run"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"Run {run_id} is performed by another process on the same data: another server, or a command such as "
            "`poolscope measure`. It can only be stopped there, on that server's page or with Ctrl-C in the terminal."
        )


class NobodyToKill(PoolscopeError):
    """Nothing was done; the sentence says whether the run is over, has other workers, or works by threads."""

    title = "No such worker now"


class IllegalChange(PoolscopeError):
    """A run was asked to go from one status to another that the table does not allow."""

    def __init__(self, run_id: str, before: str, after: str, last: tuple[str, ...]) -> None:
        story = "\n  ".join(last) or "none"
        super().__init__(f"Run {run_id} can't go from {before} to {after}. Its last records:\n  {story}")


class MalformedMessage(PoolscopeError):
    """A line that came over a pipe is not one of the `expected` messages."""

    def __init__(self, expected: str, line: bytes | str, cause: str) -> None:
        super().__init__(f"A line is no {expected} ({cause}): {line[:200]!r}")


class MalformedRecord(MalformedMessage):
    """The runner sent something else than a record."""

    def __init__(self, line: bytes, cause: str) -> None:
        PoolscopeError.__init__(self, f"The runner sent a line that is no record ({cause}): {line[:200]!r}")


class MeasurementFailed(PoolscopeError):
    """What was to be measured can't be; the sentence says why, `result` has what was found before."""

    title = "Nothing could be measured"

    def __init__(self, sentence: str, result: object) -> None:
        super().__init__(sentence)
        self.result = result


class MeasuredAlready(PoolscopeError):
    """A script that calls `measure` was imported by the process that measures its function."""

    def __init__(self) -> None:
        super().__init__(
            "poolscope.measure was called by what it measures: importing the script has called it again. Put the call "
            "under `if __name__ == '__main__':`."
        )


class CannotServe(PoolscopeError):
    """The server can't start: the sentence says what is in the way and what to do."""
