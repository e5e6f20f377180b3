"""The few lines of Python that each tool stands for: whole programs, which run as they are.

A comment beside each print says what it prints. Standard library only, as all that the runner reads.
"""

from __future__ import annotations

PROGRAMS: dict[str, str] = {
    "none": """\
import threading
import time

total = 0

def add(times):
    global total
    for _ in range(times):
        value = total
        time.sleep(0)  # another thread runs: a print, a read
        total = value + 1

threads = [threading.Thread(target=add, args=(500,)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(total)  # far less than 2000
""",
    "lock": """\
import threading

shared_list = []
lock = threading.Lock()

def add_to_list(value):
    with lock:  # one thread at a time
        shared_list.append(value)

threads = [threading.Thread(target=add_to_list, args=(i,)) for i in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(shared_list)  # all five numbers
""",
    "rlock": """\
import threading

rlock = threading.RLock()

def descend(depth):
    with rlock:  # a plain Lock would block here the second time
        return 1 + descend(depth - 1) if depth > 1 else 1

print(descend(20))  # 20
lock = threading.Lock()
with lock:
    print(lock.acquire(timeout=0.3))  # False: it waits for itself
""",
    "condition": """\
import threading

condition = threading.Condition()
box = []

def producer():
    with condition:
        box.append("data")
        condition.notify()  # lost if nobody waits yet

def consumer():
    with condition:
        condition.wait_for(lambda: box)  # looks first, then waits
        print(box.pop())  # data

for target in (producer, consumer):  # notified before it waits
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
""",
    "queue": """\
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
""",
    "semaphore": """\
import threading
import time

permits = threading.Semaphore(2)
inside, most = [], []

def download(name):
    with permits:  # waits while both are taken
        inside.append(name)
        most.append(len(inside))
        time.sleep(0.01)
        inside.remove(name)

threads = [threading.Thread(target=download, args=(i,)) for i in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(max(most))  # 2
""",
    "event": """\
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
""",
    "barrier": """\
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
""",
    "value": """\
from multiprocessing import Array, Process, Value

def modify_shared_data(number, array):
    for _ in range(500):
        with number.get_lock():
            number.value += 1
    with array.get_lock():
        for i in range(len(array)):
            array[i] *= 2

if __name__ == "__main__":
    number, array = Value("i", 0), Array("i", [1, 2, 3, 4])
    processes = [Process(target=modify_shared_data, args=(number, array)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(number.value, array[:])  # 1000 [4, 8, 12, 16]
""",
    "value-unguarded": """\
from multiprocessing import Barrier, Process, Value

def add(number, gate):
    gate.wait()  # both begin at once
    for _ in range(100_000):
        number.value += 1  # a locked read, then a locked write

if __name__ == "__main__":
    number, gate = Value("i", 0), Barrier(2)
    processes = [Process(target=add, args=(number, gate)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(number.value)  # less than 200000
""",
    "mp-queue": """\
from multiprocessing import Process, Queue

def producer(q):
    for i in range(5):
        q.put(i)
    q.put(None)  # the end

def consumer(q):
    while (item := q.get()) is not None:  # a copy of what was put
        print(item)

if __name__ == "__main__":
    q = Queue()
    processes = [Process(target=work, args=(q,)) for work in (producer, consumer)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
""",
    "pipe": """\
from multiprocessing import Pipe, Process

def worker(conn):
    question = conn.recv()
    conn.send(f"Hello from worker! You said {question}")
    conn.close()

if __name__ == "__main__":
    parent_conn, child_conn = Pipe()
    process = Process(target=worker, args=(child_conn,))
    process.start()
    parent_conn.send("ping")
    print(parent_conn.recv())  # Hello from worker! You said ping
    process.join()
""",
    "manager": """\
from multiprocessing import Manager, Process

def modify_shared_data(shared_list, shared_dict):
    shared_list.append("Hello from process")
    shared_dict["parts"].append(1)  # lost: changes a copy
    parts = shared_dict["parts"]
    parts.append(2)
    shared_dict["parts"] = parts  # kept

if __name__ == "__main__":
    with Manager() as manager:
        shared_list, shared_dict = manager.list(), manager.dict(parts=[])
        process = Process(target=modify_shared_data, args=(shared_list, shared_dict))
        process.start()
        process.join()
        print(shared_list, shared_dict)  # ['Hello from process'] {'parts': [2]}
""",
    "shared-memory": """\
from multiprocessing import Process
from multiprocessing.shared_memory import SharedMemory

def worker(name):
    block = SharedMemory(name)  # the same memory, not a copy
    block.buf[0:5] = b"Hello"
    block.close()

if __name__ == "__main__":
    block = SharedMemory(create=True, size=4096)
    process = Process(target=worker, args=(block.name,))
    process.start()
    process.join()
    print(bytes(block.buf[0:5]))  # b'Hello'
    block.close()
    block.unlink()  # once, by its owner
""",
    "interpreters": """\
from concurrent import interpreters  # Python 3.14

q = interpreters.create_queue()
other = interpreters.create()
other.prepare_main(q=q)
other.exec("q.put(42)")
print(q.get())  # 42
other.close()
""",
}
