"""A process that takes too long is ended, and its exit code says so."""

import multiprocessing
import time

TASK = 10.0  # seconds that a long task takes
LIMIT = 0.5  # seconds that somebody waits


def time_limit():
    process = multiprocessing.Process(target=time.sleep, args=(TASK,))
    process.start()
    process.join(timeout=LIMIT)
    if process.is_alive():
        process.terminate()
        process.join()
        print(f"Process terminated due to timeout, exit code {process.exitcode}")
    else:
        print("Process was done in time")


if __name__ == "__main__":
    time_limit()
