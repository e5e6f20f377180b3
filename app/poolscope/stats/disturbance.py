"""Judges whether something else on the machine spoiled a measurement, by which signs, and where it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Literal, NamedTuple

from poolscope.protocol.payloads import NoiseReading

# A map waits for its slowest worker, so one that is held up by a tenth lengthens the map by a tenth: more than the
# spread of quiet runs. Measured on 2 CPUs: quiet 1.00 to 1.01, one busy neighbour 1.3 to 1.5, two 1.9 to 2.0.
HELD_UP = 1.10
# Where others use so much of n CPUs that all work for us, a map takes n / (n - used) times as long, and the plain loop,
# which finds a free CPU, does not. A gain is understated by that: from the same tenth on, by more than what separates
# configurations that count as equally fast. Quiet machines show 0.01 to 0.11 on 2 CPUs, the server's share included.
LOST_SHARE = 1 - 1 / HELD_UP
# However many CPUs there are: one that others keep busy for a quarter holds up the worker on it, and the map with it.
OTHERS_BUSY_CPUS = 0.25
# Where the server's own process used so much of what it used with its other runs, there were none worth the name.
ALONE_SHARE = 0.90
# And the same tenth, as the share of the usable CPUs that spinning processes did not get.
EFFECTIVE_SHARE = 0.90
# The scheduler takes turns of some milliseconds: tasks must add up to several before their total shows the others.
ENOUGH_CPU_S = 0.05
# Reading two clocks costs up to a microsecond, which must stay under a hundredth of a task.
SHORTEST_TASK_CPU_S = 1e-4
# Busy ticks are 10 ms a CPU: in less than half a second their rounding alone could reach the threshold.
SHORTEST_WALL_S = 0.5
# A neighbour on the same core but in another virtual machine, or a changing clock: of how many equal loops the middle
# half differs by how much. Fewer say too little; a smaller difference moves no comparison, whose settings take turns.
FEWEST_FIXED_LOOPS = 5
SPEED_CHANGED = 1.15


@dataclass(frozen=True)
class TracedTasks:
    """CPU-bound tasks traced with so many workers: (wall seconds, CPU seconds) each, both read in the worker.

    Only for workers in which nothing else runs, the plain loop and processes: threads wait for the GIL. `handed_out`:
    another process gave the workers their items, and took CPU time for that.
    """

    workers: int
    tasks: tuple[tuple[float, float], ...]
    handed_out: bool = False

    def had_cpus(self, usable_cpus: int, *, beside: bool) -> bool:
        """Whether there was a CPU for each worker and, where it counts, for the process `beside` them."""
        return self.workers + (self.handed_out and beside) <= usable_cpus


# What a detector shows: how much longer than their CPU time tasks took; what other programs used, and whether our
# workers left as much free; how often a quota held us back; what spinning processes got.
SignCode = Literal[
    "too few tasks",
    "tasks",
    "others unknown",
    "others idle",
    "others on free CPUs",
    "others in the way",
    "throttled",
    "effective CPUs",
]


# Who used the CPUs: programs that are none of ours, our server with its other runs, or each so much that it would do;
# 'pages' where it was hardly any other run, but the server itself, for the pages that somebody looked at.
By = Literal["others", "server", "both", "pages", "pages and others"]
BY_RUNS: tuple[By, By] = ("server", "both")
BY_PAGES: tuple[By, By] = ("pages", "pages and others")


@dataclass(frozen=True)
class Sign:
    """What one detector shows, and its figures; `by` says whose doing it is, where what others used is what it shows.

    `others_cpus` are those of all but our own processes, of which `server_cpus` are the server's and its other runs',
    and `rest_cpus` those of other programs.
    """

    code: SignCode
    numbers: Mapping[str, float]
    by: By = "others"


@dataclass(frozen=True)
class Disturbance:
    """The judgement: True, False or None for 'cannot tell', and the signs that it rests on.

    `wall_over_cpu` is 1.0 for tasks that nothing held up; `others_cpus` are CPUs that others kept busy on average, and
    `server_cpus` those of them that our server and its other runs did; all are None where the data do not give them.
    """

    disturbed: bool | None
    signs: tuple[Sign, ...]
    wall_over_cpu: float | None
    others_cpus: float | None
    server_cpus: float | None = None

    @property
    def in_the_way(self) -> Sign | None:
        """That others used CPUs which our workers needed; None where they did not, or it can't be told."""
        return next((sign for sign in self.signs if sign.code == "others in the way"), None)


class _Check(NamedTuple):
    spoiled: bool | None
    sign: Sign
    settles: bool = False  # whether a good result alone shows a quiet machine


def beside_us(noise: NoiseReading | None) -> tuple[float | None, int | None]:
    """Of what was read: seconds of CPU that others used, and the rise of nr_throttled; None where it is not known."""
    if noise is None:
        return None, None
    before, after = noise.throttled_before, noise.throttled_after
    known = noise.host_busy_s is not None and noise.own_cpu_s is not None
    others = max(0.0, (noise.host_busy_s or 0.0) - (noise.own_cpu_s or 0.0)) if known else None
    return others, None if before is None or after is None else after - before


