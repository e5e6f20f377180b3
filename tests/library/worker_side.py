"""Loads works that were handed over, as a host does, and prints what a spawned worker makes of what it is sent."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from importlib import import_module
from multiprocessing.reduction import ForkingPickler
from operator import attrgetter
from typing import Any

# Every work has modules of the same names, which are forgotten after it.
WORKER = """
import pickle, sys
for path, pickled in pickle.load(sys.stdin.buffer):
    sys.path[:] = path
    function, items = pickle.loads(pickled)
    print([function(item) for item in items])
    for name in [name for name in sys.modules if name.startswith("as_given")]:
        del sys.modules[name]
"""


def loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return attrgetter(name)(import_module(module))


def sent(name: str, path: list[str]) -> tuple[list[str], bytes]:
    """What goes to a worker: where it looks for modules, and the function with its items."""
    before = sys.path[:]
    sys.path[:0] = path
    function, items = map(loaded, name.split("@"))
    pickled = bytes(ForkingPickler.dumps((function, list(items() if callable(items) else items))))
    seen, sys.path[:] = sys.path[:], before
    for module in [module for module in sys.modules if module.startswith("as_given")]:
        del sys.modules[module]
    return seen, pickled


if __name__ == "__main__":
    works = [sent(name, path) for name, *path in json.loads(sys.argv[1])]
    worker = subprocess.run([sys.executable, "-c", WORKER], input=pickle.dumps(works), capture_output=True)
    print(worker.stdout.decode().strip() or worker.stderr.decode())
