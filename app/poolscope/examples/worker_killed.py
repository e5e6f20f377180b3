"""A worker that dies: Pool never answers for its task, an executor breaks."""

import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

LIMIT = 0.5  # seconds that somebody waits


def worker_killed_task(n):
    if n == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


def worker_killed():
    with multiprocessing.Pool(2) as pool:
        tickets = {n: pool.apply_async(worker_killed_task, (n,)) for n in range(1, 9)}
        for n, ticket in tickets.items():
            try:
                ticket.get(timeout=LIMIT)
            except multiprocessing.TimeoutError:
                print(f"Pool: task {n} never answered")
    with ProcessPoolExecutor(2) as executor:
        futures = {}
        lost = []
        for n in range(1, 9):
            try:
                futures[n] = executor.submit(worker_killed_task, n)
            except BrokenProcessPool:
                lost.append(n)
        for n, future in futures.items():
            if isinstance(future.exception(), BrokenProcessPool):
                lost.append(n)
    print(f"ProcessPoolExecutor: broken, lost are the tasks {sorted(lost)}")


if __name__ == "__main__":
    worker_killed()
