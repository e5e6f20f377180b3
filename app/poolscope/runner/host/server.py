"""A host's life: it answers one order after the other; all of its tree ends when nobody can give any more."""

from __future__ import annotations

import json
import os
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from poolscope.machine.processes import end_group
from poolscope.runner.channels import keep_from_children
from poolscope.runner.host.description import description
from poolscope.runner.host.errors import Refused
from poolscope.runner.host.pickling import plain
from poolscope.runner.host.repetition import one_pass
from poolscope.runner.host.setup import Opened, open_work
from poolscope.runner.host.trial import preflight
from poolscope.runner.recorder import Recorder


def main(orders: int, answers: int) -> int:
    """Obey until the order to close. Only this thread works; another one reads, and blocks while nothing is said."""
    keep_from_children(orders, answers)
    queue: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=listen, args=(orders, queue), name="orders", daemon=True).start()
    host = Host(answers)
    while (order := queue.get())["do"] != "close":
        host.obey(order)
    host.close()
    return 0  # a pool that broke may have left a thread which Python waits for; the orchestrator won't for long


def listen(orders: int, queue: SimpleQueue[dict[str, Any]]) -> None:
    """Hand on what the orchestrator says. When it is gone, everything here goes too."""
    with os.fdopen(orders) as lines:
        for line in lines:
            order = json.loads(line)
            queue.put(order)
            if order["do"] == "close":
                return
    end_group()


class Host:
    """What a host has between two orders: at most one opened work."""

    def __init__(self, answers: int) -> None:
        self.answers = answers
        self.recorder = Recorder(os.open(os.devnull, os.O_WRONLY))  # the kinds want one; here is nothing to record
        self.opened: Opened | None = None

    def obey(self, order: dict[str, Any]) -> None:
        answer: dict[str, Any]
        try:
            answer = {"done": self.do(order)}
        except Refused as refused:
            answer = {"refused": str(refused), "spoiled": refused.spoiled}
        except Exception as error:
            traceback.print_exc()
            answer = {"refused": f"It could not be done: {plain(error)}.", "spoiled": True}
        self.say(answer)

    def do(self, order: dict[str, Any]) -> dict[str, Any]:
        match order["do"]:
            case "describe":
                return description()
            case "open":
                self.opened = open_work(order, self.tell)
                return self.opened.found
            case "preflight" if self.opened is not None:
                return preflight(self.opened, Path(order["said"]), self.tell)
            case "pass" if self.opened is not None:
                return one_pass(self.recorder, self.opened, order)
        raise Refused(f"There is no order {order['do']}, or it came before the work was opened.")

    def tell(self, step: str) -> None:
        """Say what is about to be done, which may take long: the limit counts from here."""
        self.say({"step": step})

    def say(self, answer: dict[str, Any]) -> None:
        rest = memoryview(json.dumps(answer).encode() + b"\n")
        while rest:
            rest = rest[os.write(self.answers, rest) :]

    def close(self) -> None:
        if self.opened is not None:
            self.opened.work.close()
