"""A factory of executors for `poolscope measure --executor`; a cluster's client could stand in its place."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def make(workers):
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def square(n):
    return n * n


if __name__ == "__main__":
    with make(2) as executor:
        print([future.result() for future in [executor.submit(square, n) for n in range(5)]])
