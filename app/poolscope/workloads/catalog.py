"""The built-in workloads: what each is and does, how much of it is usual, and where its code lies. Data only.

Both sides read this table: parameters and pages for what may be asked, the runner for setting the work up.
"""

from __future__ import annotations

from typing import Literal

from poolscope.protocol.frozen import frozen

# What limits it: the CPU, time that passes elsewhere, files, the bytes that are moved, or one object that all share.
Nature = Literal["cpu", "waiting", "files", "data", "shared"]


@frozen
class Workload:
    """One row. `function` names the function in `module` of this package, and `coroutine` its form for asyncio.

    `work_ms` is the usual length of one call where it can be chosen, else None; then `call_s` says roughly what a call
    takes. `count` is the usual number of items and `most` the largest that memory or patience allows (None: no such
    bound). `rounds` is what a call of the usual length takes of them on some machine, where its function is told how
    many to do; a run calibrates them. `title` heads its script, `says` explains it. An item, with its result, takes
    `bytes_an_item` of memory, and a worker has `bytes_a_worker` for itself; 0 where that is next to nothing.
    """

    nature: Nature
    module: str
    function: str
    count: int
    title: str
    says: str
    work_ms: float | None = None
    call_s: float = 0.0
    most: int | None = None
    coroutine: str | None = None
    rounds: int | None = None
    bytes_an_item: int = 0
    bytes_a_worker: int = 0

    @property
    def waits(self) -> bool | None:
        """Whether a call leaves the CPU to others; None where that depends on the machine or on the other workers."""
        return {"waiting": True, "cpu": False, "data": False}.get(self.nature)


WORKLOADS: dict[str, Workload] = {
    "square": Workload(
        "cpu", "compute", "square", 2_000, "Squares", "One multiplication: far less work than handing it over costs."
    ),
    "square-sleep": Workload(
        "waiting",
        "io",
        "square_sleep",
        40,
        "Squares after a wait",
        "Waits by time.sleep, then squares.",
        work_ms=100.0,
        coroutine="square_sleep_by_asyncio",
    ),
    "sum-of-squares": Workload(
        "cpu",
        "compute",
        "sum_of_squares",
        40,
        "Sums of squares",
        "Sums squares in Python, which needs the GIL all the time.",
        work_ms=5.0,
        rounds=25_000,
    ),
    "factorial": Workload(
        "cpu", "compute", "factorial", 40, "Factorials", "One factorial in C, which keeps the GIL.", call_s=3e-4
    ),
    "primes": Workload(
        "cpu",
        "compute",
        "primes",
        40,
        "Counts of primes",
        "Counts primes by trial division in Python, under the GIL.",
        work_ms=5.0,
        rounds=25,
    ),
    "sha256": Workload(
        "cpu",
        "compute",
        "sha256",
        40,
        "SHA-256 digests",
        "Hashes blocks of 16 KiB in C, which releases the GIL.",
        work_ms=5.0,
        rounds=125,
    ),
    "zlib": Workload(
        "cpu",
        "compute",
        "packed_and_unpacked",
        40,
        "Packing and unpacking",
        "Packs and unpacks a large block in C, which releases the GIL.",
        work_ms=5.0,
        rounds=5,
    ),
    "uneven": Workload(
        "cpu",
        "compute",
        "uneven",
        40,
        "Sums of squares, one in ten much longer",
        "Sums squares; every tenth item takes ten times as long.",
        work_ms=2.0,
        rounds=10_000,
    ),
    "sleep": Workload(
        "waiting",
        "io",
        "square_sleep",
        40,
        "Waiting",
        "Waits by time.sleep, or by asyncio.sleep as a coroutine.",
        work_ms=5.0,
        coroutine="square_sleep_by_asyncio",
    ),
    "http": Workload(
        "waiting",
        "io",
        "get",
        40,
        "Requests to a slow HTTP server",
        "Asks a real HTTP server here, which answers after a delay.",
        work_ms=5.0,
        coroutine="get_by_asyncio",
    ),
    "read-files": Workload(
        "files",
        "io",
        "read_file",
        400,
        "Reading files",
        "Reads files of 128 KiB, which the system holds in memory.",
        call_s=1e-4,
    ),
    "large-arguments": Workload(
        "data",
        "data",
        "turned_around",
        16,
        "Large lists turned around",
        "Turns lists around that are 1 MiB when pickled.",
        most=256,
        bytes_an_item=12 * 1024 * 1024,  # the list and its result of 4 MiB each, pickled and in between
    ),
    "memory-hungry": Workload(
        "data",
        "data",
        "hungry",
        16,
        "64 MiB blocks",
        "Fills 64 MiB; each worker keeps its latest block.",
        most=1_000,
        bytes_a_worker=64 * 1024 * 1024,
    ),
    "shared-object": Workload(
        "shared",
        "shared",
        "add_much",
        24,
        "Additions to one number",
        "Adds to one number: in a process under a lock, else in a mapped file.",
        work_ms=5.0,
        rounds=125,
    ),
}

# What each experiment offers, in the order in which its form does.
OF_POOL_SIZES = ("square", "square-sleep", "sum-of-squares", "factorial", "sha256", "read-files")
OF_WHICH_POOL = (
    "square",
    "sum-of-squares",
    "primes",
    "sha256",
    "zlib",
    "sleep",
    "http",
    "read-files",
    "large-arguments",
    "uneven",
    "shared-object",
    "memory-hungry",
)

# By these a name can be looked up that may be none of the table, such as that of one's own function.
WORK_MS = {name: row.work_ms for name, row in WORKLOADS.items() if row.work_ms is not None}
WAITING = frozenset(name for name, row in WORKLOADS.items() if row.waits)
COMPUTING = frozenset(name for name, row in WORKLOADS.items() if row.waits is False)
