"""Two processes count without the lock: updates are lost."""

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