def disturbance(
    traced: Sequence[TracedTasks],
    *,
    workers: int,
    usable_cpus: int,
    host_cpus: int,
    wall_s: float,
    others_cpu_s: float | None,
    throttled_rise: int | None = None,
    effective_cpus: float | None = None,
    server_cpu_s: float | None = None,
    server_alone_cpu_s: float | None = None,
) -> Disturbance:
    """Weighs the detectors of rule 10 (measuring.md) for one run; any that shows a disturbance is enough.

    `traced` is empty where the work waits instead of computing. Tasks that were held up by our own processes prove
    nothing: those of more workers than CPUs, and, where it is known what others used, those of as many workers beside
    a process that hands out large items. `workers` is the most that could run at once in any configuration: of threads
    that take turns for the GIL it is one.
    `wall_s` is the time during which others (all but our own processes) used `others_cpu_s` seconds of CPU, None if
    unknown; `server_cpu_s` of them are those of our server and its other runs, and `server_alone_cpu_s` of these the
    server's own. `throttled_rise` is how far nr_throttled rose, None without a quota. `effective_cpus` is the CPU time
    per wall second that spinning processes got, None if not measured. Load average is no detector: quiet and spoiled
    runs read alike.
    """
    others = max(0.0, others_cpu_s / wall_s) if others_cpu_s is not None and wall_s >= SHORTEST_WALL_S else None
    # By rounding, a part may be more than the whole.
    server = None if others is None or server_cpu_s is None else min(others, max(0.0, server_cpu_s / wall_s))
    alone = bool(server_cpu_s and server_alone_cpu_s and server_alone_cpu_s >= ALONE_SHARE * server_cpu_s)
    wall_over_cpu = _wall_over_cpu([each for each in traced if each.had_cpus(usable_cpus, beside=others is not None)])
    spare = host_cpus - min(workers, usable_cpus)
    checks = (
        _tasks(wall_over_cpu),
        _others(others, server, alone, host_cpus, spare),
        *_throttling(throttled_rise),
        *_effective(effective_cpus, usable_cpus),
    )
    disturbed = True if any(check.spoiled for check in checks) else _quiet(checks)
    signs = tuple(check.sign for check in checks if check.spoiled is disturbed)
    return Disturbance(disturbed, signs, wall_over_cpu, others, server)


class SpeedRange(NamedTuple):
    """The middle half of what a loop that is always the same took, in seconds of CPU time."""

    shortest_s: float
    longest_s: float

    @property
    def changed(self) -> bool:
        return self.longest_s > SPEED_CHANGED * self.shortest_s


def speed_range(fixed_loop_s: Sequence[float]) -> SpeedRange | None:
    """How far the speed of the CPUs changed; None where there are too few loops to tell."""
    if len(fixed_loop_s) < FEWEST_FIXED_LOOPS:
        return None
    shortest_s, _, longest_s = quantiles(fixed_loop_s, n=4, method="inclusive")
    return SpeedRange(shortest_s, longest_s)


def _quiet(checks: Sequence[_Check]) -> bool | None:
    return False if any(check.settles and check.spoiled is False for check in checks) else None


def _wall_over_cpu(traced: Sequence[TracedTasks]) -> float | None:
    """Total wall over total CPU time of the tasks.

    Totals, since tasks shorter than the scheduler's turn mostly run undisturbed and a few pay for all: beside one busy
    process, 1 ms tasks had a median ratio of 1.00 and a total of 1.32.
    """
    tasks = [task for each in traced for task in each.tasks]
    wall, cpu = sum(wall for wall, _ in tasks), sum(cpu for _, cpu in tasks)
    if cpu < ENOUGH_CPU_S or cpu / len(tasks) < SHORTEST_TASK_CPU_S:
        return None
    return wall / cpu


def _tasks(ratio: float | None) -> _Check:
    if ratio is None:
        return _Check(None, Sign("too few tasks", {}))
    return _Check(ratio > HELD_UP, Sign("tasks", {"wall_over_cpu": ratio}), True)


def _others(others: float | None, server: float | None, alone: bool, host_cpus: int, spare: int) -> _Check:
    if others is None:
        return _Check(None, Sign("others unknown", {"least_s": SHORTEST_WALL_S}))
    numbers: dict[str, float] = {"others_cpus": others, "host_cpus": host_cpus, "spare": spare}
    little = min(OTHERS_BUSY_CPUS, LOST_SHARE * host_cpus)
    if others <= little:
        return _Check(False, Sign("others idle", numbers), True)
    by: By = "others"
    if server is not None and server > little:
        by_server, by_both = BY_PAGES if alone else BY_RUNS
        by = by_both if others - server > little else by_server
        numbers |= {"server_cpus": server, "rest_cpus": others - server}
    if others <= spare:
        return _Check(None, Sign("others on free CPUs", numbers, by))
    return _Check(True, Sign("others in the way", numbers, by))


def _throttling(rise: int | None) -> tuple[_Check, ...]:
    if rise is None:
        return ()
    return (_Check(rise > 0, Sign("throttled", {"times": rise})),)


def _effective(effective: float | None, usable_cpus: int) -> tuple[_Check, ...]:
    if effective is None:
        return ()
    sign = Sign("effective CPUs", {"effective_cpus": effective, "usable_cpus": usable_cpus})
    return (_Check(effective < EFFECTIVE_SHARE * usable_cpus, sign),)
