"""Ctrl-C while a pool is at work: the workers ignore it, the parent ends them."""

import multiprocessing
import os
import signal
import threading
import time

TASK = 10.0  # seconds that a long task takes
LIMIT = 0.5  # seconds that somebody waits


def keyboard_interrupt_quiet():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides


def keyboard_interrupt():
    with multiprocessing.Pool(2, keyboard_interrupt_quiet) as pool:
        threading.Timer(LIMIT, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            pool.map(time.sleep, [TASK] * 4)
        except KeyboardInterrupt:
            pool.terminate()
            pool.join()
            print("KeyboardInterrupt in the parent: the pool is terminated")


if __name__ == "__main__":
    keyboard_interrupt()
