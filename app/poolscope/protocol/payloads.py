"""What results, conditions and reports carry: one frozen dataclass a payload, grouped by who sends it.

Those of one experiment alone stand in its folder: making a class takes half a millisecond, and a child needs only its
own. Standard library only. Times are in seconds and sizes in bytes; None means that it could not be found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from poolscope.protocol.codec import Tagged
from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import Calling

# Failures that somebody tells apart. bad-reference: the user named a function or items that are not there or can't be
# mapped, which is a mistake in what was asked and not one in the work.
# Why a run failed, where programs can tell: the work's name leads nowhere; the kernel had no more memory; it took more
# than it may of memory, processes, CPU time or records; its runner was stopped by a signal.
FailureCode = Literal[
    "bad-reference",
    "out-of-memory",
    "memory-limit",
    "process-limit",
    "time-limit",
    "cpu-limit",
    "record-limit",
    "suspended",
]

RoundsEndedWhy = Literal["settled", "time spent", "most rounds", "no pool left"]


class Payload(Tagged):
    """Family of everything that a `Result` may carry."""

    __slots__ = ()


# The machine and the interpreter


@frozen
class MachineFacts(Payload):
    """The machine at one moment, as the process that reads it may use it; the fields are named as in `conditions`.

    `usable_cpus` is the whole number of workers that can run at once, at least 1, and `usable_cpus_why` says so in a
    sentence. `logical_cpus` counts hyper-threads, `physical_cpus` cores, `affinity_cpus` the CPUs that the scheduler
    may place us on; `siblings` are those CPUs core by core (empty: not known), and `smt` says what that means.
    `cpu_quota` is the smallest quota of a cgroup (2.5: two and a half CPUs' time), from the file `cpu_quota_source`.
    `cpu` names the model, else the architecture. `load_before` is the load average of the minute before.
    """

    tag: ClassVar[str] = "machine"
    usable_cpus: int
    usable_cpus_why: str
    logical_cpus: int
    physical_cpus: int | None
    affinity_cpus: int
    siblings: tuple[tuple[int, ...], ...]
    smt: str | None
    cpu_quota: float | None
    cpu_quota_source: str | None
    cpu: str
    cpu_frequency_mhz: float | None
    memory_available: int | None
    load_before: float | None


@frozen
class PythonFacts:
    """The interpreter of a run as it knows itself; the fields are named as in `conditions`.

    `gil` says whether threads take turns. `start_method` is the one that the run uses, `clock_resolution_s` that of
    `time.perf_counter`. `nice` is the priority that it began with, 0 the usual one and a greater number a lower one.
    """

    python: str
    implementation: str
    gil: bool
    start_method: str
    platform: str
    clock_resolution_s: float
    executable: str
    nice: int = 0


@frozen
class EffectiveCpus(Payload):
    """What so many spinning processes got together: CPUs by their number, each measured for `seconds`.

    `effective` is empty where they could not be had.
    """

    tag: ClassVar[str] = "cpu"
    effective: Mapping[str, float]
    seconds: float


@frozen
class NoiseReading(Payload):
    """Who used the machine since the first counted round began; a later reading replaces an earlier one.

    CPU seconds of the whole host and of us with all descendants; `throttled_before` and `throttled_after` read the
    counter of our CPU quota. `loop_wall_s` and `loop_cpu_s` are those of the counted plain loops, every pass of them.
    `fixed_loop_s` is what a short loop, always the same, took of CPU time after each of them. `server_cpu_s` are the
    CPU seconds of our server and its other runs, which are a part of what others used; None where there is no server.
    `server_alone_cpu_s` of them are those of the server's own process, for pages, streams and the journal.
    """

    tag: ClassVar[str] = "noise"
    wall_s: float
    host_busy_s: float | None
    own_cpu_s: float | None
    throttled_before: int | None
    throttled_after: int | None
    host_cpus: int | None
    loop_wall_s: float | None = None
    loop_cpu_s: float | None = None
    fixed_loop_s: tuple[float, ...] = ()
    server_cpu_s: float | None = None
    server_alone_cpu_s: float | None = None


# The pool benchmark: before anything is timed


@frozen
class InterpreterFacts(Payload):
    """A Python that takes part, by its label. `kinds` says of each kind why it has not got it, None where it has.

    `executor_replaces`: its ProcessPoolExecutor replaces every worker that has done its `max_tasks_per_child`; before
    gh-115634 was mended, one that waited for nothing but the next task could be taken for one that is still there.
    """

    tag: ClassVar[str] = "interpreter"
    version: str
    implementation: str
    gil: bool
    executable: str
    start_method: str
    start_methods: tuple[str, ...]
    kinds: Mapping[str, str | None]
    executor_replaces: bool = True


@frozen
class InterpreterLeftOut(Payload):
    """A Python that takes no part, by its label, and the sentence why."""

    tag: ClassVar[str] = "interpreter left out"
    why: str


@frozen
class WorkError:
    """What the work raised when it was tried, the item that it was called on, and the sentence that says so.

    `remedy`: the item does not fit the function's parameters, but its entries do ('star'), or the other way round.
    """

    type: str
    message: str
    item: str
    traceback: str
    sentence: str
    remedy: Literal["star", "no star"] | None = None


@frozen
class Parcel:
    """A value as workers get it: its bytes, and the seconds that writing and reading them took at the least."""

    size: int
    pickle_s: float
    unpickle_s: float

    @property
    def seconds(self) -> float:
        return self.pickle_s + self.unpickle_s


@frozen
class ItemChange:
    """A call left its item another than it was. `item` is the item's number, `kind` the name of its type.

    `copied`: every pass gets copies of the items as they were; where they can't be copied it gets a process of its own,
    which makes them anew. `returned`: at least one call gave something else than None.
    """

    item: int
    kind: str
    copied: bool
    returned: bool
    part: str | None = None


# per item: a second call of an item is fast. per object: of the same object, and not of one that is equal to it.
# outside: so is its first call in another process, for which it is kept in a file or by a server.
# once: the very first call prepares something for all that follow. per thread: the first call in each thread does.
MemoryOfCalls = Literal["per item", "per object", "outside", "once", "per thread"]


@frozen
class RememberedCalls:
    """Calls that were much slower the first time than the second: medians of `calls` items, in seconds.

    For 'once' and 'per thread' it is the very first call, and `again_s` the same once more.
    """

    how: MemoryOfCalls
    first_s: float
    again_s: float
    calls: int


LazyKind = Literal[
    "generator",
    "iterator",
    "coroutine",
    "awaitable",
    "async generator",
    "future",
    "task graph",
    "callable",
    "property",
    "context manager",
    "process",
    "thread",
]


@frozen
class LazyResult:
    """A call returned something whose work is yet to be done. `name` is its type, `within` the type that held it.

    Or, as 'process' or 'thread', it started one of that `name`, which went on for `consumed_s` after it had returned.

    `consumed` are the entries that were taken from a fresh one in `consumed_s`, `complete` whether that were all; both
    times are None where nobody but the user can consume it. `call_s` is the call that gave it.
    """

    kind: LazyKind
    name: str
    within: str | None
    call_s: float
    consumed: int | None
    consumed_s: float | None
    complete: bool


@frozen
class ImportedPlace:
    """How a place in a work's name was imported: by which dotted name, and from which folder of the user's.

    `root` is None where the Python's own packages have it. `stand_in`: the name is one that a file was given which has
    none that can be imported.
    """

    place: str
    module: str
    root: str | None
    stand_in: bool = False


@frozen
class ItemsMade:
    """What it took to have all items of a user's own work in a list, before any map.

    `lazy`: they did not lie there as a list, tuple, set or mapping, but came out of something else one by one.
    `seconds` is the time of that, `memory` the bytes by which the process grew. `full`: it was ended with fewer than
    there are, for want of memory.
    """

    lazy: bool
    seconds: float
    memory: int
    full: bool = False


@frozen
class LoopUse:
    """What an event loop's thread did while coroutines ran one after the other.

    Of `wall_s`, steps ran for `busy_s`, the longest for `longest_s`; no other coroutine could go on meanwhile. `cpu_s`
    is the thread's CPU time; for `ready_s` it was ready to run but others had the CPUs.
    """

    wall_s: float
    busy_s: float
    longest_s: float
    cpu_s: float
    ready_s: float

    @property
    def blocked_s(self) -> float:
        """How long steps ran on a machine that has a CPU for them."""
        return max(min(self.cpu_s, self.busy_s), self.busy_s - self.ready_s)

    @property
    def blocked_share(self) -> float:
        return min(1.0, self.blocked_s / max(self.blocked_s, self.wall_s - self.ready_s, 1e-9))


# Why results differ, as far as it shows.
# count: there are more or fewer · rounding: floats that are the same to many digits · order: the same parts in another
# order · hash-seed: the loop gives others as well under another PYTHONHASHSEED · identity: they name the process or
# thread that worked · address, clock: they hold addresses of objects, or times · same-random-state: workers drew the
# same random numbers · shared-generator: threads drew from one generator · random: other random numbers ·
# main-globals: globals have another value in the main process, by `names` · shared-globals, own-globals: the calls
# change globals that threads share, or that each process has of its own.
DifferenceCode = Literal[
    "count",
    "rounding",
    "order",
    "hash-seed",
    "identity",
    "address",
    "clock",
    "same-random-state",
    "shared-generator",
    "random",
    "token",
    "main-globals",
    "shared-globals",
    "own-globals",
    "unknown",
]


@frozen
class ResultDifference:
    """How results differ from the expected ones: first at `item`, at `differing` items in all.

    `largest` is the largest relative difference of a rounding. `pair` are two items that were given the same random
    number, `repeated` how many items share one. `names` are those of random generators or globals.
    """

    code: DifferenceCode
    item: int | None = None
    differing: int = 0
    largest: float | None = None
    pair: tuple[int, int] | None = None
    repeated: int = 0
    names: tuple[str, ...] = ()


@frozen
class TrialReport(Payload):
    """What calling the work a few times in one Python found, before anything was timed.

    `count` are the items, `cut` whether there would have been more. `call_s` and `cpu_s` are the first calls' times.
    `unpicklable` says of 'function', 'item' and 'result' why it can't be pickled, where it can't; then the pickled
    bytes and the seconds for both ways are None. `repeats_equal` is whether a second call gave the same, None where it
    was not tried; `global_state` are the globals that the calls changed, `printed` the bytes that they wrote.
    `threads` names the threads of the work's own that were alive after the calls, `threads_of_calls` those of them that
    the calls have started; `repeat_difference` says how a second call's result differed.
    `cpu_s` is the process's and its child processes'. `native_libraries` are those in the process that compute in
    threads of their own, `native_threads` how many threads there are beside Python's, None where that can't be told.
    `import_s` is how long importing the function, and the set-up, took in the host, None for built-in work.
    `loop` is the event loop's part in the calls of an `async def`, None for other functions or where it is not known.
    `imports` says where a user's own modules came from. `found_in` is the folder that one had to be looked for in,
    since a Python started where the user is would not find it; None where all were on the path. `made` is None
    for built-in work.
    """

    tag: ClassVar[str] = "trial"
    count: int
    cut: bool
    function: str
    coroutine: bool
    is_async: bool
    call_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    unpicklable: Mapping[str, str]
    item_bytes: int | None
    result_bytes: int | None
    pickle_s: float | None
    repeats_equal: bool | None
    global_state: tuple[str, ...]
    printed: int
    raised: WorkError | None
    gil: bool
    again_s: tuple[float, ...] = ()
    parcel: Parcel | None = None
    remembered: RememberedCalls | None = None
    changed: ItemChange | None = None
    items_known: bool = True
    lazy: LazyResult | None = None
    native_libraries: tuple[str, ...] = ()
    native_threads: int | None = None
    loop: LoopUse | None = None
    import_s: float | None = None
    imports: tuple[ImportedPlace, ...] = ()
    found_in: str | None = None
    calling: Calling = "item"
    made: ItemsMade | None = None
    threads: tuple[str, ...] = ()
    repeat_difference: ResultDifference | None = None
    threads_of_calls: tuple[str, ...] = ()


@frozen
class SlowItem:
    """An item, by its number and in words, whose call took longer than it may; `seconds` until it was stopped."""

    number: int
    item: str
    seconds: float


@frozen
class SlowItems(Payload):
    """Of `count` items these took longer than `limit_s` and were left out; there may be none."""

    tag: ClassVar[str] = "slow items"
    limit_s: float
    count: int
    items: tuple[SlowItem, ...]


@frozen
class Calibration(Payload):
    """How many rounds make a call as long as was asked, and what it took then."""

    tag: ClassVar[str] = "calibration"
    rounds: int
    asked_ms: float | None
    one_call_s: float | None


@frozen
class PlannedConfiguration:
    """One configuration of a plan. Records name it by its `key`, which says nothing more.

    `start_method` is '' and `chunk_used` 1 for kinds that start no processes. `chunksize` is what was asked, 0 for the
    kind's own choice; `chunk_used` is what comes of it. `method` is the one that a multiprocessing.Pool is used by.
    `max_tasks` is as in `PoolUse`. `spare_workers` are those for whom there will never be anything to do. `python` is
    '' for the run's own process.
    `native_threads` is what the environment limits the threads of BLAS and the like to, 0 as the user has it.
    """

    key: str
    python: str
    kind: str
    size: int = 1
    start_method: str = ""
    chunksize: int = 0
    chunk_used: int = 1
    spare_workers: int = 0
    method: str = "map"
    max_tasks: int = 0
    native_threads: int = 0


@frozen
class Plan(Payload):
    """Every configuration that is to be measured, the plain loop of each Python before its pools."""

    tag: ClassVar[str] = "plan"
    configurations: tuple[PlannedConfiguration, ...]


# The pool benchmark: while it measures


# What broke a configuration.
# daemonic: a worker of a multiprocessing.Pool was to start a process · raised: the work raised in a worker ·
# exception-unreadable: what it raised can't be made from its pickle · result-unreadable: nor can a result ·
# result-unsendable: a result can't be pickled ·
# call-unreadable: the function or an item can't be made from its pickle in a worker · worker-died, host-died: a worker,
# or the process that all work is done in, ended · hung-at-fork: forked workers wait for ever, and threads were alive
# when they were forked · hung: workers or calls wait for ever · hung-at-exit: so do workers that have nothing left to
# do · limit: it was still at work when its time was over.
BreakageCode = Literal[
    "daemonic",
    "raised",
    "exception-unreadable",
    "result-unreadable",
    "result-unsendable",
    "call-unreadable",
    "worker-died",
    "host-died",
    "hung-at-fork",
    "hung",
    "hung-at-exit",
    "limit",
]


@frozen
class WaitingPlace:
    """A line at which so many workers, or threads of one process, were found waiting."""

    file: str
    line: int
    function: str
    workers: int


@frozen
class Breakage:
    """Why a configuration could not be measured, and what an uncounted repetition of it found.

    `looked` says whether there was one, `again` whether it broke in the same way. `items` are the numbers of those that
    were being worked on, or that the work raised on, `item` the first of them in words. `error` is what was raised,
    `unreadable` what making it from its pickle raised; `unsendable` says why it can't be pickled, '' where it can.
    `exit_code` is as subprocess gives it, None where nobody collected it. `threads` names the work's threads that were
    alive when the workers were started. `places` say where workers waited, who by then had used no CPU and ended no
    call for `idle_s`. `globals` had another value in the worker than in the process that started it. `limit_s` is the
    time that was over. `hiding` are files that a new worker imports in place of modules of the standard library.
    `out_of_memory`: the kernel killed it, for want of memory.
    """

    code: BreakageCode
    looked: bool = False
    again: bool = False
    items: tuple[int, ...] = ()
    item: str = ""
    error: str = ""
    unreadable: str = ""
    exit_code: int | None = None
    threads: tuple[str, ...] = ()
    places: tuple[WaitingPlace, ...] = ()
    globals: tuple[str, ...] = ()
    limit_s: float | None = None
    idle_s: float | None = None
    unsendable: str = ""
    hiding: tuple[str, ...] = ()
    out_of_memory: bool = False


@frozen
class Seed(Payload):
    """The order of the configurations in each counted round comes from it."""

    tag: ClassVar[str] = "seed"
    seed: int


@frozen
class PassesPerSample(Payload):
    """A sample of a configuration's map is the mean of so many maps in a row, in one living pool."""

    tag: ClassVar[str] = "passes"
    passes: int


@frozen
class WorkerHosts(Payload):
    """The names of the hosts on which a configuration's workers are.

    `cpus` are those that they may use there together; 0 where that is the run's own host alone.
    """

    tag: ClassVar[str] = "hosts"
    hosts: tuple[str, ...]
    cpus: int = 0


@frozen
class ClusterStarted(Payload):
    """The cluster that the run has started, once, for all repetitions of a configuration took so long to start."""

    tag: ClassVar[str] = "cluster"
    seconds: float


@frozen
class BytesCarried(Payload):
    """What a map of a configuration sent over the network and received, in bytes."""

    tag: ClassVar[str] = "network"
    sent: int
    received: int


@frozen
class MapProgress(Payload):
    """How far an engine's map is that goes on: of its `items` so many were `given` to the engine, and the results of
    those `done` are back.

    `sent` and `received` are the bytes that the connections of the measuring process carried for it so far, None where
    there are none.
    """

    tag: ClassVar[str] = "map progress"
    items: int
    given: int
    done: int
    sent: int | None = None
    received: int | None = None


@frozen
class WorkersLost(Payload):
    """So many workers of a configuration died so far while others went on, and so many tasks were done again."""

    tag: ClassVar[str] = "workers lost"
    workers: int
    retried: int


@frozen
class ShippedOnce(Payload):
    """Maps of a traced repetition, in turns: everything `sent` with every task, and function and items `kept` there.

    Seconds, one a map; `scatter_s` is how long bringing function and items to the workers took before.
    """

    tag: ClassVar[str] = "shipped"
    scatter_s: float
    sent_s: tuple[float, ...]
    kept_s: tuple[float, ...]


@frozen
class RoundEnded(Payload):
    """Counted round `round` is over, which took `round_s`, and `spent_s` of the run's time; there may be more, as the
    server finds."""

    tag: ClassVar[str] = "round"
    round: int
    spent_s: float
    round_s: float = 0.0


# Why a configuration gets no more rounds: it was shown to be slower than another; or it has more workers than CPUs, and
# was shown not to be so far ahead of another that it would count.
DroppedWhy = Literal["slower", "beyond CPUs", "no time"]


@frozen
class ConfigurationDropped(Payload):
    """A configuration gets no round after `round`, for what was shown beside the one with the key `lost_to`.

    With 'no time', nothing was shown: that one, which differs in its number of workers alone, gets the time.
    """

    tag: ClassVar[str] = "dropped"
    round: int
    lost_to: str
    why: DroppedWhy = "slower"


@frozen
class RoundsEnded(Payload):
    """No more rounds are counted, for this reason: the recommendation is settled, the time is spent, there are as many
    rounds as there may be, or no pool is left to compare with the plain loop. `spent_s` is the run's time so far."""

    tag: ClassVar[str] = "rounds"
    why: RoundsEndedWhy
    rounds: int
    spent_s: float


@frozen
class ConfigurationSkipped(Payload):
    """A configuration is measured no more; what was measured of it stays.

    `breakage` is what broke it, None where it was not tried; `late` says that nothing did, but the time was spent.
    `after` is the key of the configuration that broke, where it was not tried for that.
    """

    tag: ClassVar[str] = "skipped"
    why: str
    breakage: Breakage | None = None
    late: bool = False
    after: str = ""


@frozen
class ConfigurationUntraced(Payload):
    """A configuration has no traced repetition: it failed, though all samples had been taken, or was left out."""

    tag: ClassVar[str] = "untraced"
    why: str


@frozen
class ResultsDiffer(Payload):
    """A configuration gave other results than the plain loop did at first; sent once a configuration."""

    tag: ClassVar[str] = "differs"
    repetition: int
    detail: str
    difference: ResultDifference | None = None


@frozen
class ResultsRounded(Payload):
    """A configuration's results are those of the plain loop but for rounding: by so much, relative to the largest."""

    tag: ClassVar[str] = "rounded"
    largest: float


@frozen
class ItemsChanged(Payload):
    """In a Python, by its label, the first loop changed an item that was not among those of the trial."""

    tag: ClassVar[str] = "items changed"
    change: ItemChange


@frozen
class LoopTimes(Payload):
    """Wall and CPU time of the counted repetitions of a plain loop so far, together; replaces earlier ones.

    `cpu_s` is that of its process, `native_cpu_s` the part of threads beside the main one, `children_cpu_s` that of
    child processes beyond it. `ready_s` is how long its threads were ready to run but others had the CPUs.
    """

    tag: ClassVar[str] = "loop"
    wall_s: float
    cpu_s: float
    native_cpu_s: float = 0.0
    children_cpu_s: float = 0.0
    ready_s: float = 0.0

    @property
    def cost_s(self) -> float:
        """CPU time of the loop, wherever it was spent."""
        return self.cpu_s + self.children_cpu_s


@frozen
class GarbageCollections(Payload):
    """Collections of all counted repetitions of a configuration, in the process that owns its pool."""

    tag: ClassVar[str] = "gc"
    collections: int


@frozen
class ShownResults(Payload):
    """The first results of a configuration as a page can show them, and how many there are."""

    tag: ClassVar[str] = "results"
    count: int
    first: tuple[int | float | str | bool | None, ...]


@frozen
class TaskTimes:
    """How long the tasks of a traced map took, each as its worker saw it."""

    min: float
    median: float
    p90: float
    max: float


@frozen
class ReplayedMap:
    """How long the traced tasks would have taken, in seconds, had they only been handed out otherwise.

    Each worker that is free takes what comes next: `as_sent_s` in the chunks that were used, `one_by_one_s` task by
    task in the same order, `longest_first_s` task by task from the longest on. Handing over costs nothing in it.
    """

    as_sent_s: float
    one_by_one_s: float
    longest_first_s: float


@frozen
class TraceSummary(Payload):
    """What the traced map's time went into, in seconds; a worker that got no task ended as the map began.

    `start_s` and `stop_s` are its start-up and shutdown, `worker_ends_s` count from the map's beginning, a worker each.
    `tasks_cpu_s` is the CPU time of the workers themselves, in `native_cpu_s` that of other threads where the workers
    are threads too, `children_cpu_s` that of child processes that the tasks started. `between_cpu_s` is what workers
    that are threads used between their tasks, to take items and give results back, and no task's. `loop` is an event
    loop's part; coroutines have no `replayed`.
    """

    tag: ClassVar[str] = "traced"
    map_s: float
    tasks: int
    tasks_wall_s: float
    tasks_cpu_s: float
    workers_used: int
    worker_ends_s: tuple[float, ...]
    start_s: float = 0.0
    stop_s: float = 0.0
    task_s: TaskTimes | None = None
    native_cpu_s: float = 0.0
    children_cpu_s: float = 0.0
    between_cpu_s: float = 0.0
    replayed: ReplayedMap | None = None
    loop: LoopUse | None = None

    @property
    def cost_s(self) -> float:
        """CPU time of the tasks, wherever it was spent."""
        return self.tasks_cpu_s + self.native_cpu_s + self.children_cpu_s


@frozen
class LaneSpan:
    """A worker was at one task, or at neighbouring ones that are drawn as one; stamps of perf_counter_ns.

    Of those, `busy` is how many ns they took together, without the gaps between them; None of a single one.
    """

    started: int
    ended: int
    item: str
    busy: int | None = None


@frozen
class WorkerLane:
    """What one worker did in a traced map. `worker` is a process id, a native thread id or a place under a limit.

    `host` is where an engine's worker is, '' for the standard library's pools. Stamps of another host than the
    measuring one are moved so that its first task starts as the map begins.
    """

    worker: int
    spans: tuple[LaneSpan, ...]
    host: str = ""


@frozen
class ItemsUnderWay(Payload):
    """How many items of a traced map were queued, running and back at the stamps `at`, of the measuring host's clock.

    `queued` were handed over and not begun, `running` were in a task, of `back` the results had come back. Where
    workers are on other hosts, whose clocks don't tell, `running` is () and `queued` has all that were not back.
    """

    tag: ClassVar[str] = "under way"
    at: tuple[int, ...]
    queued: tuple[int, ...]
    running: tuple[int, ...]
    back: tuple[int, ...]


@frozen
class MemoryReading(Payload):
    """Memory in bytes after the work, before the shutdown; `what` names the figure, 'pss' or 'rss'.

    `total` is that of the workers and their parent, `parent` the parent's own part.
    """

    tag: ClassVar[str] = "memory"
    what: str
    per_worker: tuple[int, ...]
    total: int
    parent: int | None = None


# What a host answers


@frozen
class MeasurementReport:
    """One repetition of a configuration in nanoseconds; `first_ready`, `start` and `stop` are 0 for a plain loop.

    `asked` is the stamp at which the map began. `cpu` is the CPU time of the process that did the work, of its main
    thread alone and of its child processes, and `ready` how long its threads waited for a CPU; each is None where
    workers are processes. `imported` is how long the slowest worker process imported the user's modules as it started,
    which one that is forked with them need not. `same` says whether the results are those of the plain loop, None where
    that can't be told, `detail` what differs and `difference` why, which is rounding where they are the same. `digest`
    identifies the results of the first loop, None where they have none that another Python would give. `results` are
    there where they were asked for. `passes_to_fill` is how many maps last as long as the order asked. `changed` is an
    item that a first loop changed, which the trial had not seen. `hosts` names where an engine's workers are,
    `hosts_cpus` are the CPUs that they may use there, 0 where that is this host alone. `cluster_start` is how long a
    cluster of the run's own took to start, once and before; 0 without one. `sent` and `received` are the bytes that
    this process's connections carried during a map, None where no engine worked or the system does not tell.
    `lost_workers` died during the map, and `retried` tasks of theirs were done again by others. `fixed_loop` is the CPU
    time of a short loop that is always the same, right after a plain loop.
    The rest comes from a traced repetition, whose times do not count.
    """

    start: int
    first_ready: int
    map: int
    stop: int
    asked: int
    cpu: int | None
    collections: int
    main_thread_cpu: int | None = None
    children_cpu: int | None = None
    ready: int | None = None
    imported: int = 0
    same: bool | None = True
    detail: str = ""
    difference: ResultDifference | None = None
    digest: str | None = None
    results: ShownResults | None = None
    traced: TraceSummary | None = None
    memory: MemoryReading | None = None
    lanes: tuple[WorkerLane, ...] = ()
    under_way: ItemsUnderWay | None = None
    changed: ItemChange | None = None
    passes_to_fill: int = 1
    hosts: tuple[str, ...] = ()
    hosts_cpus: int = 0
    cluster_start: int = 0
    sent: int | None = None
    received: int | None = None
    lost_workers: int = 0
    retried: int = 0
    fixed_loop: int = 0
    shipped: ShippedOnce | None = None
