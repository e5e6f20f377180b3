"""Producer and consumer: a queue between threads."""

import queue
import threading

q = queue.Queue(maxsize=2)


def producer():
    for i in range(5):
        q.put(i)  # waits while the queue is full
        print(f"Produced: {i}")


def consumer():
    while True:
        item = q.get()  # waits while it is empty
        print(f"Consumed: {item}")
        q.task_done()


threading.Thread(target=consumer, daemon=True).start()
producer()
q.join()  # until all five are dealt with
