"""Two threads count to 2,000 together. Without the lock, updates are lost."""

import contextlib
import threading
import time


class Counter:
    value = 0


def count(counter, guard):
    for _ in range(1000):
        with guard:
            seen = counter.value
            time.sleep(0)  # whatever may happen here: a print, a read, a request
            counter.value = seen + 1


if __name__ == "__main__":
    for name, guard in (("no guard", contextlib.nullcontext()), ("Lock", threading.Lock())):
        counter = Counter()
        threads = [threading.Thread(target=count, args=(counter, guard)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(f"{name}: {counter.value} of 2000")
