"""What the JSON API answers, as models: the OpenAPI document has their schemas, and tests hold real answers to them.

An answer is built from the typed state of a run and sent as it is; validating it once more would cost as much again.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from poolscope.protocol.payloads import (
    Breakage,
    Calibration,
    DroppedWhy,
    EffectiveCpus,
    FailureCode,
    MachineFacts,
    MapProgress,
    MemoryReading,
    NoiseReading,
    ShippedOnce,
    TrialReport,
)
from poolscope.runs.run import Status


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(strict=True, frozen=True)


class ParameterProblem(Answer):
    """What is wrong with one parameter; `name` is '' for the whole."""

    name: str
    message: str


class ProblemAnswer(Answer):
    """A refusal (RFC 9457): a title for its kind, and a sentence about this one."""

    title: str
    status: int
    detail: str
    errors: list[ParameterProblem] = Field(default=[], description="Which parameters are wrong; left out if none is.")


class Readiness(Answer):
    """Whether runs can be started and are being kept."""

    ready: bool
    trouble: str


class ExperimentAnswer(Answer):
    """An experiment with the JSON Schema of its parameters."""

    name: str
    title: str
    question: str
    parameters: dict[str, Any]


# Quantities


class TimingAnswer(Answer):
    """Samples in seconds with their median and its 95 % confidence interval; None without samples."""

    median: float | None
    low: float | None
    high: float | None
    samples: list[float]


class EstimateAnswer(Answer):
    """An estimate with its 95 % confidence interval."""

    value: float | None
    low: float | None
    high: float | None


class BoundsAnswer(Answer):
    """The 95 % confidence interval of a ratio."""

    low: float | None
    high: float | None


class QuantilesAnswer(Answer):
    """Of many times, in seconds."""

    median: float | None
    p99: float | None


# What every run has


class FaultAnswer(Answer):
    """A worker that was to be killed on request; `pid` is None where there was none of that number."""

    worker: int
    of: int
    pid: int | None
    at_s: float


class FindingAnswer(Answer):
    """One check: it holds, it does not, or (None) the data can't tell; `remedy` are parameters to run again with."""

    check: str
    holds: bool | None
    sentence: str
    numbers: dict[str, float | None]
    remedy: dict[str, Any]
    code: str = Field(description="What was found, without words; '' where a check has none.")


class ConditionsAnswer(Answer):
    """On what the run took place, once it has begun; further fields say more of the machine."""

    model_config = ConfigDict(extra="allow")

    python: str = ""
    implementation: str = ""
    gil: bool = True
    usable_cpus: int = 1
    start_method: str = ""
    platform: str = ""
    load_before: float | None = None
    shared_with: list[str] = Field(default=[], description="Other runs that were live meanwhile.")
    cgroup: dict[str, int | None] | None = Field(
        default=None,
        description="The limits of the run's own cgroup: `memory` in bytes, `processes`, `cpu_weight` (the server has "
        "100). None where it has no cgroup of its own, and the server watches it alone.",
    )


class QueueAnswer(Answer):
    """Where a run waits, and the runs that it is `behind` now, which end first.

    `place` counts from 1, in the order in which all that wait are likely to start: measured runs one after another,
    others as soon as there is room for them. `expected_start` is a stamp in UTC, None where nobody can tell.
    """

    place: int
    expected_start: str | None
    behind: list[str]


class ShortageAnswer(Answer):
    """What a queued run lacks beside those that are running."""

    resource: Literal["busy", "processes", "memory"]
    wanted: int
    free: int
    total: int
    sentence: str


class RunSummary(Answer):
    """A run as a list has it, without its state. `kept` says whether its records are stored.

    `shortage` is what a queued run waits for, where that is room beside the others.
    """

    id: str
    experiment: str
    params: dict[str, Any]
    status: Annotated[Status, Field(strict=False)]
    created: str
    started: str | None
    ended: str | None
    conditions: ConditionsAnswer
    verdict: str | None
    error: str | None
    kept: bool
    queue: QueueAnswer | None
    shortage: ShortageAnswer | None


class RunAnswer(RunSummary):
    """Base of the runs of all experiments. `error_code` is the kind of a failure, where programs can tell."""

    error_code: FailureCode | None

    faults: list[FaultAnswer]
    findings: list[FindingAnswer]


# Shared list


