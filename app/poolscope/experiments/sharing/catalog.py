"""The tools in the order in which they are shown: what each is for, what it costs in copies, its few lines of Python.

Standard library only: the runner reads names and amounts here, the server the words.
"""

from __future__ import annotations

from dataclasses import dataclass

from poolscope.examples import program

ALL = "all"
SPANS_AN_ACTOR = 150  # of a picture; a demonstration may have thousands, of which the first are sent
# The example programs of tools whose names they do not bear.
EXAMPLES = {
    "none": "race",
    "lock": "race",  # its cure is in the same program
    "queue": "queue_of_threads",
    "mp-queue": "queue_of_processes",
    "value": "value_array",
    "interpreters": "other_interpreter",
}
SEPARATOR = " · "  # between the tool and its actor's name


@dataclass(frozen=True, slots=True)
class Tool:
    """One row. `operation` is what is counted and timed; a round has `operations × scale` of them.

    `wrong` says that a wrong result is what the row is there to show, and `cure` names the tool that mends it. `copies`
    answers whether data are copied on
    their way, `use` when to take it; `short` is the title where there is little room.
    """

    name: str
    title: str
    short: str
    between: str
    operation: str
    scale: float
    copies: str
    use: str
    explanation: str
    wrong: bool = False
    cure: str = ""

    @property
    def code(self) -> str:
        """The few lines of Python that it stands for."""
        return program(EXAMPLES.get(self.name, self.name.replace("-", "_")))

    def amount(self, operations: int) -> int:
        """Operations in one timed round: cheap ones are done more often, so that a round is long enough to time."""
        return max(2, round(operations * self.scale))


CATALOG: tuple[Tool, ...] = (
    Tool(
        "none",
        "no guard",
        "no guard",
        "threads",
        "addition",
        50,
        "none",
        "never for data that change",
        "Reading, adding and writing are three steps. A thread that is interrupted between them writes an old value "
        "over what the others have written meanwhile: their updates are lost, and nothing reports it. What is timed is "
        "the plain `+= 1`, without an interruption.",
        wrong=True,
        cure="lock",
    ),
    Tool(
        "lock",
        "threading.Lock",
        "Lock",
        "threads",
        "addition",
        50,
        "none",
        "any data that several threads change",
        "Only one thread at a time holds the lock, so the three steps stay together and no update is lost. The others "
        "wait, so hold it briefly, and always by `with`.",
    ),
    Tool(
        "rlock",
        "threading.RLock",
        "RLock",
        "threads",
        "addition",
        50,
        "none",
        "functions that call each other under one lock",
        "The thread that holds it may take it again, and must let go as often as it took it. A plain Lock taken twice "
        "by one thread waits for itself for ever.",
    ),
    Tool(
        "condition",
        "threading.Condition",
        "Condition",
        "threads",
        "hand-over",
        1,
        "none",
        "waiting until shared data are in a certain state",
        "A lock with a waiting room. `wait` without a predicate sleeps through a notification that came before it; "
        "`wait_for` looks first, so no wake-up can be lost.",
    ),
    Tool(
        "queue",
        "queue.Queue",
        "queue.Queue",
        "threads",
        "item",
        5,
        "none",
        "handing work from threads to threads: the first choice",
        "A list with its own lock and waiting rooms. A bounded queue holds producers back while it is full; "
        "`task_done` and `join` tell when every item has been dealt with.",
    ),
    Tool(
        "semaphore",
        "threading.Semaphore",
        "Semaphore",
        "threads",
        "acquire and release",
        10,
        "none",
        "at most n at once: connections, downloads",
        "A lock with several permits. Whoever comes when all are taken waits for the first to be given back.",
    ),
    Tool(
        "event",
        "threading.Event",
        "Event",
        "threads",
        "wake-up",
        1,
        "none",
        "telling threads that something has happened: ready, stop",
        "A flag that can be waited for. `set` wakes all who wait, and who comes later does not wait at all.",
    ),
    Tool(
        "barrier",
        "threading.Barrier",
        "Barrier",
        "threads",
        "meeting of all",
        0.25,
        "none",
        "steps that all must finish before any goes on",
        "Each thread waits until as many as agreed have arrived; then all go on at once.",
    ),
    Tool(
        "value",
        "Value, Array",
        "Value",
        "processes",
        "addition",
        2,
        "none",
        "a few numbers that several processes change",
        "A C number, or an array of them, in memory that all processes map. `+=` reads and writes separately, so it "
        "must stand under `get_lock()`.",
    ),
    Tool(
        "value-unguarded",
        "Value, Array without get_lock()",
        "Value, no lock",
        "processes",
        "addition",
        2,
        "none",
        "never: each access is locked, the two together are not",
        "Value locks each single read and each single write, which is not enough: between the two another process "
        "writes, and its update is lost.",
        wrong=True,
        cure="value",
    ),
    Tool(
        "mp-queue",
        "multiprocessing.Queue",
        "mp.Queue",
        "processes",
        "item",
        1,
        "pickled, through a pipe",
        "handing work from processes to processes",
        "Items are pickled, sent through a pipe by a thread of the producer, and unpickled by the consumer: what "
        "arrives is a copy. End it with a sentinel; `empty()` may be wrong by the time it returns.",
    ),
    Tool(
        "pipe",
        "multiprocessing.Pipe",
        "Pipe",
        "processes",
        "round trip",
        1,
        "pickled each way",
        "two processes that talk: ask and answer",
        "Two ends, each can send and receive. It is the cheapest way for exactly two; two writers on one end would mix "
        "their messages.",
    ),
    Tool(
        "manager",
        "multiprocessing.Manager",
        "Manager",
        "processes",
        "access",
        0.5,
        "pickled, to the manager and back",
        "lists and dicts for several processes, where speed does not matter",
        "The object lives in a process of its own; every access is a message to it. What a proxy hands out is a copy: "
        "a change inside it is lost unless it is assigned back.",
    ),
    Tool(
        "shared-memory",
        "multiprocessing.shared_memory",
        "shared_memory",
        "processes",
        "write of 4 KiB",
        5,
        "none",
        "large arrays that several processes work on",
        "A block of memory with a name that every process can map. It has no lock of its own, so each process keeps to "
        "its part. It lives until `unlink`, even beyond its processes.",
    ),
    Tool(
        "interpreters",
        "concurrent.interpreters",
        "interpreters",
        "interpreters",
        "item",
        1,
        "copied, memoryviews shared",
        "processor work in one process, each interpreter with its own GIL",
        "Interpreters of one process share no objects. Their queue carries copies; a `get` that finds nothing looks "
        "again every 10 ms.",
    ),
)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in CATALOG}


def chosen(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The tools that a list of names stands for; 'all' is every one of them."""
    return tuple(TOOLS) if ALL in names else tuple(names)
