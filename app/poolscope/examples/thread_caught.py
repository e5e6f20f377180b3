"""An exception that its thread catches: the thread goes on with its other items."""

import threading


def thread_caught():
    def worker():
        for x in (1, 2, 0, 4):
            try:
                print(10 / x)
            except ZeroDivisionError as error:
                print(f"Exception in thread: {error}")

    thread = threading.Thread(target=worker)
    thread.start()
    thread.join()


if __name__ == "__main__":
    thread_caught()