class LossAnswer(Answer):
    """What the threads' own counts say against those of the list."""

    updates: int
    robbed: int
    really_added: int
    really_removed: int
    disagreements: list[str]


class ThreadAnswer(Answer):
    """One thread and what it does now."""

    name: str
    role: str
    state: str
    operations: int


class LockAnswer(Answer):
    """Who holds the lock, who waits, and for how long that took."""

    owner: str | None
    waiting: list[str]
    acquisitions: int
    contended: int
    contended_share: float | None
    wait_s: QuantilesAnswer
    hold_s: QuantilesAnswer


class ControlsAnswer(Answer):
    """The controls in force."""

    delay_min: float
    delay_max: float
    paused: bool


class LongestAnswer(Answer):
    """The greatest length of the list, and when it had it, in seconds of the run."""

    length: int
    at: float


class SharedListStateAnswer(Answer):
    """The state of a run of `shared-list`."""

    list: builtins.list[int]
    length: int
    added: int
    removed: int
    empty_polls: int
    expected_length: int
    consistent: bool
    lost: LossAnswer
    threads: builtins.list[ThreadAnswer]
    lock: LockAnswer
    log: builtins.list[str]
    steps: int
    left_out: int
    controls: ControlsAnswer
    ran_s: float
    longest: LongestAnswer


class SharedListRun(RunAnswer):
    """A run of `shared-list`."""

    experiment: Literal["shared-list"]
    state: SharedListStateAnswer


# Factorials


class FactorialAnswer(Answer):
    """One number in order of completion; `value` is a decimal string."""

    n: int
    value: str | None
    digits: int | None
    worker: str
    seconds: float | None
    order: int
    error: str | None
    status: str
    queue_wait: float | None
    at: float | None
    cpu_s: float | None
    collected: int | None


class PendingFactorial(Answer):
    """A number that did not come back, or not yet."""

    n: int
    status: str
    worker: str | None


class FactorialsStateAnswer(Answer):
    """The state of a run of `factorials`."""

    results: list[FactorialAnswer]
    others: list[PendingFactorial]
    done: int
    total: int


class FactorialsRun(RunAnswer):
    """A run of `factorials`."""

    experiment: Literal["factorials"]
    state: FactorialsStateAnswer


# Pool sizes, and what which-pool has in common with it


class RoundsAnswer(Answer):
    """How many counted rounds there were, in what time, and how sure they made the answer.

    `ended` is why there were no more, None where their number was asked for or they go on. `settled`: more of them
    would hardly change the answer. `half_width` is half the interval of the gain over the gain; `more_s` more seconds
    would bring it to about `half_width_then`.
    """

    counted: int
    spent_s: float | None
    ended: Literal["settled", "time spent", "most rounds", "no pool left"] | None
    settled: bool | None
    half_width: float | None
    more_s: float | None
    half_width_then: float | None


class ConfigurationAnswer(Answer):
    """A configuration by what makes it."""

    kind: str
    size: int
    chunksize: int
    python: str
    start_method: str
    max_tasks: int
    chunk_used: int | None
    native_threads: int = Field(description="The limit for native libraries in each worker; 0 is none.")


class DroppedAnswer(Answer):
    """After which round a configuration got no more, for it was shown to be slower than another; or, having more
    workers than CPUs, not to be far ahead of it."""

    round: int
    lost_to: ConfigurationAnswer
    why: DroppedWhy


class PoolSizeAnswer(Answer):
    """One size of pool with its phases."""

    pool_size: int
    start_s: TimingAnswer
    first_ready_s: TimingAnswer
    map_s: TimingAnswer
    stop_s: TimingAnswer
    total_s: TimingAnswer
    speedup: float | None
    speedup_ci: BoundsAnswer
    efficiency: float | None
    chunksize: int | None
    passes: int
    dropped: DroppedAnswer | None
    results: list[Any]
    results_count: int
    transcript: str
    differs: str | None


class PoolSizesStateAnswer(Answer):
    """The state of a run of `pool-sizes`."""

    serial: TimingAnswer
    sizes: list[PoolSizeAnswer]
    done: float
    total: float
    seconds_left: float | None
    note: str
    repeats: int | None
    rounds: RoundsAnswer
    start_method: str
    seed: int | None
    calibration: Calibration | None
    collections: dict[str, int]
    noise: NoiseReading | None


