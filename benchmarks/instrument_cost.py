"""The instrument's cost: map time through Poolscope's runner over a bare script doing the same, in turns.

Both are fresh interpreters started without site packages (-I -S), use the platform's own start method, and do an
uncounted round first. A pair is one of each, in changing order; its ratio, for each pool size, is the median map time
of Poolscope over that of the bare script. Rounds of work differ a little between the two, because Poolscope calibrates
its own for each run, so the ratio is that of time per round of work.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from itertools import chain
from pathlib import Path
from statistics import median

from _report import Claims, asked, heading, progress, spread
from _runner import perform
from poolscope.experiments.pool_benchmark.params import PoolSizesParams
from poolscope.protocol.kinds import SERIAL
from poolscope.protocol.payloads import Calibration, Plan
from poolscope.protocol.records import Result, Sample

SIZES = [2, 4, 6, 8]
NUMBERS = 10

BARE = """
import json, multiprocessing, sys, time
from functools import partial

def square(n):
    return n * n

def sum_of_squares(rounds, n):
    total = n * n
    for k in range(rounds):
        total += k * k
    return total

def prepare(shared):
    global barrier
    barrier = shared

def arrive(_):
    barrier.wait(60)

def measure(size, function, items):
    with multiprocessing.Pool(size, prepare, (multiprocessing.Barrier(size),)) as pool:
        pool.map(arrive, range(size), chunksize=1)
        start = time.perf_counter()
        pool.map(function, items)
        seconds = time.perf_counter() - start
        pool.close()
        pool.join()
    return seconds

if __name__ == "__main__":
    rounds, repeats, sizes, numbers = json.loads(sys.argv[1])
    function = partial(sum_of_squares, rounds) if rounds else square
    times = {size: [] for size in sizes}
    for repetition in range(repeats + 1):
        [function(n) for n in range(1, numbers + 1)]
        for size in sizes:
            seconds = measure(size, function, range(1, numbers + 1))
            if repetition:
                times[size].append(seconds)
    print(json.dumps(list(times.values())))
"""


def bare(script: str, rounds: int, repeats: int) -> dict[int, float]:
    """The median map time of each size, in seconds a round of work, from the script that a user would write."""
    order = json.dumps([rounds, repeats, SIZES, NUMBERS])
    done = subprocess.run([sys.executable, "-I", "-S", script, order], capture_output=True, text=True, check=True)
    times = json.loads(done.stdout)
    return {size: median(seconds) / (rounds or 1) for size, seconds in zip(SIZES, times, strict=True)}


def observed(workload: str, repeats: int) -> tuple[dict[int, float], int]:
    """The same through Poolscope, from its own samples, and the rounds of work that it calibrated (0 for none)."""
    asked_for = PoolSizesParams(sizes=SIZES, last=NUMBERS, repeats=repeats, workload=workload)
    records = perform("pool-sizes", asked_for)
    payloads = [record.payload for record in records if isinstance(record, Result)]
    rounds = next((payload.rounds for payload in payloads if isinstance(payload, Calibration)), 0)
    (plan,) = [payload for payload in payloads if isinstance(payload, Plan)]
    sizes = {config.key: config.size for config in plan.configurations if config.kind != SERIAL}
    times: dict[int, list[float]] = {size: [] for size in SIZES}
    for record in records:
        if isinstance(record, Sample) and record.name == "map" and record.config in sizes and record.repetition:
            times[sizes[record.config]].append(record.seconds)
    return {size: median(seconds) / (rounds or 1) for size, seconds in times.items()}, rounds


def ratios(script: str, workload: str, pairs: int, repeats: int) -> dict[int, list[float]]:
    """For each size the ratio of every pair."""
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    with_poolscope, rounds = observed(workload, repeats)  # uncounted: fills the caches, and says the rounds
    bare(script, rounds, repeats)
    for pair in range(pairs):
        progress(f"{workload}: pair {pair + 1} of {pairs}")
        if pair % 2:
            without = bare(script, rounds, repeats)
            with_poolscope, _ = observed(workload, repeats)
        else:
            with_poolscope, _ = observed(workload, repeats)
            without = bare(script, rounds, repeats)
        for size in SIZES:
            found[size].append(with_poolscope[size] / without[size])
    progress("")
    return found


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "bare.py"
        script.write_text(BARE)
        for word, workload, limit, repeats in (
            ("squares", "square", 1.05, 12),  # many, as one map of a fraction of a millisecond varies by half
            ("20 ms of work", "sum-of-squares", 1.02, 1),
        ):
            found = ratios(str(script), workload, 4 if quick else 32, repeats)
            for size, each in found.items():
                print(f"  {word}, pool of {size}: {spread(each, digits=3)}")
            claims.median_at_most(
                f"{word}: Poolscope over a bare script, median of all pairs", [*chain(*found.values())], limit
            )
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
