"""An exception that nobody catches in its thread: join() raises nothing, only the hook sees it."""

import threading


def thread_uncaught():
    seen = []
    threading.excepthook = lambda args: seen.append(args.exc_value)  # the default prints it to stderr
    thread = threading.Thread(target=lambda: 10 / 0)
    thread.start()
    thread.join()  # raises nothing
    threading.excepthook = threading.__excepthook__
    print(f"join() returned; only excepthook saw {seen}")


if __name__ == "__main__":
    thread_uncaught()
