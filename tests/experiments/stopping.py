"""Run by a test: stops one tool at many random moments in one process; its segments carry this process's id."""

import os
import random
import sys
import threading
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

from app.experiments.sharing.handlers import HANDLERS
from app.experiments.sharing.show import Show
from app.runner.recorder import Recorder
from app.runner.stage import Stage, Stopped

LATEST_S = 0.04  # a round takes about half of it


def main(tool: str, stops: int) -> None:
    module: Any = shared_memory
    module._SHM_NAME_PREFIX = f"/s{os.getpid()}-"  # a name has 14 characters in all
    recorder = Recorder(os.open(os.devnull, os.O_WRONLY))
    for _ in range(stops):
        stage = Stage(recorder, Path())
        stop = threading.Timer(random.random() * LATEST_S, stage.stop)
        stop.start()
        try:
            while True:
                stage.heed()
                HANDLERS[tool].measure(Show(stage, tool, 3, 100, "fork"), 100)
        except Stopped:
            stop.join()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
