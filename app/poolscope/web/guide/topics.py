"""The guide's pages in reading order, and the runs that they start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolscope.errors import UnknownTopic
from poolscope.web.forms import as_text


@dataclass(frozen=True, slots=True)
class Topic:
    """One page: `name` is the end of its address, `about` the sentence under its title."""

    name: str
    title: str
    about: str
    reading: bool = True  # one of the pages that are read in order

    @property
    def href(self) -> str:
        return f"/guide/{self.name}"

    @property
    def place(self) -> str:
        """'2 of 4', '' for what is not read in order."""
        readings = [topic for topic in TOPICS if topic.reading]
        return f"{readings.index(self) + 1} of {len(readings)}" if self.reading else ""

    @property
    def template(self) -> str:
        return f"guide/{self.name.replace('-', '_')}.html"


TOPICS = (
    Topic(
        "threads-or-processes",
        "Threads or processes",
        "Threads wait well, processes compute well. The rest is what each costs, and what happens when one breaks.",
    ),
    Topic(
        "process-pools",
        "What a process pool does",
        "A few workers that stay, a queue of tasks in front of them, and results on the way back.",
    ),
    Topic(
        "sharing-data",
        "Sharing data",
        "Threads share everything and must take turns. Processes share nothing and must send.",
    ),
    Topic(
        "failing-safely",
        "Failing safely",
        "What goes wrong in a worker is silent unless somebody asks. How to find out, and how to stop waiting.",
    ),
    Topic(
        "your-own-work",
        "Measuring your own work",
        "How to measure a function of yours, how long that takes, and what its first calls reveal.",
    ),
    Topic(
        "beyond-one-machine",
        "When one machine is not enough",
        "Worker processes that live on, clusters, and any executor of your own: what they add, and what they cost.",
    ),
    Topic(
        "hosting-a-demo",
        "Hosting a demo",
        "From docker compose up to a class of 300: what to start, what strangers may do, and what to watch.",
        reading=False,
    ),
    Topic("glossary", "Glossary", "The words of these pages, a sentence or two each.", reading=False),
)


def find(name: str) -> Topic:
    """The page of that name. Raises UnknownTopic."""
    for topic in TOPICS:
        if topic.name == name:
            return topic
    raise UnknownTopic(name, tuple(topic.name for topic in TOPICS))


def beside(topic: Topic) -> tuple[Topic | None, Topic | None]:
    """The pages before and after this one in reading order."""
    place = TOPICS.index(topic)
    return (TOPICS[place - 1] if place else None), (TOPICS[place + 1] if place + 1 < len(TOPICS) else None)


@dataclass(frozen=True, slots=True)
class Preset:
    """A run that a page starts: `params` leaves out what may stay as it is, `does` says it in words."""

    experiment: str
    params: Mapping[str, Any]
    does: str

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """What its form sends, names and values."""
        return (("experiment", self.experiment), *((name, as_text(value)) for name, value in self.params.items()))


PRESETS: dict[str, Preset] = {
    "waiting": Preset(
        "which-pool",
        {"workload": "sleep", "work_ms": 20, "items": 40, "kinds": ["thread", "process"], "sizes": [1, 2, 4]},
        "Map waiting work in threads and processes",
    ),
    "computing": Preset(
        "which-pool",
        {"workload": "sum-of-squares", "work_ms": 10, "items": 40, "kinds": ["thread", "process"], "sizes": [1, 2, 4]},
        "Map computing work in threads and processes",
    ),
    "engines-computing": Preset(
        "which-pool",
        {
            "workload": "sum-of-squares",
            "work_ms": 20,
            "items": 40,
            "kinds": ["thread", "process", "loky", "joblib", "dask"],
            "sizes": [2],
            "repeats": 3,
        },
        "Map computing work in threads, processes, loky, joblib and dask",
    ),
    "engines-arguments": Preset(
        "which-pool",
        {
            "workload": "large-arguments",
            "kinds": ["thread", "process", "loky", "joblib", "dask"],
            "sizes": [2],
            "repeats": 3,
        },
        "Map work with large arguments in threads, processes, loky, joblib and dask",
    ),
    "engines-crashes": Preset(
        "failures",
        {"scenarios": ["side-by-side"], "engines": ["loky", "dask"]},
        "Break a worker under each kind of pool, loky and dask too",
    ),
    "messages": Preset("sharing", {"tools": ["queue", "mp-queue"]}, "Time a queue of threads and one of processes"),
    "tools": Preset("sharing", {}, "Show and time every tool"),
    "crashes": Preset("failures", {"scenarios": ["side-by-side"]}, "Break a worker under each kind of pool"),
    "scenarios": Preset("failures", {}, "Run every scenario"),
    "pool-of-three": Preset(
        "pool-sizes",
        {"sizes": [3], "first": 1, "last": 5, "workload": "square-sleep", "repeats": 1},
        "Square five numbers with a wait of 1 s in a pool of 3",
    ),
    "five-processes": Preset(
        "pool-sizes",
        {"sizes": [5], "first": 1, "last": 5, "workload": "square-sleep", "work_ms": 200, "repeats": 1},
        "Give five processes one task each",
    ),
    "sizes": Preset("pool-sizes", {}, "Square 1 to 10 in pools of 2, 4, 6 and 8"),
    "order": Preset("factorials", {}, "Watch ten factorials come back from a pool of 5 threads"),
    "list": Preset("shared-list", {}, "Add and remove under a lock for 10 s"),
    "list-unguarded": Preset(
        "shared-list",
        {"guard": "none", "producers": 4, "consumers": 4, "delay_min": 0, "delay_max": 0.01, "seconds": 3},
        "The same without a lock",
    ),
}
