"""Threads append to one list, one at a time."""

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
