"""Bodies for the runner's tests, one a name; `do` says which. Like every body: standard library only."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from poolscope.protocol.arguments import Arguments
from poolscope.protocol.payloads import Payload
from poolscope.protocol.records import Progress, Result
from poolscope.runner.context import RunContext


@dataclass(frozen=True, slots=True)
class BodyArguments(Arguments):
    tag: ClassVar[str] = "test"
    do: str = ""
    n: int = 0
    children: int = 0
    bodies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said(Payload):
    """Whatever a body has to tell its test."""

    tag: ClassVar[str] = "said"
    name: str
    value: Any


def run(context: RunContext, arguments: BodyArguments) -> None:
    {
        "nothing": nothing,
        "wait": wait_for_a_stop,
        "wait twice": wait_without_being_interrupted,
        "obey": show_changes,
        "fork": fork_and_wait,
        "modules": name_modules,
        "fail": fail,
        "print": print_much,
        "leave a thread": leave_a_thread,
    }[arguments.do](context, arguments)


def tell(context: RunContext, name: str, value: Any) -> None:
    context.emit(Result(context.now(), Said(name, value)))


def nothing(context: RunContext, arguments: BodyArguments) -> None:
    tell(context, "n", arguments.n)


def wait_for_a_stop(context: RunContext, arguments: BodyArguments) -> None:
    with context.interruptible():
        tell(context, "waiting", True)
        threading.Event().wait()


def wait_without_being_interrupted(context: RunContext, arguments: BodyArguments) -> None:
    tell(context, "waiting", True)
    context.stopping.wait()
    tell(context, "cleaned up", True)


def show_changes(context: RunContext, arguments: BodyArguments) -> None:
    context.on_change(lambda change: tell(context, "changed", change.delay_min))
    tell(context, "waiting", True)
    context.stopping.wait()


def look_at_descriptors(told: Any) -> None:
    """In a forked child: which descriptors are open, by what they lead to; then stay."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is not to end for anything but the runner's end
    told.send(descriptors())
    threading.Event().wait()


def descriptors() -> dict[str, str]:
    open_now = {}
    for link in Path("/proc/self/fd").iterdir():
        try:
            open_now[link.name] = str(link.readlink())
        except OSError:
            continue  # the one that listed them
    return open_now


def fork_and_wait(context: RunContext, arguments: BodyArguments) -> None:
    fork = multiprocessing.get_context("fork")
    tell(context, "own descriptors", descriptors())
    for _ in range(arguments.children):
        here, there = fork.Pipe()
        child = fork.Process(target=look_at_descriptors, args=(there,))
        child.start()
        tell(context, "child", {"pid": child.pid, "descriptors": here.recv()})
    tell(context, "waiting", True)
    threading.Event().wait()


def name_modules(context: RunContext, arguments: BodyArguments) -> None:
    for body in arguments.bodies:
        importlib.import_module(body)
    tell(context, "modules", sorted(sys.modules))
    tell(context, "flags", {"isolated": sys.flags.isolated, "no_site": sys.flags.no_site, "path": sys.path})


def fail(context: RunContext, arguments: BodyArguments) -> None:
    context.emit(Progress(context.now(), 1, 2))
    raise ValueError("the body is broken")


def print_much(context: RunContext, arguments: BodyArguments) -> None:
    for number in range(1_000):
        print('{"kind":"end","t":1,"outcome":"finished"}')
        context.emit(Progress(context.now(), number, 1_000))


def leave_a_thread(context: RunContext, arguments: BodyArguments) -> None:
    threading.Thread(target=threading.Event().wait, name="forgotten").start()
