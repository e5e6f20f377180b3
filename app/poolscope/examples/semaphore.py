"""Two permits: never more than two threads inside."""

import threading
import time

permits = threading.Semaphore(2)
inside, most = [], []


def download(name):
    with permits:  # waits while both are taken
        inside.append(name)
        most.append(len(inside))
        time.sleep(0.01)
        inside.remove(name)


threads = [threading.Thread(target=download, args=(i,)) for i in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(max(most))  # 2
