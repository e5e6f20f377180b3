"""The tools in the order in which they are shown: what each is for, what it costs in copies, its few lines of Python.

Standard library only: the runner reads names and amounts here, the server the words.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL = "all"
SPANS_AN_ACTOR = 150  # of a picture; a demonstration may have thousands, of which the first are sent
SEPARATOR = " · "  # between the tool and its actor's name


@dataclass(frozen=True, slots=True)
class Tool:
    """One row. `operation` is what is counted and timed; a round has `operations × scale` of them.

    `wrong` says that a wrong result is what the row is there to show. `copies` answers whether data are copied on
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
    code: str
    wrong: bool = False

    def amount(self, operations: int) -> int:
        """Operations in one timed round: cheap ones are done more often, so that a round is long enough to time."""
        return max(2, round(operations * self.scale))


CATALOG: tuple[Tool, ...] = (
    Tool(
        "none", "no guard", "no guard", "threads", "addition", 50, "none",
        "never for data that change",
        "Reading, adding and writing are three steps. A thread that is interrupted between them writes an old value "
        "over what the others have written meanwhile: their updates are lost, and nothing reports it.",
        "value = counter.value\ntime.sleep(0)          # another thread runs: a print, a read, a request\n"
        "counter.value = value + 1",
        wrong=True,
    ),
    Tool(
        "lock", "threading.Lock", "Lock", "threads", "addition", 50, "none",
        "any data that several threads change",
        "Only one thread at a time holds the lock, so the three steps stay together and no update is lost. The others "
        "wait, so hold it briefly, and always by `with`.",
        "with lock:\n    counter.value += 1",
    ),
    Tool(
        "rlock", "threading.RLock", "RLock", "threads", "addition", 50, "none",
        "functions that call each other under one lock",
        "The thread that holds it may take it again, and must let go as often as it took it. A plain Lock taken twice "
        "by one thread waits for itself for ever.",
        "def descend(depth):\n    with rlock:            # a plain Lock blocks here at the second level\n"
        "        return 1 + descend(depth - 1) if depth > 1 else 1",
    ),
    Tool(
        "condition", "threading.Condition", "Condition", "threads", "hand-over", 1, "none",
        "waiting until shared data are in a certain state",
        "A lock with a waiting room. `wait` without a predicate sleeps through a notification that came before it; "
        "`wait_for` looks first, so no wake-up can be lost.",
        "with condition:\n    condition.wait_for(lambda: box)\n    item = box.pop()\n    condition.notify()",
    ),
    Tool(
        "queue", "queue.Queue", "queue.Queue", "threads", "item", 5, "none",
        "handing work from threads to threads: the first choice",
        "A list with its own lock and waiting rooms. A bounded queue holds producers back while it is full; "
        "`task_done` and `join` tell when every item has been dealt with.",
        "q = queue.Queue(maxsize=8)\nq.put(item)             # waits while full\nitem = q.get()          # waits while "
        "empty\nq.task_done()\nq.join()                # until all items are done",
    ),
    Tool(
        "semaphore", "threading.Semaphore", "Semaphore", "threads", "acquire and release", 10, "none",
        "at most n at once: connections, downloads",
        "A lock with several permits. Whoever comes when all are taken waits for the first to be given back.",
        "permits = threading.Semaphore(2)\nwith permits:\n    download()",
    ),
    Tool(
        "event", "threading.Event", "Event", "threads", "wake-up", 1, "none",
        "telling threads that something has happened: ready, stop",
        "A flag that can be waited for. `set` wakes all who wait, and who comes later does not wait at all.",
        "ready.wait()            # in every waiting thread\nready.set()             # wakes them all",
    ),
    Tool(
        "barrier", "threading.Barrier", "Barrier", "threads", "meeting of all", 0.25, "none",
        "steps that all must finish before any goes on",
        "Each thread waits until as many as agreed have arrived; then all go on at once.",
        "barrier = threading.Barrier(4)\nprepare()\nplace = barrier.wait()  # until all four are here\ncompute()",
    ),
    Tool(
        "value", "Value, Array", "Value", "processes", "addition", 2, "none",
        "a few numbers that several processes change",
        "A C number, or an array of them, in memory that all processes map. `+=` reads and writes separately, so it "
        "must stand under `get_lock()`.",
        "total = multiprocessing.Value('q', 0)\nwith total.get_lock():\n    total.value += 1",
    ),
    Tool(
        "value-unguarded", "Value, Array without get_lock()", "Value, no lock", "processes", "addition", 2, "none",
        "never: each access is locked, the two together are not",
        "Value locks each single read and each single write, which is not enough: between the two another process "
        "writes, and its update is lost.",
        "total = multiprocessing.Value('q', 0)\ntotal.value += 1        # a locked read, then a locked write",
        wrong=True,
    ),
    Tool(
        "mp-queue", "multiprocessing.Queue", "mp.Queue", "processes", "item", 1, "pickled, through a pipe",
        "handing work from processes to processes",
        "Items are pickled, sent through a pipe by a thread of the producer, and unpickled by the consumer: what "
        "arrives is a copy. End it with a sentinel; `empty()` may be wrong by the time it returns.",
        "q = multiprocessing.Queue()\nq.put(item)             # in one process\nitem = q.get()          # a copy, in "
        "another",
    ),
    Tool(
        "pipe", "multiprocessing.Pipe", "Pipe", "processes", "round trip", 1, "pickled each way",
        "two processes that talk: ask and answer",
        "Two ends, each can send and receive. It is the cheapest way for exactly two; two writers on one end would mix "
        "their messages.",
        "here, there = multiprocessing.Pipe()\nhere.send('ping')\nanswer = here.recv()    # what the other end sent",
    ),
    Tool(
        "manager", "multiprocessing.Manager", "Manager", "processes", "access", 0.5, "pickled, to the manager and back",
        "lists and dicts for several processes, where speed does not matter",
        "The object lives in a process of its own; every access is a message to it. What a proxy hands out is a copy: "
        "a change inside it is lost unless it is assigned back.",
        "shared = manager.dict(parts=[])\nshared['parts'].append(1)   # lost: changes a copy\nparts = shared['parts']\n"
        "parts.append(1)\nshared['parts'] = parts      # kept",
    ),
    Tool(
        "shared-memory", "multiprocessing.shared_memory", "shared_memory", "processes", "write of 4 KiB", 5, "none",
        "large arrays that several processes work on",
        "A block of memory with a name that every process can map. It has no lock of its own, so each process keeps to "
        "its part. It lives until `unlink`, even beyond its processes.",
        "block = SharedMemory(create=True, size=size)\nblock.buf[0:4096] = page     # other processes map block.name\n"
        "block.close()\nblock.unlink()               # once, by its owner",
    ),
    Tool(
        "interpreters", "concurrent.interpreters", "interpreters", "interpreters", "item", 1,
        "copied, memoryviews shared",
        "processor work in one process, each interpreter with its own GIL",
        "Interpreters of one process share no objects. Their queue carries copies; a `get` that finds nothing looks "
        "again every 10 ms.",
        "q = interpreters.create_queue()\nother = interpreters.create()\nother.prepare_main(q=q)\n"
        "other.exec('q.put(42)')\nitem = q.get()",
    ),
)  # fmt: skip

TOOLS: dict[str, Tool] = {tool.name: tool for tool in CATALOG}


def chosen(names: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The tools that a list of names stands for; 'all' is every one of them."""
    return tuple(TOOLS) if ALL in names else tuple(names)
