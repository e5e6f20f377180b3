"""One bad item in four: map loses all results, the other ways only that one."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def pool_methods_task(x):
    if x == 0:
        raise ValueError("Cannot process 0")
    return 10 / x


def pool_methods_answer(get):
    try:
        return get()
    except ValueError as error:
        return f"Exception: {error}"


def pool_methods():
    items = [1, 2, 0, 4]
    with multiprocessing.Pool(2) as pool:
        print("map:", pool_methods_answer(lambda: pool.map(pool_methods_task, items)))
        answers = pool.imap(pool_methods_task, items)
        print("imap:", [pool_methods_answer(answers.next) for _ in items])
        tickets = [pool.apply_async(pool_methods_task, (x,)) for x in items]
        print("apply_async:", [pool_methods_answer(ticket.get) for ticket in tickets])
    with ProcessPoolExecutor(2) as executor:
        futures = [executor.submit(pool_methods_task, x) for x in items]
        print("futures:", [pool_methods_answer(future.result) for future in futures])


if __name__ == "__main__":
    pool_methods()