class PoolSizesRun(RunAnswer):
    """A run of `pool-sizes`."""

    experiment: Literal["pool-sizes"]
    state: PoolSizesStateAnswer


# Sharing data


class FactAnswer(Answer):
    """A fact about a tool in words."""

    name: str
    value: str


class LockShareAnswer(Answer):
    """What one thread or process had of a lock."""

    name: str
    waits: int
    wait_s: float
    holds: int
    hold_s: float


class ToolAnswer(Answer):
    """One tool for sharing data with what it did."""

    tool: str
    title: str
    between: Literal["threads", "processes"]
    expected: int | str
    actual: int | str
    correct: bool
    wrong_by_design: bool
    lost: int | None
    operation: str
    operations_a_round: int
    operations_per_s: TimingAnswer
    seconds_per_operation: TimingAnswer
    copies: str
    use: str
    explanation: str
    code: str
    facts: list[FactAnswer]
    threads: list[LockShareAnswer]


class MissingTool(Answer):
    """A tool that this Python does not have, and why."""

    tool: str
    reason: str


class FailedTool(Answer):
    """A tool that raised."""

    tool: str
    type: str
    message: str
    traceback: str


class SharingStateAnswer(Answer):
    """The state of a run of `sharing`."""

    tools: list[ToolAnswer]
    missing: list[MissingTool]
    failed: list[FailedTool]
    waiting: list[str]
    done: float
    total: float
    seconds_left: float | None
    note: str
    operations: int
    workers: int
    repeats: int
    start_method: str
    seed: int | None
    noise: NoiseReading | None


class SharingRun(RunAnswer):
    """A run of `sharing`."""

    experiment: Literal["sharing"]
    state: SharingStateAnswer


# Failures


class ExceptionAnswer(Answer):
    """An exception that surfaced."""

    type: str
    message: str
    traceback: str


class MomentAnswer(Answer):
    """Something that happened, in seconds of its case."""

    at: float
    text: str
    state: str
    actor: str


class CaseAnswer(Answer):
    """One case of a scenario: what ended how, who was told, what was kept, lost and left."""

    case: str
    outcome: str
    sentence: str
    surfaced_in: str
    exception: ExceptionAnswer | None
    noticed_s: float | None
    kept: list[str]
    lost: list[str]
    cleaned: str
    orphans: list[str]
    left: dict[str, list[str]]
    exit: dict[str, Any] | None
    seconds: float | None
    moments: list[MomentAnswer]
    facts: dict[str, Any]


class ScenarioAnswer(Answer):
    """One scenario, told by its first case; the other fields of that case are missing before it has begun."""

    model_config = ConfigDict(extra="allow")

    scenario: str
    title: str
    outcome: str
    surfaced_in: str
    exception: ExceptionAnswer | None
    kept: list[str]
    lost: list[str]
    orphans: list[str]
    seconds: float | None
    explanation: str
    cases: list[CaseAnswer]


class MatrixAnswer(Answer):
    """One fault under one kind of pool."""

    fault: str
    tool: str
    outcome: str
    exception: str | None
    surfaced_in: str
    kept: int
    lost: int


class FailuresStateAnswer(Answer):
    """The state of a run of `failures`."""

    scenarios: list[ScenarioAnswer]
    matrix: list[MatrixAnswer]
    left: dict[str, list[str]]
    done: int
    total: int


class FailuresRun(RunAnswer):
    """A run of `failures`."""

    experiment: Literal["failures"]
    state: FailuresStateAnswer


# Which pool


class BreakdownAnswer(Answer):
    """Where the workers' time went, in shares of 1; `compute` is the sum of `on_cpu` and `off_cpu`."""

    startup: float
    dispatch: float
    on_cpu: float
    off_cpu: float
    idle: float
    shutdown: float
    compute: float


