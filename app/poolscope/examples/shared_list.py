"""One thread adds, another removes, in turns."""

import random
import threading
import time

numbers = []
lock = threading.Lock()
until = time.monotonic() + 0.5
taken = []


def add():
    while time.monotonic() < until:
        with lock:
            numbers.append(random.randint(1, 100))
        time.sleep(random.uniform(0.001, 0.005))


def remove():
    while time.monotonic() < until:
        with lock:
            if numbers:
                taken.append(numbers.pop(0))
        time.sleep(random.uniform(0.001, 0.005))


if __name__ == "__main__":
    threads = [threading.Thread(target=add), threading.Thread(target=remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"{len(taken)} taken, {len(numbers)} left")
