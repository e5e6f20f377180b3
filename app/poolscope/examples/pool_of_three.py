"""Five numbers, three workers, a second each."""

import time
from multiprocessing import Pool


def square(n):
    time.sleep(1)
    return n * n


if __name__ == "__main__":
    started = time.perf_counter()
    with Pool(processes=3) as pool:
        squares = pool.map(square, [1, 2, 3, 4, 5])
    print(squares, f"{time.perf_counter() - started:.1f} s")
