"""Two threads that take two locks in opposite order wait for each other; one order for all cures it."""

import contextlib
import sys
import threading

LIMIT = 0.5  # seconds that somebody waits


def deadlock():
    def takes(first, second, met):
        with first:
            # With one order for all, nobody comes to meet us.
            with contextlib.suppress(threading.BrokenBarrierError):
                met.wait(LIMIT)
            with second:
                pass

    one, two = threading.Lock(), threading.Lock()
    for order in ((one, two), (two, one)):
        met = threading.Barrier(2)
        threads = [threading.Thread(target=takes, args=(*pair, met), daemon=True) for pair in ((one, two), order)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT * 2)
        stuck = [thread for thread in threads if thread.is_alive()]
        for thread in stuck:
            print(f"{thread.name} waits in line {sys._current_frames()[thread.ident].f_lineno}")
        print("Deadlock" if stuck else "One order: both threads got both locks")


if __name__ == "__main__":
    deadlock()
