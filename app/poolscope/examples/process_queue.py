"""A process sends its exception, with the traceback as text, and the parent raises it again."""

import multiprocessing
import traceback


def process_queue_worker(errors):
    try:
        raise ValueError("Process error")
    except Exception as error:
        errors.put((error, traceback.format_exc()))  # pickle leaves the traceback behind


def process_queue():
    errors = multiprocessing.Queue()
    process = multiprocessing.Process(target=process_queue_worker, args=(errors,))
    process.start()
    error, trace = errors.get(timeout=60)
    process.join()
    try:
        raise error
    except ValueError as again:
        print(f"Raised again in the parent: {again}; {len(trace.splitlines())} lines of the worker's traceback")


if __name__ == "__main__":
    process_queue()
