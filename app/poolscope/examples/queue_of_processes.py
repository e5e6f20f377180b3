"""Producer and consumer: a queue between processes."""

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
