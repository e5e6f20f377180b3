"""Pools from outside the standard library: loky, joblib, dask, and any executor that a factory of the user's own makes.

They share neither a barrier nor a pipe with this process, and may start fewer workers than they were asked for. So a
pool is ready when as many distinct workers have answered: each first task holds its worker for a moment, and is given
again, held longer, until all have come. Items are handed over in chunks that are cut here, since some of them ignore
the chunk size that their `map` is given; a worker's end is what the engine itself makes of it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib import import_module
from time import monotonic, perf_counter, perf_counter_ns
from typing import Any, TypeVar
from uuid import uuid4

from poolscope.machine.memory import Memory, of_processes
from poolscope.protocol.kinds import PoolUse, chunk_used, kind_of_cluster
from poolscope.protocol.payloads import ShippedOnce
from poolscope.runner.context import RunContext, WorkerDied
from poolscope.runner.pools import handshake, worker_side
from poolscope.runner.pools.handshake import PoolFailed, needed_by_workers
from poolscope.runner.pools.map_watch import HowFar, MapWatch
from poolscope.runner.pools.measurement import Call, HandedChunk, LostWorker, TimedPool, Unmonitored
from poolscope.runner.pools.own_cluster import OwnCluster
from poolscope.runner.pools.worker_side import FirstSign, WorkerAnswer, WorkerMemory
from poolscope.runner.worker_registry import children_but
from poolscope.workloads.work import Work

# How long a first task holds its worker, so that another worker takes the next one: doubled each time one is missing.
HOLD_S = 0.005
LONGEST_HOLD_S = 0.5
CONNECT_LIMIT_S = 10.0
MEMORY_LIMIT_S = 5.0  # for workers to say what they hold
# As often the traced repetition maps with function and items there beforehand, and with both sent, unless it is long.
SHIPPING_TURNS = 5
SHIPPING_S = 2.0

Answer = TypeVar("Answer")


class EnginePool(TimedPool):
    """What engines have in common: the handshake, chunks of our own, and the end of what they have started."""

    in_this_process = False
    over_network = True
    ours: Sequence[int] = ()  # processes of a cluster of our own
    sent: list[HandedChunk]
    back: list[HandedChunk]

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        self.kind = use.kind
        self.sent, self.back = [], []
        self.chunk = chunk_used(use.kind, use.chunksize, len(work.items), use.size)
        self.children_before = multiprocessing.active_children()
        self.threads_before = threading.enumerate()

    def stamped(self) -> Callable[[Any], Any]:
        return partial(worker_side.stamped_anywhere, worker_side.this_process(), self.work.call)

    @contextmanager
    def explaining(self, monitor: Unmonitored) -> Iterator[None]:
        try:
            yield
        except BrokenExecutor as broken:
            reason = next(iter(str(broken).splitlines()), "") or type(broken).__name__
            raise WorkerDied(
                f"{self.kind} lost a worker of {self.size} while its pool was {monitor.phase}: {reason} "
                "What was measured before is kept."
            ) from None

    def wait_until_ready(self, monitor: Unmonitored) -> list[FirstSign]:
        until = monotonic() + handshake.START_LIMIT_S
        hold_s, home = HOLD_S, worker_side.this_process()
        came: dict[tuple[str, int], WorkerAnswer] = {}
        while True:
            left_s = until - monotonic()
            if left_s > 0:
                try:
                    answers = self.first_answers(partial(worker_side.answer_and_hold, home, hold_s), left_s)
                except TimeoutError:
                    answers = []
                for answer in answers:
                    if answer.host != os.uname().nodename:  # its clock is not ours: it had arrived by now
                        answer = answer._replace(sign=answer.sign._replace(arrived=perf_counter_ns()))
                    came.setdefault((answer.host, answer.sign.worker), answer)
            if len(came) >= self.size:
                break
            if left_s <= 0:
                raise PoolFailed(
                    f"{self.kind} was asked for {self.size} workers, and {len(came)} answered within "
                    f"{handshake.START_LIMIT_S:.0f} s. It has started fewer, or they can't be reached."
                )
            hold_s = min(2 * hold_s, LONGEST_HOLD_S)
        cpus = {answer.host: answer.cpus for answer in came.values()}
        self.hosts = tuple(sorted(cpus))
        self.hosts_cpus = sum(cpus.values()) if self.hosts != (os.uname().nodename,) else 0
        first = sorted(came.values(), key=lambda answer: answer.sign.arrived)[: self.size]
        self.worker_hosts = tuple(answer.host for answer in first)
        return [answer.sign for answer in first]

    @abstractmethod
    def first_answers(self, answer: Callable[..., Answer], limit_s: float) -> list[Answer]:
        """Have as many first tasks answered as there are workers to be. Raises TimeoutError where that takes longer."""

    def watched(self, context: RunContext) -> AbstractContextManager[None]:
        return MapWatch(context, self.how_far, len(self.work.items), self.over_network)

    @abstractmethod
    def how_far(self) -> HowFar | None:
        """How far the map is that goes on, asked by another thread; None where the engine does not tell."""

    def memory(self, workers: tuple[int, ...]) -> Memory:
        ours = {child.pid for child in self.children()} | set(self.ours)
        if ours.issuperset(workers) and set(self.worker_hosts) == {os.uname().nodename}:
            return of_processes(workers)
        return self.memory_as_told()

    def memory_as_told(self) -> Memory:
        """By workers that are no processes of ours, on whatever host; fewer than all where not all say it in time."""
        until, hold_s = monotonic() + MEMORY_LIMIT_S, HOLD_S
        told: dict[tuple[str, int], WorkerMemory] = {}
        with suppress(Exception):  # of a worker that has an older version of us; its times count all the same
            while len(told) < self.size and (left_s := until - monotonic()) > 0:
                question = partial(worker_side.tell_memory_and_hold, worker_side.this_process(), hold_s)
                told |= {(answer.host, answer.worker): answer for answer in self.first_answers(question, left_s)}
                hold_s = min(2 * hold_s, LONGEST_HOLD_S)
        here = of_processes([])
        held = [(answer.what, answer.held) for answer in told.values() if answer.held is not None]
        what = max([here.what, *(what for what, _ in held)])  # 'rss' where one has no better
        return Memory(what, tuple(bytes_held for _, bytes_held in held), here.parent)

    def children(self) -> list[Any]:
        return children_but(self.children_before)

    def end(self) -> None:
        """The engine is told to end by a thread of its own, since a broken one may never; then whoever is left is."""
        ending = threading.Thread(target=self.give_up, name="ending", daemon=True)
        ending.start()
        ending.join(handshake.END_LIMIT_S)
        for _ in range(2):  # a replacement may have been on its way at the first look
            left = self.children()
            for process in left:
                process.kill()
            for process in left:
                process.join(handshake.END_LIMIT_S)

    def give_up(self) -> None:
        """End in bounded time what may be broken: whatever it raises, its processes are killed next."""
        with suppress(Exception):
            self.close()


class ChunkedExecutor(EnginePool):
    """An executor from outside: chunks are submitted, and their results asked for in order."""

    manager: AbstractContextManager[Executor]
    executor: Executor
    tasks: list[Future[list[Any]]]  # of the map that goes on, one a chunk

    def __init__(self, use: PoolUse, work: Work) -> None:
        super().__init__(use, work)
        self.tasks = []

    def open(self) -> None:
        self.manager = self.made()
        self.executor = self.manager.__enter__()

    @abstractmethod
    def made(self) -> AbstractContextManager[Executor]:
        """The executor, not yet entered."""

    def first_answers(self, answer: Callable[..., Answer], limit_s: float) -> list[Answer]:
        until = monotonic() + limit_s
        needed = needed_by_workers(self.work)
        tasks = [self.executor.submit(answer, self.work.setup, needed) for _ in range(self.size)]
        return [task.result(max(0.0, until - monotonic())) for task in tasks]

    def traced_map(self, items: Sequence[Any]) -> Call:
        """The line with stamps, and with one as each chunk is handed over and as its results are back."""
        return self.prepared_map(self.stamped(), items, self.submit_followed)

    def submit_followed(self, call: Callable[..., Any], function: Any, chunk: Sequence[Any], **named: Any) -> Any:
        """Not what the executor says is `running()`: dask never says so, and loky of what waits in its pipe."""
        self.sent.append(HandedChunk(perf_counter_ns(), len(chunk)))
        task = self.executor.submit(call, function, chunk, **named)
        task.add_done_callback(lambda _: self.back.append(HandedChunk(perf_counter_ns(), len(chunk))))
        return task

    def prepared_map(
        self, function: Callable[[Any], Any], items: Sequence[Any], submit: Callable[..., Any] | None = None
    ) -> Call:
        submit, run, tasks = submit or self.executor.submit, worker_side.run_chunk, self.tasks
        chunks = [items[at : at + self.chunk] for at in range(0, len(items), self.chunk)]

        def line() -> list[Any]:
            tasks.extend(submit(run, function, chunk) for chunk in chunks)
            results = [result for task in tasks for result in task.result()]
            tasks.clear()  # a cluster keeps its results as long as we keep these
            return results

        return line

    def how_far(self) -> HowFar:
        """By the chunks that have been submitted, while the map goes on submitting others."""
        chunks = [(self.items_of_chunk(number), task.done()) for number, task in enumerate(tuple(self.tasks))]
        return HowFar(sum(items for items, _ in chunks), sum(items for items, done in chunks if done))

    def items_of_chunk(self, number: int) -> int:
        """The last one may be shorter."""
        return min(self.chunk, len(self.work.items) - number * self.chunk)

    def close(self) -> None:
        self.manager.__exit__(None, None, None)

    def give_up(self) -> None:
        with suppress(Exception):
            self.executor.shutdown(wait=False)
        super().give_up()


class LokyPool(ChunkedExecutor):
    """loky's ProcessPoolExecutor: its workers are neither forked nor import `__main__`, and get functions by value."""

    over_network = False  # but through pipes

    def made(self) -> AbstractContextManager[Executor]:
        made: AbstractContextManager[Executor] = import_module("loky").ProcessPoolExecutor(self.size)
        return made

    def give_up(self) -> None:
        with suppress(Exception):
            self.executor.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]  # loky has it


