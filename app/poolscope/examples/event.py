"""One event wakes all who wait for it."""

import threading

ready = threading.Event()


def worker(name):
    ready.wait()  # does not wait if it is set already
    print(f"{name} woke up")


threads = [threading.Thread(target=worker, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
ready.set()  # wakes all four
for thread in threads:
    thread.join()
