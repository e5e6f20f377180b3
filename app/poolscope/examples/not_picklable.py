"""What can not be pickled never reaches a worker, or never comes back."""

import multiprocessing
import threading


def not_picklable_task(x):
    return (lambda: x) if x == 5 else x


def not_picklable():
    with multiprocessing.Pool(2) as pool:
        for what, function, argument in (
            ("argument", not_picklable_task, threading.Lock()),
            ("function", lambda x: x, 1),
            ("result", not_picklable_task, 5),
        ):
            try:
                pool.apply_async(function, (argument,)).get(timeout=60)
            except Exception as error:
                print(f"{what}: {type(error).__name__}")


if __name__ == "__main__":
    not_picklable()
