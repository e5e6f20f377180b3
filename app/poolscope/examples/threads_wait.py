"""Ten downloads that wait: threads wait side by side."""

import time
from concurrent.futures import ThreadPoolExecutor


def fetch(page):
    time.sleep(0.1)  # the network answers; meanwhile nobody needs the GIL
    return f"page {page}"


if __name__ == "__main__":
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=10) as pool:
        pages = list(pool.map(fetch, range(10)))
    print(f"{len(pages)} pages in {time.perf_counter() - started:.2f} s, not in 1 s")
