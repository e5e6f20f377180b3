"""A future keeps the exception of its task and raises it in result()."""

from concurrent.futures import ThreadPoolExecutor


def thread_future():
    with ThreadPoolExecutor(2) as executor:
        futures = [executor.submit(lambda x=x: 10 / x) for x in (1, 2, 0, 4)]
        for future in futures:
            try:
                print(future.result())
            except ZeroDivisionError as error:
                print(f"result() raised: {error}")


if __name__ == "__main__":
    thread_future()
