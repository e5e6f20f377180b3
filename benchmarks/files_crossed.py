"""How many files of ours one action crosses, and how often it moves from file to file: can somebody follow it?

Three ways are walked with a profiler that sees nothing but our own package:

- a click on Run as htmx sends it, with a viewer on the bench, until the first frame that shows the run;
- one further frame of a run that goes on;
- `poolscope measure`, until it has printed. Its child processes are not counted.

A file counts when one of its functions is called; of a command those that are loaded are counted beside. A move is a
call into another file than the one that its thread was in. `--files` lists them. `files_crossed.py PACKAGE` walks
through another version of the package, in the interpreter that has it installed.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
import uvicorn

AIMS = {"click to frame": 25, "further frame": 15, "poolscope measure": 65}
BOUND_S = 180.0  # only a hang lasts so long, even with the profiler on a busy machine
SILENCE_S = 0.1  # after which a frame is over; a run that goes on has the next after 0.25
FRAMES = 5  # further ones, of which the one with most files counts: a frame may bring a part of what is new
STARTED_S = 6.0  # a server has begun by then to load, in a thread, what measured runs will need
QUIET_S = 3.0  # what a page's first viewer brings about, or a run at its beginning, is over by then

# Runs the command with its arguments, then writes how often functions of each file that it has loaded were called.
COMMAND = """
import atexit, importlib, inspect, json, sys, threading
package, report = sys.argv[1:3]
called = {}
def look(frame, event, _):
    # Neither a module's nor a class's own code is a call: those run once, as it is imported.
    if event == "call" and frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        called[frame.f_code.co_filename] = called.get(frame.f_code.co_filename, 0) + 1
def write():
    sys.setprofile(None)
    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == package]
    files = {module.__file__ for module in modules if getattr(module, "__file__", None)}
    open(report, "w").write(json.dumps({file: called.get(file, 0) for file in sorted(files)}))
