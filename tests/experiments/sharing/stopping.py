"""Run by a test: stops one tool at many random moments in one process; its segments carry this process's id."""

import os
import random
import sys
import threading
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

from poolscope.experiments.sharing.demo_context import DemoContext
from poolscope.experiments.sharing.handlers import HANDLERS
from poolscope.runner.context import RunContext, Stopped
from poolscope.runner.recorder import Recorder

LATEST_S = 0.04  # a round takes about half of it


def main(tool: str, stops: int) -> None:
    module: Any = shared_memory
    module._SHM_NAME_PREFIX = f"/s{os.getpid()}-"  # a name has 14 characters in all
    recorder = Recorder(os.open(os.devnull, os.O_WRONLY))
    for _ in range(stops):
        stage = RunContext(recorder, Path())
        stop = threading.Timer(random.random() * LATEST_S, stage.stop)
        stop.start()
        try:
            while True:
                stage.raise_if_interrupted()
                HANDLERS[tool].measure(DemoContext(stage, tool, 3, 100, "fork"), 100)
        except Stopped:
            stop.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
