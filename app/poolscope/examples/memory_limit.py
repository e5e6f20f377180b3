"""A worker with a limit on its memory gets a MemoryError; its parent has no limit."""

import multiprocessing
import resource


def memory_limit_worker(limit):
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        held = bytearray(limit)
        print(f"{len(held)} bytes held: this system does not keep the limit", flush=True)
    except MemoryError:
        print("MemoryError in the worker", flush=True)


def memory_limit():
    process = multiprocessing.Process(target=memory_limit_worker, args=(1 << 30,))
    process.start()
    process.join()
    print(f"exit code {process.exitcode}; the parent has no limit")


if __name__ == "__main__":
    memory_limit()
