"""Five processes without a pool: started, introduced, waited for."""

import os
from multiprocessing import Process


def introduce(number):
    print(f"Task {number} runs in process {os.getpid()}, a child of {os.getppid()}")


if __name__ == "__main__":
    processes = [Process(target=introduce, args=(number,)) for number in range(5)]
    for process in processes:
        process.start()  # returns at once; all five run from here on
    for process in processes:
        process.join()  # returns when that one has ended
    print("exit codes:", [process.exitcode for process in processes])