WANTED = "It must return a context-managed concurrent.futures.Executor."


def described(made: Any) -> str:
    """What a factory gave, by its class."""
    return "None" if made is None else f"a {type(made).__qualname__}"


class GivenExecutor(ChunkedExecutor):
    """What the user's own factory makes for so many workers."""

    def made(self) -> AbstractContextManager[Executor]:
        factory = self.work.executor
        if factory is None:
            raise PoolFailed("No factory of an executor was given.")
        made = factory(self.size)
        if not hasattr(made, "__enter__"):
            raise PoolFailed(f"The factory gave {described(made)}, which is no context manager. {WANTED}")
        executor: AbstractContextManager[Executor] = made
        return executor

    def open(self) -> None:
        self.path_before = os.environ.get("PYTHONPATH")
        # For workers that are programs of their own, as Parsl's, executorlib's and MPI's are: they find modules where
        # we do, ours among them.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        try:
            super().open()
        except PoolFailed:
            self.restore_path()
            raise
        except Exception as error:
            self.restore_path()
            raise PoolFailed(f"The factory of the executor raised {type(error).__name__}: {error}.") from error
        if not hasattr(self.executor, "submit"):
            self.close()
            raise PoolFailed(f"The factory gave {described(self.executor)}, which has no submit. {WANTED}")

    def close(self) -> None:
        self.restore_path()  # first: an executor may never end
        super().close()

    def restore_path(self) -> None:
        if self.path_before is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = self.path_before


