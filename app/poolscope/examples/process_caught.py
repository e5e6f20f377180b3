"""An exception that its process catches: the exit code stays 0."""

import multiprocessing


def process_caught_worker():
    try:
        print(10 / 0, flush=True)
    except ZeroDivisionError as error:
        print(f"Exception in process: {error}", flush=True)


def process_caught():
    process = multiprocessing.Process(target=process_caught_worker)
    process.start()
    process.join()
    print(f"exit code {process.exitcode}")


if __name__ == "__main__":
    process_caught()
