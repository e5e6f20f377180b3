"""A queue between two interpreters of one process."""

from concurrent import interpreters  # Python 3.14

q = interpreters.create_queue()
other = interpreters.create()
other.prepare_main(q=q)
other.exec("q.put(42)")
print(q.get())  # 42
other.close()