class DaskCluster(ChunkedExecutor):
    """dask's executor: on as many workers of a cluster that is there, else on one of the run's own of just this size.

    A client is connected and closed with each pool. The run's own cluster is started before its first pool, and stands
    still while there is none.
    """

    client: Any

    def __init__(self, use: PoolUse, work: Work) -> None:
        self.own: OwnCluster | None = None
        self.lost: list[LostWorker] = []
        self.there: list[str] = []
        self.hears = False
        self.confined: dict[str, Any] = {}  # how tasks are kept on the workers of this pool
        self.items_of: dict[str, tuple[int, ...]] = {}  # numbers of items, by the task's key
        if kind_of_cluster(work.cluster) != "dask" or not work.cluster:
            if work.own_clusters is None:
                raise PoolFailed("dask was given no cluster.")
            cluster: OwnCluster = work.own_clusters.dask(use.size)
            self.own, self.cluster_start = cluster, cluster.start_ns
        super().__init__(use, work)

    @contextmanager
    def made(self) -> Iterator[Executor]:
        if self.own is None:
            with self.connected(self.work.cluster) as executor:
                yield executor
            return
        self.own.go_on()
        try:
            self.ours = self.own.pids()
            with self.connected(self.own.address) as executor:
                yield executor
        finally:
            self.own.stand_still()

    @contextmanager
    def connected(self, address: str) -> Iterator[Executor]:
        """An executor on the first `size` workers of a cluster, which is left as it is."""
        distributed = import_module("distributed")
        try:
            client = distributed.Client(address, set_as_default=False, timeout=CONNECT_LIMIT_S)
        except (OSError, ValueError) as error:
            raise PoolFailed(f"The dask cluster {address} does not answer: {error}.") from None
        with client:
            self.client = client
            if self.own is not None:  # one may be on its way in the place of another
                client.wait_for_workers(self.size, timeout=handshake.START_LIMIT_S)
            found = sorted(client.scheduler_info(n_workers=-1)["workers"])
            if len(found) < self.size:
                raise PoolFailed(f"The dask cluster {address} has {len(found)} workers, fewer than {self.size}.")
            self.there = found[: self.size]
            if len(found) > self.size:
                self.confined = {"workers": self.there, "allow_other_workers": False}
            client.subscribe_topic("all", self.hear)
            self.hears = True
            # Not pure: of two equal calls the second would be answered from what is kept of the first.
            with client.get_executor(pure=False, **self.confined) as executor:
                yield executor
            self.stop_hearing()

    def hear(self, event: tuple[float, Any]) -> None:
        """What the scheduler says of its workers; called by the client's thread."""
        _, told = event
        if isinstance(told, dict) and told.get("action") == "remove-worker" and not told.get("expected"):
            self.lost.append(LostWorker(told["worker"], tuple(map(str, told["processing-tasks"]))))
            if self.confined and not {*self.there} - {lost.address for lost in self.lost}:
                # A task that is confined to workers that have all died would wait for ever.
                self.client.loop.add_callback(self.client.close)

    def stop_hearing(self) -> None:
        if self.hears:
            self.client.unsubscribe_topic("all")
        self.hears = False

    def prepared_map(
        self, function: Callable[[Any], Any], items: Sequence[Any], submit: Callable[..., Any] | None = None
    ) -> Call:
        given: Callable[..., Any] = submit or self.executor.submit  # dask's takes a key
        run, tasks = worker_side.run_chunk, self.tasks
        chunks = []
        for at in range(0, len(items), self.chunk):
            key = f"run_chunk-{uuid4()}"  # as dask would name it
            chunk = items[at : at + self.chunk]
            self.items_of[key] = tuple(range(at, at + len(chunk)))
            chunks.append((key, chunk))

        def line() -> list[Any]:
            tasks.extend(given(run, function, chunk, key=key) for key, chunk in chunks)
            results = [result for task in tasks for result in task.result()]
            tasks.clear()
            return results

        return line

    @contextmanager
    def explaining(self, monitor: Unmonitored) -> Iterator[None]:
        killed, cancelled = import_module("distributed").KilledWorker, CancelledError
        try:
            with super().explaining(monitor):
                yield
        except killed as broken:
            items = self.items_of.get(broken.task, ())
            tries = broken.allowed_failures + 1
            raise WorkerDied(
                f"dask gave up the task {broken.task} ({named_items(items)}): each worker that had it died, {tries} in "
                f"all, the last one at {broken.last_worker.address}. What was measured before is kept.",
                items=items,
            ) from None
        except cancelled:
            if not self.lost:
                raise
            raise WorkerDied(
                f"All {self.size} workers of the cluster that were to take part died while the pool was "
                f"{monitor.phase}. What was measured before is kept."
            ) from None

    def ship_once(self) -> ShippedOnce | None:
        """The same map in turns with everything sent in every task, and with function and items on the workers."""
        items, function = self.work.items, self.work.call
        chunks = [items[at : at + self.chunk] for at in range(0, len(items), self.chunk)]
        # The scheduler's news of a broadcast can't be pickled, which would close our connection. Once a task is done
        # that goes the same way behind it, the scheduler has got the message.
        self.stop_hearing()
        self.client.submit(int, pure=False, **self.confined).result()
        began = perf_counter()
        there = self.there if self.confined else None
        kept_function = self.client.scatter(function, broadcast=True, workers=there, hash=False)
        kept_chunks = self.client.scatter(chunks, workers=there, hash=False)
        scattered_s = perf_counter() - began
        submit, run = partial(self.client.submit, pure=False, **self.confined), worker_side.run_chunk

        def mapped(given: Any, parts: Sequence[Any]) -> None:
            for task in [submit(run, given, part) for part in parts]:
                task.result()

        sent_s, kept_s = in_turns(partial(mapped, function, chunks), partial(mapped, kept_function, kept_chunks))
        return ShippedOnce(scattered_s, sent_s, kept_s)


