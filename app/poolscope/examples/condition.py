"""A consumer waits until there is something to take."""

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
