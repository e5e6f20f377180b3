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
BOUND_S = 60.0

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
    """Reads the bench's stream, and calls `see` with every frame in the moment that it comes."""

    def __init__(self, url: str) -> None:
        self.see: Callable[[str], None] = lambda _: None
        self._opened = threading.Event()
        self._client = httpx.Client(base_url=url, timeout=BOUND_S)
        threading.Thread(target=self._read, daemon=True).start()
        assert self._opened.wait(BOUND_S), "the stream did not open"

    def _read(self) -> None:
        with self._client.stream("GET", "/live") as response:
            text = ""
            for chunk in response.iter_text():
                text += chunk.replace("\r\n", "\n")
                while "\n\n" in text:
                    frame, _, text = text.partition("\n\n")
                    self._opened.set()
                    self.see(frame)

    def wait_for(self, wanted: Callable[[str], bool], act: Callable[[], object] = lambda: None) -> None:
        """Act, then wait for the first frame that `wanted` accepts."""
        seen = threading.Event()
        self.see = lambda frame: seen.set() if wanted(frame) else None
        act()
        assert seen.wait(BOUND_S), "no such frame came"


def clicks_and_frames(package: str, walk: Walk) -> Iterator[tuple[str, Counter[str], int]]:
    with tempfile.TemporaryDirectory() as data, served(package, Path(data)) as url:
        client = httpx.Client(base_url=url, headers={"HX-Request": "true", "Origin": url, "HX-Current-URL": f"{url}/"})
        client.get("/")
        viewer = Viewer(url)
        time.sleep(3)  # the prewarmed runner is ready, and what the server does at its start is done
        form = {"experiment": "shared-list", "seconds": "20", "delay_min": "0.5", "delay_max": "0.5"}
        with walk.on():
            viewer.wait_for(
                lambda frame: 'id="shared-list-live"' in frame and "<dl" in frame.partition('id="shared-list-live"')[2],
                lambda: client.post("/runs", data=form).raise_for_status(),
            )
        yield "click to frame", walk.files, walk.moves
        time.sleep(2)
        viewer.wait_for(lambda frame: 'id="shared-list-live"' in frame)
        time.sleep(0.2)
        with walk.on():
            viewer.wait_for(lambda frame: 'id="shared-list-live"' in frame)
        yield "further frame", walk.files, walk.moves


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
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    package = words[0] if words else "poolscope"
    folder = Path(importlib.import_module(package).__file__ or "").resolve().parent
    walk = Walk(folder)
    ways = [*clicks_and_frames(package, walk), ("poolscope measure", command(package, folder), 0)]
    for name, files, moves in ways:
        called = sum(calls > 0 for calls in files.values())
        more = f"{moves} moves from file to file" if moves else f"of {len(files)} that are loaded"
        print(f"{name}: {called} files, {more} (aim: {AIMS[name]} files)")
        if "--files" in sys.argv:
            print(*(f"    {count:5} {file}" for file, count in sorted(files.items())), sep="\n")


if __name__ == "__main__":
    main()
