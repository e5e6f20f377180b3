"""An exception that nobody catches in its process: the exit code is all that its parent gets."""

import io
import multiprocessing
import sys


def process_uncaught_worker():
    sys.stderr = io.StringIO()  # here would be the traceback
    raise ValueError("Process error")


def process_uncaught():
    process = multiprocessing.Process(target=process_uncaught_worker)
    process.start()
    process.join()  # raises nothing
    print(f"join() returned; exit code {process.exitcode} is the only sign")


if __name__ == "__main__":
    process_uncaught()
