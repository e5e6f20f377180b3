"""Four sums that compute: under a GIL only processes do it side by side."""

import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def sum_of_squares(upto):
    return sum(n * n for n in range(upto))


if __name__ == "__main__":
    work = [300_000] * 4
    for kind in (ThreadPoolExecutor, ProcessPoolExecutor):
        with kind(max_workers=2) as pool:
            list(pool.map(sum_of_squares, [1, 1]))  # start the workers first
            started = time.perf_counter()
            sums = list(pool.map(sum_of_squares, work))
            print(f"{kind.__name__}: {time.perf_counter() - started:.3f} s")
