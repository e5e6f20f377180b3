"""Nobody goes on until all are here."""

import threading

barrier = threading.Barrier(4)


def worker(name):
    print(f"{name} has prepared")
    barrier.wait()  # until all four are here
    print(f"{name} goes on")


threads = [threading.Thread(target=worker, args=(i,)) for i in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
