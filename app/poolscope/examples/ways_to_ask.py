"""The same squares, asked for in five ways."""

from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import Pool


def square(n):
    return n * n


if __name__ == "__main__":
    with Pool(2) as pool:
        print("apply", pool.apply(square, (7,)))
        print("map", pool.map(square, range(5)))
        print("imap_unordered", sorted(pool.imap_unordered(square, range(5))))
        ticket = pool.apply_async(square, (7,))
        print("apply_async", ticket.get(timeout=10))
    with ProcessPoolExecutor(2) as executor:
        futures = {executor.submit(square, n): n for n in range(5)}
        answers = {futures[done]: done.result() for done in as_completed(futures)}
        print("futures", dict(sorted(answers.items())))
