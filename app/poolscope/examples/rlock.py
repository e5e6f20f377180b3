"""An RLock may be taken again by the thread that holds it, a Lock may not."""

import threading

rlock = threading.RLock()


def descend(depth):
    with rlock:  # a plain Lock would block here the second time
        return 1 + descend(depth - 1) if depth > 1 else 1


print(descend(20))  # 20
lock = threading.Lock()
with lock:
    print(lock.acquire(timeout=0.3))  # False: it waits for itself