def in_turns(*maps: Callable[[], object]) -> list[tuple[float, ...]]:
    """The seconds of each of these maps, which take turns a few times, once where they are long."""
    times: list[list[float]] = [[] for _ in maps]
    until = perf_counter() + SHIPPING_S
    while len(times[-1]) < SHIPPING_TURNS and (not times[-1] or perf_counter() < until):
        for one, of_one in zip(maps, times, strict=True):
            began = perf_counter()
            one()
            of_one.append(perf_counter() - began)
    return [tuple(of_one) for of_one in times]


def named_items(numbers: Sequence[int]) -> str:
    """'item 7', 'items 5 to 9': those of one chunk."""
    if not numbers:
        return "of no item"
    return f"item {numbers[0]}" if len(numbers) == 1 else f"items {numbers[0]} to {numbers[-1]}"


class JoblibPool(EnginePool):
    """joblib's Parallel with its default backend: loky's workers, whose native threads it limits to their share."""

    over_network = False
    mapping: Any = None  # the Parallel whose map goes on

    def open(self) -> None:
        self.joblib = import_module("joblib")
        self.parallel = self.joblib.Parallel(n_jobs=self.size, batch_size=self.chunk)
        self.parallel.__enter__()
        self.mapping = self.parallel

    def first_answers(self, answer: Callable[..., Answer], limit_s: float) -> list[Answer]:
        needed = needed_by_workers(self.work)
        # One job alone is done in this process, where joblib has no time limit and warns of one.
        one_each = self.joblib.Parallel(n_jobs=self.size, batch_size=1, timeout=limit_s if self.size > 1 else None)
        task = self.joblib.delayed(answer)
        answers: list[Answer] = one_each(task(self.work.setup, needed) for _ in range(self.size))
        return answers

    def prepared_map(self, function: Callable[[Any], Any], items: Sequence[Any]) -> Call:
        parallel, task = self.parallel, self.joblib.delayed(function)
        return lambda: list(parallel(task(item) for item in items))

    def traced_map(self, items: Sequence[Any]) -> Call:
        """The line with stamps, and with one as joblib takes each item and as each result is back, in any order."""
        try:
            self.mapping = self.joblib.Parallel(self.size, batch_size=self.chunk, return_as="generator_unordered")
        except (TypeError, ValueError):  # before joblib 1.4
            return super().traced_map(items)
        task = self.joblib.delayed(partial(worker_side.numbered, self.stamped()))

        def taken() -> Iterator[Any]:
            for number, item in enumerate(items):
                self.sent.append(HandedChunk(perf_counter_ns(), 1))
                yield task(number, item)

        def line() -> list[Any]:
            results = dict[int, Any]()
            for number, result in self.mapping(taken()):
                self.back.append(HandedChunk(perf_counter_ns(), 1))
                results[number] = result
            return [results[number] for number in range(len(items))]

        return line

    def how_far(self) -> HowFar:
        """By joblib's own counts."""
        return HowFar(self.mapping.n_dispatched_tasks, self.mapping.n_completed_tasks)

    def close(self) -> None:
        self.shut_down(kill_workers=False)

    def give_up(self) -> None:
        self.shut_down(kill_workers=True)

    def shut_down(self, kill_workers: bool) -> None:
        """Parallel keeps its workers for the next one; a pool of a measurement is to end."""
        self.parallel.__exit__(None, None, None)
        self.joblib.externals.loky.get_reusable_executor().shutdown(wait=True, kill_workers=kill_workers)


KINDS: dict[str, type[EnginePool]] = {
    "loky": LokyPool,
    "joblib": JoblibPool,
    "dask": DaskCluster,
    "executor": GivenExecutor,
}
