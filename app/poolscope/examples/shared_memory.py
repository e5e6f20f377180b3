"""A block of memory that two processes map."""

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
