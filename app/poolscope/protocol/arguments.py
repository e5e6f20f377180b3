"""What an experiment's body is given: one frozen dataclass an experiment, made from its validated parameters.

Its tag is the experiment's name, but for the two experiments that are one body. Fields are named as the contract's
parameters.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from poolscope.protocol.codec import Tagged
from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import kind_of_cluster


class Arguments(Tagged):
    """Family of everything that a body may be given."""

    __slots__ = ()

    @property
    def cluster_used(self) -> str:
        """The address of a cluster that was there before and takes part; '' for none."""
        return ""


@frozen
class SharedListArguments(Arguments):
    """`capacity` 0 is unbounded; `seconds` counts while the run is not paused."""

    tag: ClassVar[str] = "shared-list"
    producers: int
    consumers: int
    delay_min: float
    delay_max: float
    guard: Literal["lock", "rlock", "condition", "queue", "none"]
    capacity: int
    seconds: float


@frozen
class FactorialsArguments(Arguments):
    """The factorials of `first` to `last`; one that takes longer than `time_limit` seconds fails."""

    tag: ClassVar[str] = "factorials"
    first: int
    last: int
    workers: int
    kind: Literal["thread", "process"]
    time_limit: float


@frozen
class SharingArguments(Arguments):
    """`start_method` None is the platform's default."""

    tag: ClassVar[str] = "sharing"
    tools: tuple[str, ...]
    operations: int
    workers: int
    start_method: str | None
    repeats: int


@frozen
class FailuresArguments(Arguments):
    """Seconds: `task` is that of a task that is longer than its `limit`, `wait` how long somebody may take to kill a
    worker. `engines` are further pools to break."""

    tag: ClassVar[str] = "failures"
    scenarios: tuple[str, ...]
    task: float
    limit: float
    engines: tuple[str, ...] = ()
    wait: float = 60.0


# The pool benchmark


@frozen
class BenchmarkWork:
    """A work by name: built in, or a user's own as place:function@items+setup, imported from `folder`.

    `path` are the folders and archives of the user's PYTHONPATH, resolved against the folder; they come behind it. The
    work is done in `working_folder`, where that is another one. `work_ms` is the length of a call, None for its own;
    `items` how many, 0 for as many as it has. Where `first` is given, the items are the numbers from it on.
    With `star` the function gets an item's entries as its arguments. `left_out` are the numbers of items not to take.
    `executor` is the factory of an executor of the user's own, place:name, `cluster` the
    address of a dask or ray cluster that is there, both '' for none. `packages`:
    what is installed for its Python is needed by more than a user's own work.
    """

    name: str
    folder: str = ""
    work_ms: float | None = None
    items: int = 0
    first: int | None = None
    path: tuple[str, ...] = ()
    star: bool = False
    working_folder: str = ""
    left_out: tuple[int, ...] = ()
    executor: str = ""
    cluster: str = ""
    packages: bool = False


@frozen
class InterpreterPath:
    """A Python that takes part: its label, by which records name it, and its executable."""

    label: str
    executable: str


@frozen
class BenchmarkArguments(Arguments):
    """Of `which-pool` and `pool-sizes`. Without `pythons` the run's own process measures; each of them has a host.

    No `kinds` are all that a Python has and the work can use; no `start_methods` are the Python's own. A chunk size of
    0 is the kind's own choice; after `max_tasks` tasks a worker is replaced, 0 being never. `native_threads` of 0 is
    what the environment has; without any, pools are measured in that alone. `method` is that of a multiprocessing.Pool.
    `limit_s` bounds a call and a repetition. With `item_limit_s` items whose call takes longer are left out.
    Without `repeats` there are as many counted rounds as the answer needs, for about `seconds` at most.
    """

    tag: ClassVar[str] = "pool-benchmark"
    work: BenchmarkWork
    kinds: tuple[str, ...]
    sizes: tuple[int, ...]
    repeats: int | None
    chunksizes: tuple[int, ...] = (0,)
    max_tasks: tuple[int, ...] = (0,)
    start_methods: tuple[str, ...] = ()
    native_threads: tuple[int, ...] = ()
    method: str = "map"
    pythons: tuple[InterpreterPath, ...] = ()
    limit_s: float = 60.0
    item_limit_s: float | None = None
    seconds: float = 30.0

    @property
    def cluster_used(self) -> str:
        return self.work.cluster if kind_of_cluster(self.work.cluster) in self.kinds else ""
