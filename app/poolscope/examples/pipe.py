"""Two processes talk over a pipe."""

from multiprocessing import Pipe, Process


def worker(conn):
    question = conn.recv()
    conn.send(f"Hello from worker! You said {question}")
    conn.close()


if __name__ == "__main__":
    parent_conn, child_conn = Pipe()
    process = Process(target=worker, args=(child_conn,))
    process.start()
    parent_conn.send("ping")
    print(parent_conn.recv())  # Hello from worker! You said ping
    process.join()
