"""The shared list flat out, 2 producers and 2 consumers under a lock: operations a second recorded over not recorded.

The bare loop is the same program with a bare threading.Lock: the same random numbers, list, counters and wish to stop,
in a fresh interpreter without site packages. Both take turns, and the ratio is that of each pair. It is claimed twice:
of operations, which are numbers added or removed, as on the page; and of turns of the threads' loops, which count looks
at an empty or full list too. Those depend on where the interpreter puts threads aside, with the lock in their hands or
not, but they are also where recording costs most beside the little that is done.

Taking the first number of a long list moves all others, so where the list may grow the rate depends on how long it
happens to get, which flatters whoever is slower. So there is a second comparison in which it is held short for both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from _report import Claims, asked, heading, progress, spread
from _runner import perform
from poolscope.experiments.shared_list.params import SharedListParams
from poolscope.experiments.shared_list.payloads import ListCounts
from poolscope.protocol.records import Result

MOST_ITEMS = 1_000_000  # where Poolscope holds a list that may grow
SHORT = 1_000

BARE = """
import json, random, sys, threading, time

class Ledger:
    def __init__(self):
        self.items = []
        self.added = self.removed = self.empty_polls = self.full_polls = 0

class Worker(threading.Thread):
    added = removed = 0

    def __init__(self, lock, ledger, capacity, stopping):
        super().__init__(daemon=True)
        self.lock, self.ledger, self.capacity, self.stopping = lock, ledger, capacity, stopping

class Producer(Worker):
    def run(self):
        while not self.stopping.is_set():
            self.add(random.randint(1, 100))

    def add(self, number):
        with self.lock:
            ledger = self.ledger
            if len(ledger.items) < self.capacity:
                ledger.items.append(number)
                ledger.added += 1
                self.added += 1
            else:
                ledger.full_polls += 1

class Consumer(Worker):
    def run(self):
        while not self.stopping.is_set():
            self.take()

    def take(self):
        with self.lock:
            ledger = self.ledger
            if ledger.items:
                ledger.items.pop(0)
                ledger.removed += 1
                self.removed += 1
            else:
                ledger.empty_polls += 1

seconds, capacity = json.loads(sys.argv[1])
lock, ledger, stopping = threading.Lock(), Ledger(), threading.Event()
workers = [kind(lock, ledger, capacity, stopping) for kind in (Producer, Producer, Consumer, Consumer)]
began = time.perf_counter()
for worker in workers:
    worker.start()
time.sleep(seconds)
stopping.set()
for worker in workers:
    worker.join()
took = time.perf_counter() - began
assert ledger.added == sum(w.added for w in workers) and ledger.added - ledger.removed == len(ledger.items)
print(json.dumps([ledger.added, ledger.removed, ledger.empty_polls, ledger.full_polls, len(ledger.items), took]))
"""


class Rate(NamedTuple):
    """Operations and looks in vain a second, and how long the list was at the end."""

    operations: float
    polls: float
    length: int

    @property
    def turns(self) -> float:
        return self.operations + self.polls


def bare(script: str, capacity: int, seconds: float) -> Rate:
    """From the script that a user would write."""
    order = json.dumps([seconds, capacity or MOST_ITEMS])
    done = subprocess.run([sys.executable, "-I", "-S", script, order], capture_output=True, text=True, check=True)
    added, removed, empty_polls, full_polls, length, took = json.loads(done.stdout)
    return Rate((added + removed) / took, (empty_polls + full_polls) / took, length)


def observed(capacity: int, seconds: float) -> Rate:
    """The same through Poolscope. Raises RuntimeError when its counts are not exact."""
    params = SharedListParams(producers=2, consumers=2, delay_min=0, delay_max=0, capacity=capacity, seconds=seconds)
    records = perform("shared-list", params)
    counts = [(record.t, record.payload) for record in records if isinstance(record, Result)]
    t, last = next((t, payload) for t, payload in reversed(counts) if isinstance(payload, ListCounts))
    took = (t - records[0].t) / 1e9
    if last.added - last.removed != last.length or last.really_added != last.added:
        raise RuntimeError(f"the counts are not exact: {last}")
    polls = last.empty_polls + last.full_polls
    return Rate((last.added + last.removed) / took, polls / took, last.length)


def compare(script: str, capacity: int, pairs: int, seconds: float) -> dict[str, list[float]]:
    """The ratios of each pair, of operations and of turns."""
    rates: dict[str, list[Rate]] = {"bare": [], "recorded": []}
    for pair in range(pairs):
        progress(f"pair {pair + 1} of {pairs}")
        for config in ("bare", "recorded") if pair % 2 else ("recorded", "bare"):
            rates[config].append(
                observed(capacity, seconds) if config == "recorded" else bare(script, capacity, seconds)
            )
    progress("")
    for config, each in rates.items():
        print(f"  {config}: {spread([rate.operations for rate in each], 1e-3, ' thousand a second', 0)}")
        lengths = [rate.length for rate in each]
        looks = f"{median(rate.polls for rate in each) / 1e3:,.0f} thousand looks in vain a second"
        print(f"    {looks}; list at the end {median(lengths):,.0f} (up to {max(lengths):,})")
    both = list(zip(rates["recorded"], rates["bare"], strict=True))
    return {
        "operations": [recorded.operations / plain.operations for recorded, plain in both],
        "turns": [recorded.turns / plain.turns for recorded, plain in both],
    }


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    pairs, seconds = (3, 1.0) if quick else (9, 3.0)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        for word, capacity in (("the list may grow", 0), (f"at most {SHORT} numbers", SHORT)):
            print(f"  {word}:")
            for what, found in compare(str(script), capacity, pairs, seconds).items():
                print(f"  {what} recorded over bare, by pair: {spread(found, digits=3)}")
                claims.median_at_least(f"{what} recorded over not recorded, {word}", found, 0.5)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
