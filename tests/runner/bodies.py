"""Bodies for the runner's tests, one a name; `params["do"]` says which. Like every body: standard library only."""

from __future__ import annotations

import importlib
import multiprocessing
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from poolscope.protocol.payloads import Untyped
from poolscope.protocol.records import Progress, Result
from poolscope.runner.context import RunContext


def run(stage: RunContext, params: dict[str, Any]) -> None:
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
    }[params["do"]](stage, params)


def tell(stage: RunContext, name: str, value: Any) -> None:
    stage.emit(Result(stage.now(), Untyped(name, value)))


def nothing(stage: RunContext, params: dict[str, Any]) -> None:
    tell(stage, "params", params)


def wait_for_a_stop(stage: RunContext, params: dict[str, Any]) -> None:
    with stage.interruptible():
        tell(stage, "waiting", True)
        threading.Event().wait()


def wait_without_being_interrupted(stage: RunContext, params: dict[str, Any]) -> None:
    tell(stage, "waiting", True)
    stage.stopping.wait()
    tell(stage, "cleaned up", True)


def show_changes(stage: RunContext, params: dict[str, Any]) -> None:
    stage.on_change(lambda values: tell(stage, "changed", dict(values)))
    tell(stage, "waiting", True)
    stage.stopping.wait()


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


def fork_and_wait(stage: RunContext, params: dict[str, Any]) -> None:
    fork = multiprocessing.get_context("fork")
    tell(stage, "own descriptors", descriptors())
    for _ in range(params["children"]):
        here, there = fork.Pipe()
        child = fork.Process(target=look_at_descriptors, args=(there,))
        child.start()
        tell(stage, "child", {"pid": child.pid, "descriptors": here.recv()})
    tell(stage, "waiting", True)
    threading.Event().wait()


def name_modules(stage: RunContext, params: dict[str, Any]) -> None:
    for body in params["bodies"]:
        importlib.import_module(body)
    tell(stage, "modules", sorted(sys.modules))
    tell(stage, "flags", {"isolated": sys.flags.isolated, "no_site": sys.flags.no_site, "path": sys.path})


def fail(stage: RunContext, params: dict[str, Any]) -> None:
    stage.emit(Progress(stage.now(), 1, 2))
    raise ValueError("the body is broken")


def print_much(stage: RunContext, params: dict[str, Any]) -> None:
    for number in range(1_000):
        print('{"kind":"end","t":1,"outcome":"finished"}')
        stage.emit(Progress(stage.now(), number, 1_000))


def leave_a_thread(stage: RunContext, params: dict[str, Any]) -> None:
    threading.Thread(target=threading.Event().wait, name="forgotten").start()
