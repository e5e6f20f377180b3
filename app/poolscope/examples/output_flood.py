"""A program that prints more than a pipe holds waits until somebody reads."""

import subprocess
import sys

LIMIT = 0.5  # seconds that somebody waits


def output_flood():
    flood = "import sys; sys.stdout.write('x' * 1_000_000)"
    with subprocess.Popen([sys.executable, "-c", flood], stdout=subprocess.PIPE) as process:
        try:
            process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            print("It waits for ever: the pipe is full and nobody reads")
        head, count = b"", 0
        while part := process.stdout.read(65536):
            head, count = head + part[: 1000 - len(head)], count + len(part)
    print(f"Read: {count} bytes, kept: {len(head)}")


if __name__ == "__main__":
    output_flood()