atexit.register(write)
threading.setprofile(look)
sys.setprofile(look)
sys.argv = ["poolscope", *sys.argv[3:]]
importlib.import_module(f"{package}.cli").main()
"""
WORK = "def work(n):\n    return sum(i * i for i in range(2_000))\n\n\ndef items():\n    return range(20)\n"


class Walk:
    """The files that calls enter while it is on, in every thread that was started after it was made."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder) + "/"
        self._here = threading.local()
        self._on = False
        self.files: Counter[str] = Counter()
        self.moves = 0
        threading.setprofile(self._look)

    def _look(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or not self._on:
            return
        file = frame.f_code.co_filename
        if file.startswith(self._folder):
            if getattr(self._here, "file", "") != file:
                self.moves += 1
                self._here.file = file
            self.files[file.removeprefix(self._folder)] += 1

    @contextmanager
    def on(self) -> Iterator[None]:
        self.files, self.moves, self._here = Counter(), 0, threading.local()
        self._on = True
        try:
            yield
        finally:
            self._on = False


@contextmanager
def served(package: str, data: Path) -> Iterator[str]:
    """The application, served by a thread of this process; yields its address."""
    settings = importlib.import_module(f"{package}.settings").Settings(data=data, pythons="none", port=0)
    app = importlib.import_module(f"{package}.main").create_app(settings)
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_level="warning", lifespan="on", ws="none", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(BOUND_S)


class Viewer:
    """Reads the bench's stream in a thread of its own, and calls `see` with every frame in the moment that it comes."""

    def __init__(self, url: str) -> None:
        self.see: Callable[[str], object] = lambda _: None
        self._url = url
        self._opened, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        assert self._opened.wait(BOUND_S), "the stream did not open"

    def _read(self) -> None:
        with httpx.Client(base_url=self._url, timeout=BOUND_S) as client, client.stream("GET", "/live") as response:
            text = ""
            for chunk in response.iter_text():
                text += chunk.replace("\r\n", "\n")
                while "\n\n" in text:
                    frame, _, text = text.partition("\n\n")
                    self._opened.set()
                    self.see(frame)
                if self._closing.is_set():
                    return

    def wait_for(self, wanted: Callable[[str], bool], act: Callable[[], object] = lambda: None) -> None:
        """Act, then wait for the first frame that `wanted` accepts."""
        seen = threading.Event()
        self.see = lambda frame: seen.set() if wanted(frame) else None
        act()
        assert seen.wait(BOUND_S), "no such frame came"

    def close(self) -> None:
        """Leave with the next frame: a server that ended first would log that it cut a stream."""
        self._closing.set()
        self._thread.join(BOUND_S)


def shows_numbers(frame: str) -> bool:
    """Whether a frame holds the live panel of the shared list with a run's own numbers."""
    return "<dl" in frame.partition('id="shared-list-live"')[2]


def clicks_and_frames(package: str, walk: Walk) -> Iterator[tuple[str, Counter[str], int]]:
    """The ways of a click and of a further frame: their names, files with the number of calls, and moves."""
    form = {"experiment": "shared-list", "seconds": "60", "delay_min": "2", "delay_max": "2"}
    with tempfile.TemporaryDirectory() as data, served(package, Path(data)) as url:
        headers = {"HX-Request": "true", "Origin": url, "HX-Current-URL": f"{url}/"}
        with httpx.Client(base_url=url, headers=headers, timeout=BOUND_S) as client:
            client.get("/")
            viewer = Viewer(url)
            time.sleep(STARTED_S)
            for thread in threading.enumerate():
                if thread.name == "warming":
                    thread.join(BOUND_S)
            time.sleep(QUIET_S)
            with walk.on():
                viewer.wait_for(shows_numbers, lambda: client.post("/runs", data=form).raise_for_status())
            yield "click to frame", walk.files, walk.moves
            time.sleep(QUIET_S)
            frames = []
            for _ in range(FRAMES):
                viewer.wait_for(shows_numbers)
                time.sleep(SILENCE_S)
                with walk.on():
                    viewer.wait_for(shows_numbers)
                frames.append((walk.files, walk.moves))
            yield "further frame", *max(frames, key=lambda frame: len(frame[0]))
            viewer.see = lambda _: None
            run = client.get("/api/runs", params={"limit": "1"}).json()[0]["id"]
            client.post(f"/api/runs/{run}/stop").raise_for_status()
            viewer.close()


def command(package: str, folder: Path) -> Counter[str]:
    """The files that `poolscope measure` loads to measure a function of somebody's own."""
    with tempfile.TemporaryDirectory() as here:
        Path(here, "mine.py").write_text(WORK)
        program = [sys.executable, "-c", COMMAND, package, str(Path(here, "report"))]
        asked = ["measure", "mine:work", "--items", "mine:items", "--kinds", "thread", "--sizes", "2", "--repeats", "3"]
        environment = {"PATH": "/usr/bin:/bin", "HOME": here, "POOLSCOPE_DATA": here, "POOLSCOPE_PYTHONS": "none"}
        subprocess.run([*program, *asked], cwd=here, env=environment, check=True, capture_output=True, timeout=BOUND_S)
        report = json.loads(Path(here, "report").read_text())
        return Counter({str(Path(file).relative_to(folder)): calls for file, calls in report.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", nargs="?", default="poolscope", help="the package to walk through (poolscope)")
    parser.add_argument("--files", action="store_true", help="list the files, each with its number of calls")
    parser.add_argument("--quick", action="store_true", help="the same: it takes half a minute")
    given = parser.parse_args()
    package = given.package
    folder = Path(importlib.import_module(package).__file__ or "").resolve().parent
    walk = Walk(folder)
    ways = [*clicks_and_frames(package, walk), ("poolscope measure", command(package, folder), 0)]
    for name, files, moves in ways:
        called = sum(calls > 0 for calls in files.values())
        more = f"{moves} moves from file to file" if moves else f"of {len(files)} that are loaded"
        print(f"{name}: {called} files, {more} (aim: {AIMS[name]} files)")
        if given.files:
            print(*(f"    {count:5} {file}" for file, count in sorted(files.items())), sep="\n")


if __name__ == "__main__":
    main()
