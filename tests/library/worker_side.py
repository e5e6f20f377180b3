"""Loads a work that was handed over, as a host does, and prints what a spawned worker makes of what it is sent."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib import import_module
from multiprocessing.reduction import ForkingPickler
from operator import attrgetter
from typing import Any

WORKER = """
import pickle, sys
path, pickled = pickle.load(sys.stdin.buffer)
sys.path[:] = path
function, items = pickle.loads(pickled)
print([function(item) for item in items])
"""


def loaded(place: str) -> Any:
    module, _, name = place.partition(":")
    return attrgetter(name)(import_module(module))


if __name__ == "__main__":
    name, *path = sys.argv[1:]
    sys.path[:0] = path
    function, items = map(loaded, name.split("@"))
    sent = bytes(ForkingPickler.dumps((function, list(items() if callable(items) else items))))
    worker = subprocess.run([sys.executable, "-c", WORKER], input=pickle.dumps((sys.path, sent)), capture_output=True)
    print(worker.stdout.decode().strip() or worker.stderr.decode())
