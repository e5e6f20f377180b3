"""Work that computes: with the GIL, without it, and unevenly. Workers import this, so it imports little itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from poolscope.workloads.functions import WORKLOADS, Ready, calibrated, sum_of_squares

if TYPE_CHECKING:
    from poolscope.workloads.catalog import Asked, Work

FIRST_CANDIDATE = 1_000_000
TIMES_AS_LONG = 10  # and one in so many is
LINES = 600  # 40 KiB a page: more than zlib looks back, so that it finds no whole page again


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


def packed_and_unpacked(rounds: int, n: int) -> int:
    """The checksum of a block of `rounds` pages after it was compressed and decompressed."""
    import zlib  # here, for no other work needs it

    block = b"%d\n" % n + page() * rounds
    return zlib.crc32(zlib.decompress(zlib.compress(block)))


@cache
def page() -> bytes:
    return b"".join(b"%06d: some of this is as before and some is not, %d\n" % (k, k**3) for k in range(LINES))


def uneven(rounds: int, n: int) -> int:
    """A sum of squares; the last of each ten items, and so the last one of all, is the long one."""
    return sum_of_squares(rounds * (TIMES_AS_LONG if n % TIMES_AS_LONG == 0 else 1), n)


def make(name: str) -> Callable[[Asked], Work]:
    """How a workload of the pool-sizes experiment is set up."""

    def maker(asked: Asked) -> Work:
        return work_of(WORKLOADS[name].set_up(asked.work_ms, asked.scratch, asked.rounds), asked)

    return maker


def make_of_rounds(
    function: Callable[[int, int], Any], setup: Callable[[], Any] | None = None
) -> Callable[[Asked], Work]:
    """How a function is set up whose first argument gives its length."""

    def maker(asked: Asked) -> Work:
        ready = calibrated(asked.work_ms, lambda rounds: partial(function, rounds), asked.rounds)
        return work_of(ready, asked, setup)

    return maker


def work_of(ready: Ready, asked: Asked, setup: Callable[[], Any] | None = None) -> Work:
    from poolscope.workloads.catalog import Work  # not before: workers that import this module have no use for it

    return Work(
        ready.function,
        range(1, asked.count + 1),
        setup=setup,
        rounds=ready.rounds,
        one_call_s=ready.one_call_s,
    )


MAKERS = {
    **{name: make(name) for name in ("square", "sum-of-squares", "sha256", "read-files")},
    "primes": make_of_rounds(primes),
    "zlib": make_of_rounds(packed_and_unpacked, page),
    "uneven": make_of_rounds(uneven),
}
