"""The one table of limits: what each bounds, at one's own machine and in the public demo, and why the demo has less.

Each is a setting of that name; a demo's host may set any of them. Where nothing is set, the value is the first one, or
with `--demo` the second.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound: its `usual` value, the `demo`'s and the reason where that is another, and the `least` allowed."""

    usual: int
    demo: int
    least: int
    what: str
    why: str = ""

    @property
    def description(self) -> str:
        """What it bounds, and what the demo makes of it."""
        return f"{self.what} In the demo {self.demo}: {self.why}." if self.why else self.what


LIMITS = {
    # What one run may ask for. A parameter names the limit that it is under.
    "most_workers": Limit(
        64, 8, 1, "Workers in one pool.", "twice the CPUs of a small machine are enough to see the effect"
    ),
    "most_threads": Limit(256, 8, 1, "Threads of one kind that a run may ask for.", "each can keep a CPU busy"),
    "most_seconds": Limit(3600, 30, 1, "Seconds that a run may ask for.", "somebody else is waiting for a turn"),
    "most_items": Limit(
        100_000, 2_000, 1, "Items, numbers or operations that a run may ask for.", "more would show nothing new"
    ),
    "most_repeats": Limit(100, 20, 1, "Repetitions that a run may ask for.", "enough to see how much the times vary"),
    "run_s": Limit(
        0, 120, 0, "Seconds that one run may last, whatever it asked for; 0 = no limit.", "others wait for a turn"
    ),
    "run_cpu_s": Limit(0, 300, 0, "CPU seconds that one run may use; 0 = no limit.", "others wait for the CPUs"),
    "records_mib": Limit(
        256,
        64,
        1,
        "How large the records of one run may grow, in MiB; those of live runs are held in memory.",
        "together they must fit into little memory",
    ),
    # How many runs there may be.
    "live_limit": Limit(
        8, 4, 1, "Live runs side by side; measured runs always take turns.", "the pages need CPU time, too"
    ),
    "live_of_visitor": Limit(64, 2, 1, "Live runs of one visitor side by side.", "enough to compare two"),
    "busy_limit": Limit(
        0,
        0,
        0,
        "How many threads and processes of all live runs may want a CPU at once; runs that don't fit wait. 0 = 48 per "
        "usable CPU, at least 96, at which the server still responds promptly.",
    ),
    "process_limit": Limit(
        0, 0, 0, "Processes and threads of all live runs; 0 = the container's limit minus 64, or 1,024."
    ),
    "memory_mib": Limit(
        0,
        0,
        0,
        "Memory of all live runs, in MiB; 0 = three quarters of what the machine or its container has, leaving at "
        "least 256.",
    ),
    "queue_limit": Limit(
        20, 600, 1, "How many runs may wait; any more are refused with 503.", "a class of 300 may want two each"
    ),
    "queued_of_visitor": Limit(1000, 2, 1, "How many runs of one visitor may wait.", "nobody can fill the queue alone"),
    "starts_per_minute": Limit(
        60,
        12,
        1,
        "Runs that one visitor may start per minute; any more are refused with 429.",
        "as often as anybody can look at the results",
    ),
    "starts_of_address": Limit(
        600,
        600,
        1,
        "Runs that all visitors from one address may start per minute; any more are refused with 429. A class behind "
        "one gateway starts all at once.",
    ),
    "gone_after": Limit(
        300,
        300,
        30,
        "Seconds after which a waiting run of the demo is given up if its visitor shows no sign of life; a hidden tab "
        "shows none, but may come back.",
    ),
    "viewers": Limit(2000, 2000, 1, "Open streams; any more are refused with 503."),
    "streams_of_visitor": Limit(
        2000,
        20,
        1,
        "Open streams of one visitor, including those of records; any more are refused with 429.",
        "each tab or program has one",
    ),
}
# Those that parameters are under.
OF_A_RUN = ("most_workers", "most_threads", "most_seconds", "most_items", "most_repeats", "run_s")
