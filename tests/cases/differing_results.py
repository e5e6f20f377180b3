"""Results that differ between workers, each for another reason."""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
import threading
import time
import uuid

items = list(range(8))
words = [f"word{number}" for number in range(60)]
drawing = random.Random(42)
scale = 1
kept: list[int] = []
alive: list[object] = []


def entries_of_set(number: int) -> list[str]:
    return list(set(words[: number + 20]))


def bucket(number: int) -> int:
    return hash(words[number]) % 1009


def sum_of_set(number: int) -> float:
    """The order of the terms rounds the sum."""
    return sum(1 / (1 + int(word[4:])) for word in set(words))


def draws(number: int) -> tuple[int, float]:
    time.sleep(0.01)  # or one worker does all
    return number, drawing.random()


def draws_small_numbers(number: int) -> int:
    time.sleep(0.01)
    return drawing.randrange(10)


def seeds_for_all(number: int) -> float:
    """Threads come in between the seed and the draw of another."""
    random.seed(number)
    time.sleep(0.002)
    return random.random()


def process_id(number: int) -> dict[str, int]:
    return {"number": number, "process": os.getpid()}


def process_id_in_a_text(number: int) -> str:
    return f"{number}: by {os.getpid()}"


def object_id(number: int) -> dict[str, int]:
    alive.append(object())
    return {"id": id(alive[-1])}


def temporary_name(number: int) -> str:
    with tempfile.NamedTemporaryFile() as file:
        return file.name


def unique_id(number: int) -> uuid.UUID:
    return uuid.uuid4()


def takes_time(number: int) -> dict[str, float]:
    began = time.perf_counter()
    time.sleep(0.02)
    return {"ms": (time.perf_counter() - began) * 1e3}


def thread_id(number: int) -> tuple[int, int]:
    return number, threading.get_ident()


def process_name(number: int) -> str:
    return multiprocessing.current_process().name


def now(number: int) -> float:
    return time.time()


def address(number: int) -> str:
    alive.append(object())  # or the next one has its address
    return repr(alive[-1])


def set_scale() -> list[int]:
    global scale
    scale = 3
    return items


def scaled(number: int) -> int:
    return number * scale


def fills(number: int) -> int:
    """Threads find what others have put there."""
    kept.clear()
    kept.append(number)
    time.sleep(0.002)
    return sum(kept)


def wrong_in_worker(number: int) -> int:
    return number + (multiprocessing.parent_process() is not None)
