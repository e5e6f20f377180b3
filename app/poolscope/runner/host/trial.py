"""The calls before anything is timed: can the work be sent, does it raise or print, how long is a call, is it equal."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import resource
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Literal

from poolscope.machine.cpu_clock import CpuClock
from poolscope.machine.memory import give_back
from poolscope.protocol.frozen import frozen
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import (
    ItemChange,
    LazyResult,
    LoopUse,
    Parcel,
    RememberedCalls,
    ResultDifference,
    TrialReport,
    WorkError,
)
from poolscope.runner.host.difference import explained
from poolscope.runner.host.equality import digest, same
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.fresh_items import MOST_BYTES, Original, changed_part, grown, is_fixed, originals_of
from poolscope.runner.host.kept_state import cache_misses, kept_digests, random_states
from poolscope.runner.host.laziness import lazy_part, looked_at, unfinished
from poolscope.runner.host.left_running import alive, at_work, left_running
from poolscope.runner.host.native_threads import native_libraries, native_threads
from poolscope.runner.host.pickling import (
    error_in_words,
    first_unsendable,
    parcel,
    raised_where,
    short,
    unsendable,
)
from poolscope.runner.host.raised_by_work import RAISED_BY_WORK
from poolscope.runner.host.remembering import SURE, CallTime, is_faster, is_surely_faster, may_be_new_memory, remembered
from poolscope.runner.host.setup import OpenedWork, gil_enabled
from poolscope.runner.pools.loop_watch import LoopWatch
from poolscope.workloads import spreading
from poolscope.workloads.work import Work

FIRST = 5  # items that are called, and beside them two further on
ENOUGH_S = 1.0  # no further first call is begun after so long
REPEAT_WITHIN_S = 5.0  # a longer call is not made a second time just to look

Remedy = Literal["star", "no star"] | None
MEANT: Mapping[Remedy, str] = {
    "star": " The item's entries fit its parameters: with --star (star=true) it is called as f(*item) or f(**item).",
    "no star": " The item itself fits its parameters: leave --star (star=true) out.",
    None: "",
}

Announce = Callable[[str], None]


def try_work(opened: OpenedWork, output: Path, announce: Announce) -> TrialReport:
    """Look at function and items, make the first calls, look at their results. What is printed goes into `output`.

    Afterwards the work has its items as they were before.
    """
    work = opened.work
    with captured(output):
        if work.setup is not None:
            announce("the set-up")
            try:
                work.setup()
            except RAISED_BY_WORK as error:
                raise OrderRefused(f"The set-up of {opened.function} raised {error_in_words(error)}.") from None
        announce("pickling the function and its items")
        unpicklable = {
            "function": unsendable(work.function, "the function") or unsendable(work.setup, "the set-up"),
            "item": first_unsendable(work.items, "item"),
        }
        function_parcel = None if unpicklable["function"] else parcel(work.function)
        opened.original = originals_of(work.items)
        threads = threading.enumerate()
        calls = make_first_calls(opened, announce)
        work.tidy()
        announce("pickling its results")
        unpicklable["result"] = first_unsendable(calls.results, "the result of item")
        sent = parcels(calls) if not any(unpicklable.values()) else []
    provide_fresh_items(opened, calls)
    return TrialReport(
        count=len(work.items),
        cut=opened.opened.cut,
        function=opened.function,
        coroutine=opened.work.coroutine is not None,
        is_async=opened.is_async,
        call_s=tuple(time.wall for time in calls.first),
        cpu_s=tuple(time.cpu for time in calls.first),
        unpicklable={part: why for part, why in unpicklable.items() if why},
        item_bytes=sum(item.size for item, _ in sent) // len(sent) if sent else None,
        result_bytes=sum(result.size for _, result in sent) // len(sent) if sent else None,
        pickle_s=sum(item.seconds + result.seconds for item, result in sent) / len(sent) if sent else None,
        repeats_equal=calls.repeats_equal,
        global_state=tuple(calls.global_state),
        printed=output.stat().st_size,
        raised=calls.raised,
        gil=gil_enabled(),
        again_s=tuple(time.wall for time in calls.again),
        parcel=function_parcel,
        remembered=calls.remembered,
        changed=calls.changed,
        items_known=calls.items_known,
        lazy=calls.lazy,
        threads=opened.work_threads(),
        threads_of_calls=opened.work_threads(threads),
        repeat_difference=calls.difference,
        native_libraries=native_libraries(),
        native_threads=native_threads(),
        loop=calls.loop,
        import_s=opened.import_s,
        imports=opened.opened.imports,
        found_in=opened.opened.found_in,
        calling=work.calling,
        made=opened.opened.made,
    )


def provide_fresh_items(opened: OpenedWork, calls: FirstCalls) -> None:
    """Give the work its items as they were; let every pass have copies of them where the calls make that necessary."""
    kept, changed, memory = opened.original, calls.changed, calls.remembered
    by_object = memory is not None and memory.how == "per object"
    if kept is not None and (changed or by_object or not calls.items_known):
        opened.give_fresh_items(kept)
    if changed is not None:
        calls.changed = replace(changed, copied=kept is not None)
    if memory is not None and by_object and kept is None:
        calls.remembered = replace(memory, how="per item")


@frozen
class TriedItem:
    """An item that is called, by its number, and what it was before."""

    number: int
    value: Any
    original: Original

    def __str__(self) -> str:
        return f"item {self.number} ({short(self.value)})"


@dataclass
class FirstCalls:
    """What was found. `raised` is None, or what the work raised and on which item; then nothing after it was done."""

    items: list[TriedItem] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    first: list[CallTime] = field(default_factory=list)
    again: list[CallTime] = field(default_factory=list)
    repeats_equal: bool | None = None
    global_state: list[str] = field(default_factory=list)
    remembered: RememberedCalls | None = None
    changed: ItemChange | None = None
    items_known: bool = True
    lazy: LazyResult | None = None
    raised: WorkError | None = None
    loop: LoopUse | None = None
    second: list[Any] = field(default_factory=list)  # the result of the call that was made twice
    difference: ResultDifference | None = None


class TrialEnded(Exception):
    """The work raised, which `FirstCalls.raised` describes."""


class GivesCoroutine(Exception):
    """A function that is no `async def` gave a coroutine all the same."""


def make_first_calls(opened: OpenedWork, announce: Announce) -> FirstCalls:
    """Call the function on the first items and on some more, then on all of these once more."""
    function = opened.work.function
    before, states, misses = kept_digests(function), random_states(function), cache_misses(function)
    items = tried_items(opened.work.items)
    try:
        calls = called(opened, items, announce)
    except GivesCoroutine:
        opened.work = replace(opened.work, coroutine=function)
        calls = called(opened, items, announce)
    after = kept_digests(function)
    # Also what was not there before, such as an attribute that the first call gives its function.
    calls.global_state = sorted(name for name in before | after if before.get(name) != after.get(name))
    drawn = sorted(name for name, state in random_states(function).items() if states.get(name) != state)
    filled = sorted(name for name, count in cache_misses(function).items() if misses.get(name) != count)
    # Now: a loop that ends with the call that the trial has ended with leaves the same state.
    opened.drawn, opened.changed = tuple(drawn), tuple(calls.global_state)
    calls.global_state += [f"the cache of {name}" for name in filled]
    if calls.repeats_equal is False:
        took = calls.again[0].wall, calls.first[0].wall
        found = explained(calls.second, calls.results[:1], kind=SERIAL, drawn=drawn, changed=opened.changed, took=took)
        calls.difference, calls.repeats_equal = found, found.code == "rounding"
    return calls


def tried_items(items: Sequence[Any]) -> list[TriedItem]:
    """The first items and two further on; fewer where they are very large.

    Not the last: what its call leaves behind is what a pass leaves behind, which could not be told from it then.
    """
    count, tried, size = len(items), [], 0
    for number in dict.fromkeys((*range(min(FIRST, count)), count // 2, 3 * count // 4)):
        tried.append(TriedItem(number, items[number], Original(items[number])))
        size += tried[-1].original.size
        if size > MOST_BYTES:
            break
    return tried


def called(opened: OpenedWork, items: list[TriedItem], announce: Announce) -> FirstCalls:
    calls, call = FirstCalls(), opened.work.call
    with suppress(TrialEnded):
        if not opened.is_async:
            TrialCalls(opened, items, calls, announce, call).run()
            return calls
        with asyncio.Runner() as runner:
            watch = LoopWatch(runner)
            TrialCalls(opened, items, calls, announce, lambda item: watch.run(call(item))).run()
            calls.loop = watch.use()
    return calls


class TrialCalls:
    """The calls of one work, which fill `calls`. Each method may raise TrialEnded."""

    def __init__(
        self,
        opened: OpenedWork,
        items: list[TriedItem],
        calls: FirstCalls,
        announce: Announce,
        call: Callable[[Any], Any],
    ) -> None:
        self.opened = opened
        self.items = items
        self.calls = calls
        self.announce = announce
        self.call = call
        self.after = alive()  # what there was when the last call of the first item had returned

    def run(self) -> None:
        calls = self.calls
        before = alive()
        self.call_first(self.items[0])
        left = left_running(before, self.after, calls.first[0].wall)
        first = digest(calls.results[0])  # now: a second call may change it
        for item in self.items[1:]:
            if sum(time.wall for time in calls.first) > ENOUGH_S:
                break
            self.call_first(item)
        self.look_for_laziness()
        if calls.first[0].wall > REPEAT_WITHIN_S or self.used_up():
            return
        try:
            before = alive()
            result = self.call_again(calls.items[0])
            if left is not None and calls.lazy is None:
                one, other = calls.first[0], calls.again[0]
                after = left_running(before, self.after, other.wall)
                calls.lazy = unfinished(left, after, one.wall, min(one.cpu, other.cpu))
        except TrialEnded:
            if calls.items[0].original.can_copy:
                raise
            # It may have used up its item, which nobody sees and nobody can copy: a new process has it anew.
            calls.raised, calls.changed = None, self.change_of(calls.items[0])
            return
        second = digest(result)
        calls.second = [result]
        if first is None or second is None:
            calls.repeats_equal = same(calls.results[0], result)
        else:
            calls.repeats_equal = first == second
        self.repeat_others()
        self.confirm()
        calls.remembered = remembered(calls.first[: len(calls.again)], calls.again)
        if calls.remembered is not None and may_be_new_memory(calls.remembered, self.memory_of_a_call()):
            calls.remembered = None
        if calls.remembered is not None and calls.remembered.how == "per item":
            self.tell_objects_apart()
        elif calls.remembered is not None and not self.opened.is_async:
            self.tell_threads_apart(calls.remembered)
        elif calls.remembered is None and calls.changed is not None:
            self.find_kept_in_item(calls.items[0])

    def used_up(self) -> bool:
        """Whether no item is left as it was: those that were called are changed, and there are no copies."""
        return self.calls.changed is not None and not self.calls.items[0].original.can_copy

    def repeat_others(self) -> None:
        """Call the others again in the order in which a pass has them: what is kept may not be kept for long."""
        calls = self.calls
        if len(calls.items) == 1 < len(self.items) and is_faster(calls.first[0], calls.again[0]):
            self.call_first(self.items[1])  # the first call of an item, or of all, may have been what took so long
        for item in calls.items[1:]:
            if sum(time.wall for time in calls.again) > ENOUGH_S:
                return
            self.call_again(item)

    def confirm(self) -> None:
        """Call a third time what was faster the second, for lengths change by chance too."""
        calls = self.calls
        for index, again in enumerate(calls.again):
            if is_faster(calls.first[index], again):
                item = calls.items[index]
                _, third = self.timed(item, self.unchanged(item), "a third call of")
                decides = min if is_faster(calls.first[index], third) else max
                calls.again[index] = decides(again, third, key=lambda time: time.wall)

    def memory_of_a_call(self) -> int:
        """Bytes of new memory that one more call takes of an item whose second call was faster.

        The first call of an item takes memory that the whole machine may never have used, which `give_back` does not
        bring about a second time: a virtual machine gets each page of it from its host.
        """
        calls = self.calls
        told = zip(calls.items, calls.first, calls.again, strict=False)
        item = next(item for item, first, again in told if is_faster(first, again))
        ours = not tracemalloc.is_tracing()  # else the work has begun it, which then goes on
        if ours:
            tracemalloc.start()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        try:
            self.timed(item, self.unchanged(item), "another call of", watched=False)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            if ours:
                tracemalloc.stop()

    def tell_objects_apart(self) -> None:
        """Whether a call of an equal item, which is another object, is as slow as the first one was."""
        calls = self.calls
        if calls.changed or calls.remembered is None:  # then it was another object all along
            return
        pairs = zip(calls.items, calls.first, calls.again, strict=False)
        told = [(item, first) for item, first, again in pairs if is_faster(first, again)]
        copies = [(item, first) for item, first in told if item.original.can_copy and not is_fixed(item.value)]
        for item, first in copies[-2:]:
            _, time = self.timed(item, item.original.copy(), "a call of an equal of")
            if is_faster(first, time):
                return
        if copies:
            calls.remembered = replace(calls.remembered, how="per object")

    def find_kept_in_item(self, item: TriedItem) -> None:
        """Whether calls add their result to the object that was passed, as a cached property does: of the same object,
        which has more than it had before, another call is faster."""
        calls = self.calls
        if not item.original.can_copy or not grown(item.original.copy(), item.value):
            return
        first, (_, time) = calls.first[0], self.timed(item, item.value, "a call of the same object of")
        if is_surely_faster(first, time, *SURE) and is_surely_faster(calls.again[0], time, *SURE):
            calls.remembered = RememberedCalls("per object", first.wall, time.wall, 1)

    def tell_threads_apart(self, memory: RememberedCalls) -> None:
        """Whether the first call in another thread is as slow as the very first one was."""
        calls, times = self.calls, []

        def call_there() -> None:
            # It may refuse: some objects may be used by the thread alone that has made them.
            with suppress(TrialEnded):
                times.append(self.timed(calls.items[0], self.unchanged(calls.items[0]), "a call in a thread of")[1])

        thread = threading.Thread(target=call_there)
        thread.start()
        thread.join()
        calls.raised = None
        again = calls.again[0]
        if times and is_surely_faster(times[0], again, *SURE) and not is_faster(calls.first[0], times[0]):
            calls.remembered = replace(memory, how="per thread")

    def look_for_laziness(self) -> None:
        calls = self.calls
        for item, result, time in zip(calls.items, calls.results, calls.first, strict=True):
            if lazy_part(result) is not None:
                # At once, for what it has started may be short.
                another, again = self.timed(item, self.unchanged(item), "a look at the result of", watched=False)
                # The first call may have imported or loaded something, and either may have waited for a CPU.
                calls.lazy = looked_at(result, min(time.own, again.own), another)
                return

    def call_first(self, item: TriedItem) -> None:
        calls = self.calls
        result, time = self.timed(item, item.value, "the call of")
        if inspect.iscoroutine(result) and not self.opened.is_async:
            result.close()
            raise GivesCoroutine
        calls.items.append(item)
        calls.results.append(result)
        calls.first.append(time)
        changed = item.original.changed()
        calls.items_known = calls.items_known and changed is not None
        if changed and calls.changed is None:
            calls.changed = self.change_of(item)
        if calls.changed is not None and result is not None:
            calls.changed = replace(calls.changed, returned=True)

    def change_of(self, item: TriedItem) -> ItemChange:
        returned = any(result is not None for result in self.calls.results)
        before = item.original.copy() if item.original.can_copy else None
        part = changed_part(before, item.value) if item.original.can_copy else None
        return ItemChange(item.number, type(item.value).__qualname__, copied=False, returned=returned, part=part)

    def call_again(self, item: TriedItem) -> Any:
        result, time = self.timed(item, self.unchanged(item), "a second call of")
        self.calls.again.append(time)
        return result

    def unchanged(self, item: TriedItem) -> Any:
        """The item as a pass will have it: a copy of what it was, once calls are known to change theirs."""
        fresh = self.calls.changed is not None or not self.calls.items_known
        return item.original.copy() if fresh and item.original.can_copy else item.value

    def timed(self, item: TriedItem, value: Any, which: str, *, watched: bool = True) -> tuple[Any, CallTime]:
        """The result of a call of the item as `value`, and its time; `which` names the call.

        A `watched` call of the first item is followed by a look at what is alive.
        """
        where = str(item)
        self.announce(f"{which} {where}")
        # All get their memory from the system: a later call that finds what an earlier one has freed would be faster
        # by that alone, many times for a large result.
        give_back()
        try:
            preempted, collected = preemptions(), full_collections()
            clock, began = CpuClock(), perf_counter_ns()
            result = self.call(value)
            ended, now = perf_counter_ns(), at_work() if watched and item is self.items[0] else None
            used = clock.read()
            if now is not None:
                self.after = alive(now)
        except RAISED_BY_WORK as error:
            self.calls.raised = self.raised(error, value, where, which)
            raise TrialEnded from None
        wall, cpu, ready = (time / 1e9 for time in (ended - began, used.process + used.children, used.ready))
        return result, CallTime(wall, cpu, ready, preemptions() > preempted, full_collections() > collected)

    def raised(self, error: BaseException, value: Any, where: str, which: str) -> WorkError:
        function = self.opened.function
        if which == "the call of":
            sentence = f"{function} {raised_where(error, f'on {where}')}."
            work = self.opened.work
            remedy = calling_meant(work, value) if is_of_the_call(error) else spreading_meant(work, value, error)
            return work_error(error, where, f"{sentence}{MEANT[remedy]}", remedy)
        when = raised_where(error, f"when it was called on {where} again")
        return work_error(error, where, f"It can't be repeated: {function} {when}.")


def preemptions() -> int:
    """How often another program took this thread's CPU; 0 where the system does not say."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw if hasattr(resource, "RUSAGE_THREAD") else 0


