"""All errors in one log, each with its traceback: processes send records, one listener writes."""

import logging
import logging.handlers
import multiprocessing
import sys


def central_logging_worker(queue):
    logger = logging.getLogger("worker")
    logger.addHandler(logging.handlers.QueueHandler(queue))
    try:
        raise ValueError("Sample error")
    except ValueError:
        logger.exception("Exception occurred")


def central_logging():
    queue = multiprocessing.Queue()
    listener = logging.handlers.QueueListener(queue, logging.StreamHandler(sys.stdout))
    processes = [multiprocessing.Process(target=central_logging_worker, args=(queue,)) for _ in range(2)]
    for process in processes:
        process.start()
    listener.start()  # after the processes: one that is forked beside a thread may inherit its locks
    for process in processes:
        process.join()
    listener.stop()


if __name__ == "__main__":
    central_logging()
