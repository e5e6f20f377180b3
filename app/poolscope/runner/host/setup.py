"""What this Python is and has; opens a work: one that is built in, with its calibration, or a user's function."""

from __future__ import annotations

import inspect
import multiprocessing
import os
import platform
import sys
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.commands import OpenWork, WorkOpened
from poolscope.protocol.kinds import ENGINES, KINDS, kind_of_cluster
from poolscope.protocol.payloads import Calibration, InterpreterFacts
from poolscope.protocol.work_names import WorkNames
from poolscope.runner.host import user_code
from poolscope.runner.host.errors import OrderRefused, WorkUnusable
from poolscope.runner.host.fresh_items import Original, originals_of
from poolscope.runner.host.user_modules import UserModules

# Now: asyncio would else be a part of the first repetition, or be looked for on a user's path by then.
from poolscope.runner.pools import asyncio_  # noqa: F401
from poolscope.runner.pools.kinds import lacking
from poolscope.runner.pools.start_methods import replaces_every_worker
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.work import Work, set_up

if TYPE_CHECKING:
    from poolscope.runner.pools.own_cluster import OwnClusters  # late: where no engine is asked for, nothing needs it


def interpreter_facts() -> InterpreterFacts:
    """This Python, its start methods (its own first choice apart), and why it has not got a kind (None: it has)."""
    return InterpreterFacts(
        version=platform.python_version(),
        implementation=platform.python_implementation(),
        gil=gil_enabled(),
        executable=sys.executable,
        start_method=multiprocessing.get_context().get_start_method(),
        start_methods=tuple(multiprocessing.get_all_start_methods()),
        kinds={kind: lacking(kind) for kind in (*KINDS, *ENGINES)},
        executor_replaces=replaces_every_worker(),
    )


def gil_enabled() -> bool:
    """Whether threads take turns; a module that is not ready for free threads can bring that back."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


@dataclass
class OpenedWork:
    """A work, and what comparing needs. `function` is what to call it; `expected` the loop's results, once known.

    `original` are all items as they were, where they can be copied and calls may change them. `own_threads` were
    alive before it was opened; `import_s` is how long a user's function and set-up took to import. The calls drew
    from the random generators `drawn`, and changed the globals `changed`.
    """

    work: Work
    function: str
    opened: WorkOpened
    own_threads: Sequence[threading.Thread] = ()
    expected: list[Any] | None = None
    original: Original | None = None
    drawn: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    import_s: float | None = None

    @property
    def is_async(self) -> bool:
        return self.work.function is self.work.coroutine

    def give_fresh_items(self, kept: Original) -> None:
        """Let the work have its items as they were, and every pass copies of them."""
        self.original = kept
        self.work = replace(self.work, items=kept.copy(), fresh=kept.copy)

    def work_threads(self, before: Collection[threading.Thread] = ()) -> tuple[str, ...]:
        """The names of the threads of the work that are alive in this process, without those that were so `before`."""
        others = (*self.own_threads, *before)
        return tuple(sorted(thread.name for thread in threading.enumerate() if thread not in others))


def open_work(order: OpenWork, announce: Callable[[str], None]) -> OpenedWork:
    """Make what the order asks for ready to be mapped. Raises OrderRefused."""
    asked = order.work
    clusters = clusters_for(order)
    if ":" in asked.name:
        own = open_own(asked, Path(order.scratch), announce, order.is_async)
        own.work = with_engines(own.work, clusters, order, announce)
        if order.fresh and (kept := originals_of(own.work.items)):
            own.give_fresh_items(kept)
        return own
    announce(f"setting up {asked.name}")
    row = WORKLOADS.get(asked.name)
    if row is None:
        raise OrderRefused(f"There is no built-in work {asked.name}.")
    scratch = Path(order.scratch)
    work = set_up(asked.name, asked.work_ms, asked.items or None, scratch, order.rounds, first=asked.first)
    work = with_engines(work, clusters, order, announce)
    length_ms = asked.work_ms or row.work_ms
    calibration = None if work.rounds is None else Calibration(work.rounds, length_ms, work.one_call_s)
    return OpenedWork(work, asked.name, WorkOpened(len(work.items), calibration=calibration))


def clusters_for(order: OpenWork) -> OwnClusters | None:
    """Clusters of the run's own, none of them started; None where no engine is asked for, which needs nothing of it.

    To be called before the user's modules are imported, since ray may be among what they import.
    """
    if not order.work.packages:
        return None
    from poolscope.runner.pools.own_cluster import OwnClusters, ray_environment

    if kind_of_cluster(order.work.cluster) != "ray":
        os.environ.update(ray_environment())
    return OwnClusters(order.scratch)


def with_engines(work: Work, clusters: OwnClusters | None, order: OpenWork, announce: Callable[[str], None]) -> Work:
    """The work with what pools from outside the standard library need; nothing of it is started yet."""
    work = replace(work, executor=given_executor(order, announce), cluster=order.work.cluster)
    if clusters is None:
        return work
    close_work = work.close

    def close() -> None:
        clusters.end()
        close_work()

    return replace(work, own_clusters=clusters, close=close)


def given_executor(order: OpenWork, announce: Callable[[str], None]) -> Callable[[int], Any] | None:
    """The factory of an executor of the user's own, where one was named. Raises WorkUnusable."""
    asked = order.work
    if not asked.executor:
        return None
    announce(f"importing {asked.executor}")
    place, _, name = asked.executor.rpartition(":")
    modules = UserModules(asked.folder, asked.path, Path(order.scratch))
    modules.locate([place])
    factory = user_code.callable_at((place, name), modules)
    try:
        inspect.signature(factory).bind(1)
    except ValueError:  # some callables that are not written in Python don't tell
        pass
    except TypeError as error:
        raise WorkUnusable(
            f"{asked.executor} can't be called with a number of workers: {error}. A factory takes that as its one "
            "argument and returns a context-managed concurrent.futures.Executor."
        ) from None
    return factory


def open_own(asked: BenchmarkWork, scratch: Path, announce: Callable[[str], None], is_async: bool) -> OpenedWork:
    own_threads = threading.enumerate()
    loaded = user_code.load(asked, scratch, announce)
    left_out = set(asked.left_out)
    items = [item for number, item in enumerate(loaded.items) if number not in left_out]
    coroutine = loaded.function if loaded.is_async or is_async else None
    work = Work(loaded.function, items, coroutine, loaded.setup, calling=loaded.calling)
    opened = WorkOpened(len(items), loaded.cut, imports=loaded.imports, found_in=loaded.found_in, made=loaded.made)
    function = user_code.in_words(WorkNames.of(asked.name).function)
    return OpenedWork(work, function, opened, own_threads, import_s=loaded.import_s)