def full_collections() -> int:
    """Garbage collections of all objects so far."""
    return int(gc.get_stats()[-1]["collections"])


def is_of_the_call(error: BaseException) -> bool:
    """Whether it is what Python raises for arguments that don't fit, before any line of the function has run."""
    files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
    return isinstance(error, TypeError) and files <= {__file__, spreading.__file__}


def calling_meant(work: Work, item: Any) -> Remedy:
    """How else the item may be meant, where its form and the function's parameters agree in that."""
    if work.calling != "item":
        return "no star" if binds(work.function, item) else None
    if isinstance(item, Mapping):
        return "star" if binds(work.function, **item) else None
    sequence = isinstance(item, Collection) and not isinstance(item, str | bytes | Set)
    return "star" if sequence and binds(work.function, *item) else None


def spreading_meant(work: Work, item: Any, error: BaseException) -> Remedy:
    """Whether an item that a function took as its first argument, and then could not use, was to be all of them."""
    several = isinstance(item, Mapping | tuple) and len(item) > 1
    if work.calling != "item" or not several or not isinstance(error, TypeError | AttributeError):
        return None
    return calling_meant(work, item)


def binds(function: Callable[..., Any], *given: Any, **named: Any) -> bool:
    """Whether these arguments fit a function's parameters; False where those can't be seen."""
    try:
        inspect.signature(function).bind(*given, **named)
    except (TypeError, ValueError):
        return False
    return True


def work_error(error: BaseException, where: str, sentence: str, remedy: Remedy = None) -> WorkError:
    trace = "".join(traceback.format_exception(error))
    return WorkError(type(error).__name__, str(error), where, trace, sentence, remedy)


def parcels(calls: FirstCalls) -> list[tuple[Parcel, Parcel]]:
    """Each item that was called as it was before, and its result, as they are sent."""
    before = [item.original.copy() if item.original.can_copy else item.value for item in calls.items]
    return [(parcel(item), parcel(result)) for item, result in zip(before, calls.results, strict=True)]


@contextmanager
def captured(path: Path) -> Iterator[None]:
    """Let all that this process prints, C code and children included, go into a file."""
    flush()
    kept = os.dup(1), os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        flush()
        for number, old in enumerate(kept, start=1):
            os.dup2(old, number)
            os.close(old)


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
