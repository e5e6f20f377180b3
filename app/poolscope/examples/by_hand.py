"""A worker of an executor that you kill yourself, by one of the commands that it prints: the executor breaks."""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

TASK = 1  # seconds that you have for it


def by_hand():
    with ProcessPoolExecutor(4) as executor:
        futures = [executor.submit(time.sleep, TASK) for _ in range(4)]
        for worker in multiprocessing.active_children():
            print(f"kill -9 {worker.pid}", flush=True)
        errors = [future.exception() for future in futures]
    broken = sum(isinstance(error, BrokenProcessPool) for error in errors)
    print(f"{broken} of 4 tasks broke with their executor, {errors.count(None)} returned")


if __name__ == "__main__":
    by_hand()