class CellAnswer(Answer):
    """One configuration; `own_speedup` is over the plain loop of its own Python."""

    kind: str
    size: int
    chunksize: int
    wall_s: TimingAnswer
    speedup: EstimateAnswer
    cpu_share: float | None
    memory_per_worker: int | None
    breakdown: BreakdownAnswer | None
    python: str
    start_method: str
    max_tasks: int
    chunk_used: int | None
    native_threads: int
    own_speedup: EstimateAnswer
    start_s: TimingAnswer
    first_ready_s: TimingAnswer
    imported_s: TimingAnswer
    stop_s: TimingAnswer
    total_s: TimingAnswer
    memory: MemoryReading | None
    collections: int | None
    passes: int
    hosts: list[str] = Field(description="Where an engine's workers are; empty for the standard library's pools.")
    cluster_start_s: float | None = Field(
        description="What the run's own cluster took to start, once for all repetitions; total_s holds it, start_s not."
    )
    sent_bytes: int | None = Field(description="Over the network, in one map; None where no engine was asked.")
    received_bytes: int | None
    shipped: ShippedOnce | None = Field(
        description="Maps with everything sent in every task and with function and items on the workers beforehand."
    )
    lost_workers: int = Field(description="Those that died while others went on, in all repetitions.")
    retried: int = Field(description="The tasks of lost workers, which were done again.")
    dropped: DroppedAnswer | None
    skipped: str | None
    breakage: Breakage | None
    differs: str | None
    untraced: str | None


class LoopAnswer(Answer):
    """A plain loop."""

    python: str
    native_threads: int
    wall_s: TimingAnswer
    speedup: EstimateAnswer
    cpu_share: float | None
    collections: int | None
    passes: int
    skipped: str | None


class WhichPoolVerdict(Answer):
    """The verdict: `kind`, `size` and `chunksize` are None without a clear winner; `also` are those as fast."""

    kind: str | None
    size: int | None
    chunksize: int | None
    speedup: EstimateAnswer | None
    sentence: str
    reasons: list[str]
    outcome: str
    python: str | None = None
    start_method: str | None = None
    max_tasks: int | None = None
    chunk_used: int | None = None
    native_threads: int | None = None
    best: ConfigurationAnswer | None = None
    also: list[ConfigurationAnswer] = []


class CurvePoint(Answer):
    """A point of a fitted curve."""

    workers: int
    speedup: float
    low: float | None
    high: float | None


class FitAnswer(Answer):
    """A fitted scalability curve, or `why` the points bear none."""

    kind: str
    supported: bool
    why: str
    sizes: list[int]
    law: str | None
    serial: EstimateAnswer | None
    crosstalk: EstimateAnswer | None
    one_worker: EstimateAnswer | None
    peak_workers: EstimateAnswer | None
    peak_speedup: EstimateAnswer | None
    r2: float | None
    curve: list[CurvePoint]


class PythonAnswer(Answer):
    """One Python; `kinds` says of each kind of pool why it can't do the work, None where it can."""

    label: str
    version: str
    gil: bool | None
    implementation: str
    kinds: dict[str, str | None]
    why_not: str | None
    preflight: TrialReport | None


class WhichPoolStateAnswer(Answer):
    """The state of a run of `which-pool`."""

    serial: TimingAnswer
    loops: list[LoopAnswer]
    cells: list[CellAnswer]
    verdict: WhichPoolVerdict | None
    fits: list[FitAnswer]
    pythons: list[PythonAnswer]
    done: float
    total: float
    seconds_left: float | None
    note: str
    map_progress: MapProgress | None = Field(description="Of an engine's map that goes on for more than a second.")
    repeats: int | None
    rounds: RoundsAnswer
    items: int | None
    seed: int | None
    cpu: EffectiveCpus | None
    machine: MachineFacts | None
    calibration: Calibration | None
    noise: NoiseReading | None


class WhichPoolRun(RunAnswer):
    """A run of `which-pool`."""

    experiment: Literal["which-pool"]
    state: WhichPoolStateAnswer


AnyRun = Annotated[
    SharedListRun | FactorialsRun | PoolSizesRun | SharingRun | FailuresRun | WhichPoolRun,
    Field(discriminator="experiment"),
]


# Trace


class TraceEvent(Answer):
    """One event: the name of a row (ph M), or a span (ph X) with its begin and duration in microseconds."""

    ph: Literal["M", "X"]
    name: str
    pid: int
    tid: int | None = None
    cat: str | None = None
    ts: float | None = None
    dur: float | None = None
    args: Mapping[str, str] | None = None


class TraceAnswer(Answer):
    """A run's spans in the Trace Event Format."""

    traceEvents: list[TraceEvent]
    displayTimeUnit: Literal["ms"]
    otherData: dict[str, str]
