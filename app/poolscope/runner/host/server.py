"""A host's life: it answers one order after the other; all of its tree ends when nobody can give any more."""

from __future__ import annotations

import os
import tempfile
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue

from poolscope.machine.processes import end_group
from poolscope.protocol import codec
from poolscope.protocol.commands import (
    BreakageExplained,
    CloseHost,
    DescribeHost,
    ExplainBreakage,
    HostAnswer,
    HostDescription,
    HostOrder,
    ItemsSifted,
    KillHostWorker,
    MeasureOnce,
    OpenWork,
    OrderFailed,
    SiftItems,
    StepAnnounced,
    TryWork,
    WorkMeasured,
    WorkTried,
)
from poolscope.runner.channels import keep_from_children
from poolscope.runner.context import RunContext
from poolscope.runner.host.errors import OrderRefused
from poolscope.runner.host.pickling import error_in_words
from poolscope.runner.host.repetition import measure_once
from poolscope.runner.host.setup import OpenedWork, interpreter_facts, open_work
from poolscope.runner.host.stacks import show_stacks_in, stacks_log
from poolscope.runner.host.trial import try_work
from poolscope.runner.recorder import Recorder


def main(orders: int, answers: int) -> int:
    """Obey until the order to close. Only this thread works; another one reads, and blocks while nothing is said."""
    keep_from_children(orders, answers)
    host = HostServer(answers)
    queue: SimpleQueue[HostOrder] = SimpleQueue()
    threading.Thread(target=listen, args=(orders, queue, host), name="orders", daemon=True).start()
    while not isinstance(order := queue.get(), CloseHost):
        host.obey(order)
    host.close()
    return 0  # a pool that broke may have left a thread which Python waits for; the orchestrator won't for long


def listen(orders: int, queue: SimpleQueue[HostOrder], host: HostServer) -> None:
    """Hand on what the orchestrator says. When it is gone, everything here goes too."""
    with os.fdopen(orders) as lines:
        for line in lines:
            order = codec.from_line(HostOrder, line)
            match order:
                case KillHostWorker():
                    host.kill_worker(order)
                    continue
                case MeasureOnce():
                    host.expect_workers(order.lane)
                case ExplainBreakage():
                    host.expect_workers()
            queue.put(order)
            if isinstance(order, CloseHost):
                return
    end_group()


class HostServer:
    """What a host has between two orders: at most one opened work."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        # What becomes of workers that are killed on request is recorded; the records are lines among the answers.
        self.recorder = Recorder(answers)
        self.work: OpenedWork | None = None
        self.context: RunContext | None = None  # of the repetition that is being measured

    def obey(self, order: HostOrder) -> None:
        answer: HostAnswer
        try:
            answer = self.answer_to(order)
        except OrderRefused as refused:
            answer = OrderFailed(str(refused), refused.spoiled, refused.code, refused.breakage)
        except Exception as error:
            traceback.print_exc()
            answer = OrderFailed(f"It could not be done: {error_in_words(error)}.", spoiled=True)
        self.say(answer)

    def answer_to(self, order: HostOrder) -> HostAnswer:
        """Do what is ordered. Raises OrderRefused."""
        match order:
            case DescribeHost():
                return HostDescription(interpreter_facts())
            case OpenWork():
                show_stacks_in(stacks_log(order.scratch, os.getpid()))
                self.work = open_work(order, self.announce)
                return self.work.opened
            case SiftItems() if self.work is not None:
                from poolscope.runner.host.sifting import sift_items  # late, as below

                return ItemsSifted(sift_items(self.work, order, self.announce))
            case TryWork() if self.work is not None:
                return WorkTried(try_work(self.work, Path(order.output), self.announce))
            case MeasureOnce() if self.work is not None and self.context is not None:
                try:
                    return WorkMeasured(measure_once(self.context, self.work, order))
                finally:
                    self.context = None
            case ExplainBreakage() if self.work is not None and self.context is not None:
                # Late: nothing that is measured needs it.
                from poolscope.runner.host.post_mortem import explain_breakage

                return BreakageExplained(explain_breakage(self.context, self.work, order))
        raise OrderRefused(f"There is no order {order.tag}, or it came before the work was opened.")

    def expect_workers(self, lane: str = "") -> None:
        """Called by the reading thread, so that a request that comes after this order finds its workers.

        Each repetition has a context of its own: one that was interrupted stays so.
        """
        self.context = RunContext(self.recorder, Path(tempfile.gettempdir()), lane)

    def kill_worker(self, order: KillHostWorker) -> None:
        """Called by the reading thread. Between two repetitions nothing happens: the orchestrator asks again."""
        context = self.context
        if context is not None:
            context.worker_registry.kill(order.worker, order.request)

    def announce(self, step: str) -> None:
        """Say what is about to be done, which may take long: the limit counts from here."""
        self.say(StepAnnounced(step))

    def say(self, answer: HostAnswer) -> None:
        rest = memoryview(codec.to_line(answer) + b"\n")
        with self.recorder.quiet():  # which writes its records first, and none in the middle of this line
            while rest:
                rest = rest[os.write(self.answers, rest) :]

    def close(self) -> None:
        if self.work is not None:
            self.work.work.close()
