"""A thread puts its exception into a queue, and the main thread raises it again."""

import queue
import threading

LIMIT = 0.5  # seconds that somebody waits


def thread_queue():
    errors = queue.Queue()

    def worker():
        try:
            raise ValueError("An error occurred")
        except Exception as error:
            errors.put(error)

    thread = threading.Thread(target=worker)
    thread.start()
    thread.join()
    try:
        raise errors.get(timeout=LIMIT)
    except ValueError as error:
        print(f"Raised again in the main thread: {error}")


if __name__ == "__main__":
    thread_queue()
