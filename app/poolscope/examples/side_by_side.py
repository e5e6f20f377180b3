"""One bad item under each kind of executor."""

import concurrent.futures


def side_by_side_task(n):
    if n == 5:
        raise ValueError("Cannot process 5")
    return n * n


def side_by_side():
    for kind in ("ThreadPoolExecutor", "ProcessPoolExecutor", "InterpreterPoolExecutor"):
        executor_class = getattr(concurrent.futures, kind, None)
        if executor_class is None:
            print(f"{kind}: not in this Python")
            continue
        with executor_class(2) as executor:
            futures = [executor.submit(side_by_side_task, n) for n in range(1, 9)]
            failed = [repr(future.exception()) for future in futures if future.exception()]
        print(f"{kind}: {len(futures) - len(failed)} results kept, raised: {failed}")


if __name__ == "__main__":
    side_by_side()
