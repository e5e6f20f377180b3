"""An exception while a lock is held: acquire() without finally leaves it locked, with does not."""

import threading

LIMIT = 0.5  # seconds that somebody waits


def lock_exception():
    def by_acquire(lock):
        lock.acquire()
        raise ValueError("failed while holding the lock")

    def by_with(lock):
        with lock:
            raise ValueError("failed while holding the lock")

    threading.excepthook = lambda args: None
    for function in (by_acquire, by_with):
        lock = threading.Lock()
        thread = threading.Thread(target=function, args=(lock,))
        thread.start()
        thread.join()
        got = lock.acquire(timeout=LIMIT)
        print(f"{function.__name__}: {'the lock is free' if got else 'nobody will ever release the lock'}")
    threading.excepthook = threading.__excepthook__


if __name__ == "__main__":
    lock_exception()
