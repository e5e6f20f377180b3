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
    "most_workers": Limit(64, 8, 1, "Workers in one pool.", "twice the CPUs of a small machine show all that there is"),
    "most_threads": Limit(256, 8, 1, "Threads of one kind that a run may ask for.", "each may keep a CPU busy"),
    "most_seconds": Limit(3600, 30, 1, "Seconds that a run may ask for.", "somebody else is waiting for a turn"),
    "most_items": Limit(
        100_000, 2_000, 1, "Items, numbers or operations that a run may ask for.", "more of them show nothing new"
    ),
    "most_repeats": Limit(100, 20, 1, "Repetitions that a run may ask for.", "they show how much the times waver"),
    "run_s": Limit(
        0, 120, 0, "Seconds that one run may last, whatever it asked for; 0: any.", "others wait for a turn"
    ),
    "run_cpu_s": Limit(0, 300, 0, "CPU seconds that one run may take; 0: any.", "others wait for the CPUs"),
    "records_mib": Limit(
        256,
        64,
        1,
        "Size that one run's records may reach, in MiB: the server holds those of live runs.",
        "all of them together must fit into a small memory",
    ),
    # How many runs there may be.
    "live_limit": Limit(
        8, 4, 1, "Live runs side by side; measured runs always take turns.", "the pages need a CPU, too"
    ),
    "live_of_visitor": Limit(64, 2, 1, "Live runs of one visitor side by side.", "two can be compared"),
    "busy_limit": Limit(
        0,
        0,
        0,
        "Threads and processes of all live runs that may want a CPU at once; what does not fit waits. 0: 48 for each "
        "usable CPU, at least 96, with which the server still answers at once.",
    ),
    "process_limit": Limit(
        0, 0, 0, "Processes and threads of all live runs; 0: the container's limit less 64, or 1,024."
    ),
    "memory_mib": Limit(
        0,
        0,
        0,
        "Memory of all live runs, in MiB; 0: three quarters of what the machine or its container has, and 256 less "
        "than that at the most.",
    ),
    "queue_limit": Limit(
        20, 600, 1, "Runs that may wait; one more is refused with 503.", "a class of 300 may want two each"
    ),
    "queued_of_visitor": Limit(1000, 2, 1, "Runs of one visitor that may wait.", "nobody fills the queue alone"),
    "starts_per_minute": Limit(
        60, 12, 1, "Runs that one visitor may start in a minute, else 429.", "as often as somebody looks at the answer"
    ),
    "starts_of_address": Limit(
        600,
        600,
        1,
        "Runs that all visitors of one address may start in a minute, else 429: a class behind one gateway starts at "
        "once.",
    ),
    "gone_after": Limit(
        300,
        300,
        30,
        "Seconds after which a run of the demo no longer waits whose visitor neither looks nor asks: a hidden tab "
        "gives no sign of life, and comes back.",
    ),
    "viewers": Limit(2000, 2000, 1, "Open streams; one more is refused with 503."),
    "streams_of_visitor": Limit(
        2000,
        20,
        1,
        "Open streams of one visitor, those of records too, else 429.",
        "a tab has one, and so has a program",
    ),
}
# Those that parameters are under.
OF_A_RUN = ("most_workers", "most_threads", "most_seconds", "most_items", "most_repeats", "run_s")
