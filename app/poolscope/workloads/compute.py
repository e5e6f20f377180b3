"""Work that computes: with the GIL, without it, and unevenly. Workers import this, so it imports little itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolscope.workloads.work import Work, WorkRequest

BLOCK = bytes(16 * 1024)  # hashlib lets go of the GIL for anything over 2,047 bytes
FIRST_CANDIDATE = 1_000_000
TIMES_AS_LONG = 10  # and one in so many is
LINES = 600  # 40 KiB a page: more than zlib looks back, so that it finds no whole page again
LONG_ENOUGH_NS = 3_000_000  # a calibration shorter than that would measure the clock and the scheduler


def square(n: int) -> int:
    return n * n


def sum_of_squares(rounds: int, n: int) -> int:
    total = n * n
    for k in range(rounds):
        total += k * k
    return total


def uneven(rounds: int, n: int) -> int:
    """A sum of squares; the last of each ten items is the long one."""
    return sum_of_squares(rounds * (TIMES_AS_LONG if n % TIMES_AS_LONG == 0 else 1), n)


def factorial(n: int) -> int:
    return math.factorial(n)


def primes(rounds: int, n: int) -> int:
    """Of the `rounds` numbers from a million and n on, how many are prime."""
    return sum(map(is_prime, range(FIRST_CANDIDATE + n, FIRST_CANDIDATE + n + rounds)))


def is_prime(candidate: int) -> bool:
    divisor = 2
    while divisor * divisor <= candidate:
        if candidate % divisor == 0:
            return False
        divisor += 1
    return True


def sha256(rounds: int, n: int) -> str:
    import hashlib  # here, for it brings OpenSSL, which no other work needs

    digest = hashlib.sha256(b"%d" % n)
    for _ in range(rounds):
        digest.update(BLOCK)
    return digest.hexdigest()


def packed_and_unpacked(rounds: int, n: int) -> int:
    """The checksum of a block of `rounds` pages after it was compressed and decompressed."""
    import zlib  # here, for no other work needs it

    block = b"%d\n" % n + page() * rounds
    return zlib.crc32(zlib.decompress(zlib.compress(block)))


@cache
def page() -> bytes:
    return b"".join(b"%06d: some of this is as before and some is not, %d\n" % (k, k**3) for k in range(LINES))


def rounds_for(work_ms: float, function: Callable[[int, int], Any]) -> int:
    """The rounds that make one call of `function(rounds, n)` take `work_ms` in this thread, at least 1."""
    function(1, 1)  # not timed: it may import or prepare something
    rounds, target_ns = 1, work_ms * 1e6
    while least_ns(partial(function, rounds), calls=1) < min(LONG_ENOUGH_NS, target_ns):
        rounds *= 2
    return max(1, round(rounds * target_ns / least_ns(partial(function, rounds), calls=5)))


def least_ns(function: Callable[[int], Any], calls: int) -> int:
    """The least of several times, for a disturbance only ever makes a call longer."""
    times = []
    for _ in range(calls):
        started = perf_counter_ns()
        function(1)
        times.append(perf_counter_ns() - started)
    return max(1, min(times))


def make_plain(function: Callable[[int], Any]) -> Callable[[WorkRequest], Work]:
    """How a function of a number is set up whose length can't be chosen."""

    def make(request: WorkRequest) -> Work:
        from poolscope.workloads.work import Work  # not before: workers that import this module have no use for it

        return Work(function, request.numbers)

    return make


def make_of_rounds(
    function: Callable[[int, int], Any], setup: Callable[[], Any] | None = None
) -> Callable[[WorkRequest], Work]:
    """How a function is set up whose first argument gives its length."""

    def make(request: WorkRequest) -> Work:
        from poolscope.workloads.work import Work

        rounds, one_call_s = request.rounds, None
        if rounds is None:
            rounds = rounds_for(request.work_ms, function)
            one_call_s = least_ns(partial(function, rounds), calls=3) / 1e9
        ready = partial(function, rounds)
        return Work(ready, request.numbers, setup=setup, rounds=rounds, one_call_s=one_call_s)

    return make


MAKERS = {
    "square": make_plain(square),
    "sum-of-squares": make_of_rounds(sum_of_squares),
    "uneven": make_of_rounds(uneven),
    "factorial": make_plain(factorial),
    "primes": make_of_rounds(primes),
    "sha256": make_of_rounds(sha256),
    "zlib": make_of_rounds(packed_and_unpacked, page),
}
