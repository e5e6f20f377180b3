"""Why two lists of results differ, as far as that shows in the results: a code with its evidence."""

from __future__ import annotations

import math
import multiprocessing.process
import os
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from poolscope.protocol.kinds import IN_PROCESSES, SERIAL
from poolscope.protocol.payloads import DifferenceCode, ResultDifference
from poolscope.runner.host.equality import digest, same

# Sums in another order differ by some units in the last place: about 1e-16 of a double, 1e-7 of a float32.
ROUNDING, ROUNDING_OF_SINGLE = 1e-9, 1e-5
MOST_COMPARED = 500  # items, to tell a cause; a rounding is looked for in all
MOST_LEAVES = 20_000
ROW = 6  # different numbers or words: as many are not drawn in the same order twice
SCALES = (1, 1e3, 1e6, 1e9)  # seconds and what they are counted in
A_DAY_S, LATELY_S = 86_400.0, 300.0
# As str(), isoformat() and logging write it.
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?|\b\d\d:\d\d:\d\d([.,]\d+)?")
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
NUMBER = re.compile(r"\d+")
TOKEN = re.compile(r"[0-9A-Za-z_-]{8,}")
# Of the places of two tokens. Drawn ones agree in few, and in what is always there: of a temporary file's name in the
# `tmp` that is three of eleven places.
IN_COMMON = 0.6
# Of a call's length: what a function says that it took is part of it, and most of it.
MOST_OF_A_CALL, ALL_OF_A_CALL = 0.5, 1.02
ALIGNMENT = 8  # of objects, in bytes


def explained(
    results: Sequence[Any],
    expected: Sequence[Any],
    *,
    kind: str,
    workers: Collection[int] = (),
    drawn: Collection[str] = (),
    changed: Collection[str] = (),
    took: tuple[float, float] | None = None,
) -> ResultDifference:
    """Of results that are not the expected ones.

    `kind` is that of the pool, `workers` its process or thread ids; `drawn` names the random generators that the calls
    draw from, `changed` the globals that they change. `took` are the seconds of the two calls, where an item was called
    twice.
    """
    if len(results) != len(expected):
        return ResultDifference("count", differing=abs(len(results) - len(expected)))
    pairs = [(number, one, other) for number, (one, other) in enumerate(zip(results, expected, strict=True))]
    differing = [pair for pair in pairs if not is_same(pair[1], pair[2])]
    found = ResultDifference("unknown", differing[0][0] if differing else None, len(differing))
    if not differing:
        return found
    looked_at = differing[:MOST_COMPARED]
    leaves = [pair for _, one, other in looked_at for pair in differing_leaves(one, other)]
    # First: times of now are nearly the same.
    if leaves and all(is_clock(one, other) or is_duration(one, other, took) for one, other in leaves):
        return replace(found, code="clock")
    if (largest := farthest((one, other) for _, one, other in differing)) is not None:
        return replace(found, code="rounding", largest=largest)
    repeated = repeated_draws(results, expected) if kind in IN_PROCESSES else None
    same_state = ResultDifference("same-random-state", found.item, found.differing, names=tuple(drawn))
    if repeated is not None:
        same_state = replace(same_state, pair=repeated[0], repeated=repeated[1])
        if drawn:
            return same_state
    # Not where only some are: the others need another cause, which may be that of all. In one process the order of sets
    # stays, so that it must have been drawn.
    stays = not (kind == SERIAL and drawn)
    if stays and all(unordered(one) == unordered(other) is not None for _, one, other in looked_at):
        return replace(found, code="order")
    telling: tuple[tuple[DifferenceCode, Callable[[Any, Any], bool]], ...] = (
        ("identity", identity(kind, workers)),
        ("address", is_address),
    )
    for code, tells in telling:
        if leaves and all(tells(one, other) for one, other in leaves):
            return replace(found, code=code)
    if repeated is not None:
        return same_state
    if drawn:
        return replace(found, code="shared-generator" if kind == "thread" else "random", names=tuple(drawn))
    if leaves and kind == SERIAL and all(is_token(one, other) for one, other in leaves):
        return replace(found, code="token")
    if changed:
        return replace(found, code="shared-globals" if kind == "thread" else "own-globals", names=tuple(changed))
    return found


# Rounding


def relative_difference(one: Any, other: Any) -> float | None:
    """How far two values are apart, 0.0 for the same; None where that is more than rounding, or no matter of numbers.

    Of a list of numbers it is relative to the largest of them.
    """
    if is_same(one, other):
        return 0.0
    one, other = as_numbers(one), as_numbers(other)
    if isinstance(one, float | complex) and isinstance(other, float | complex | int):
        return within(abs(one - other), max(abs(one), abs(other)), ROUNDING)
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return farthest((one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        if one and all(isinstance(number, float | complex) for number in (*one, *other)):
            largest = max(abs(number) for number in (*one, *other))
            return within(max(abs(a - b) for a, b in zip(one, other, strict=True)), largest, ROUNDING)
        return farthest(zip(one, other, strict=True))
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(one, numpy.ndarray) and isinstance(other, numpy.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype or one.dtype.kind not in "fc" or not one.size:
            return None
        tolerance = ROUNDING if numpy.finfo(one.dtype).eps < 1e-12 else ROUNDING_OF_SINGLE
        return within(float(numpy.max(numpy.abs(one - other))), float(numpy.max(numpy.abs(one))), tolerance)
    return None


def as_numbers(value: Any) -> Any:
    """A data frame or a series as its array, an object as its attributes, a number of NumPy as Python's."""
    if hasattr(value, "to_numpy"):
        return value.to_numpy()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.floating | numpy.complexfloating):
        return value.item()
    if type(value).__module__ != "builtins" and hasattr(value, "__dict__") and not hasattr(value, "__array__"):
        return vars(value)
    return value


def within(apart: float, largest: float, tolerance: float) -> float | None:
    if not math.isfinite(apart) or not math.isfinite(largest):
        return None
    relative = apart / largest if largest else apart
    return relative if relative <= tolerance else None


def farthest(pairs: Iterable[tuple[Any, Any]]) -> float | None:
    largest = 0.0
    for one, other in pairs:
        apart = relative_difference(one, other)
        if apart is None:
            return None
        largest = max(largest, apart)
    return largest


def is_same(one: Any, other: Any) -> bool:
    """As `same`, quickly for numbers and texts."""
    if type(one) is type(other) and type(one) in (int, float, str):
        return bool(one == other) or (one != one and other != other)
    return same(one, other) is True


# Order


def unordered(value: Any) -> str | None:
    """A digest of a value's parts in whatever order: of entries, and of the words of a text. None without one."""
    found = digest(sorted_parts(value))
    return found.text if found is not None else None


def sorted_parts(value: Any) -> Any:
    if isinstance(value, str):
        return Counter(re.findall(r"\w+", value))
    if isinstance(value, list | tuple):
        return sorted(str(unordered(part)) for part in value)
    if isinstance(value, dict):
        return sorted((str(unordered(key)) + str(unordered(entry)) for key, entry in value.items()))
    return value


# Single values that differ


def differing_leaves(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """The innermost parts at the same places that are not the same; a pair of wholes where their forms differ."""
    if is_same(one, other):
        return
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differing_leaves(one[key], other[key])
    elif isinstance(one, list | tuple) and type(one) is type(other) and len(one) == len(other):
        for part, like in zip(one, other, strict=True):
            yield from differing_leaves(part, like)
    else:
        yield one, other


def identity(kind: str, workers: Collection[int]) -> Callable[[Any, Any], bool]:
    """Whether a pair names who worked: a process, a thread, by number or name."""
    main = threading.main_thread()
    ours = {os.getpid(), main.ident, main.native_id, main.name, multiprocessing.process.current_process().name}
    names = {worker.name for worker in threading.enumerate()} | {main.name}

    def tells(one: Any, other: Any) -> bool:
        if isinstance(one, int) and not isinstance(one, bool):
            # The id of a worker, or of a thread that is known to nobody outside of it.
            return other in ours and (one in workers or kind == "thread" or other == main.ident)
        if not isinstance(one, str) or not isinstance(other, str):
            return False
        if other in ours and (one in names or bool(re.search(r"\d$", one))):
            return True
        if NUMBER.sub("", one) != NUMBER.sub("", other):
            return False
        numbers = zip(map(int, NUMBER.findall(one)), map(int, NUMBER.findall(other)), strict=True)
        return all(tells(*pair) for pair in numbers if pair[0] != pair[1])

    return tells


def is_address(one: Any, other: Any) -> bool:
    if isinstance(one, int) and isinstance(other, int):
        return one % ALIGNMENT == other % ALIGNMENT == 0 and min(one, other) > 0 and is_mapped(other)
    texts = [value if isinstance(value, str) else "" for value in (one, other)]
    return all(ADDRESS.search(text) for text in texts) and len({ADDRESS.sub("", text) for text in texts}) == 1


def is_clock(one: Any, other: Any) -> bool:
    """Whether a pair are times of now: both near to what a clock says."""
    if all(type(value).__name__ in ("datetime", "time", "timedelta") for value in (one, other)):
        return True
    if isinstance(one, str) and isinstance(other, str):
        return bool(DATE_TIME.search(one)) and DATE_TIME.sub("", one) == DATE_TIME.sub("", other)
    if not all(isinstance(value, float | int) for value in (one, other)):
        return False
    if all(map(is_of_fast_clock, (one, other))):
        return True
    return any(all(abs(value / scale - time.time()) < A_DAY_S for value in (one, other)) for scale in SCALES)


def is_of_fast_clock(value: Any) -> bool:
    """Whether it is what time.perf_counter() or monotonic() gave a short while ago."""
    age = time.perf_counter() - value
    return isinstance(value, float) and value > LATELY_S and 0 <= age < LATELY_S and has_many_digits(value)


def is_duration(one: Any, other: Any, took: tuple[float, float] | None) -> bool:
    """Whether a pair says how long the two calls took, in whatever unit."""
    if took is None or not all(isinstance(value, float | int) for value in (one, other)):
        return False
    shares = [[value / scale / seconds for value, seconds in zip((one, other), took, strict=True)] for scale in SCALES]
    return any(all(MOST_OF_A_CALL <= share <= ALL_OF_A_CALL for share in both) for both in shares)


def is_token(one: Any, other: Any) -> bool:
    """Whether a pair are texts, or what has one such as a UUID, that differ in words drawn at random."""
    ours, theirs = str(one), str(other)
    if TOKEN.sub("", ours) != TOKEN.sub("", theirs):
        return False
    pairs = [pair for pair in zip(TOKEN.findall(ours), TOKEN.findall(theirs), strict=True) if pair[0] != pair[1]]
    return all(len(a) == len(b) and sum(map(str.__eq__, a, b)) < IN_COMMON * len(a) for a, b in pairs)


def is_mapped(address: int, proc: Path = Path("/proc")) -> bool:
    """Whether it is an address in the memory of this process; False where that can't be told."""
    with suppress(OSError, ValueError):
        for line in (proc / "self" / "maps").read_text().splitlines():
            first, _, last = line.split(maxsplit=1)[0].partition("-")
            if int(first, 16) <= address < int(last, 16):
                return True
    return False


# Random numbers


def repeated_draws(results: Sequence[Any], expected: Sequence[Any]) -> tuple[tuple[int, int], int] | None:
    """Two items that were given the same random number, and how many items share one; None where the loop's do too.

    Only numbers with many digits count, and rows of small ones: others may well be the same by chance. What stands in
    the results of the same items in the loop is not drawn.
    """
    ours, theirs = holders(results), holders(expected)
    if any(len(items) > 1 and ours.get(number) != items for number, items in theirs.items()):
        return None
    shared = [items for number, items in ours.items() if len(items) > 1 and theirs.get(number) != items]
    if not shared:
        return None
    first = min(shared)
    return (first[0], first[1]), len({item for items in shared for item in items})


def holders(results: Sequence[Any]) -> dict[Any, list[int]]:
    """The items, in order, in whose results a number of many digits or a row of numbers stands, by number or row."""
    found: dict[Any, list[int]] = {}
    left = MOST_LEAVES
    for item, result in enumerate(results):
        for number in set(many_digits(result)):
            left -= 1
            if left < 0:
                return found
            found.setdefault(number, []).append(item)
    return found


def has_many_digits(value: Any) -> bool:
    if isinstance(value, float):
        return len(repr(value)) > 12
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**40


def many_digits(value: Any) -> Iterator[Any]:
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.generic):
        value = value.ravel()[:100].tolist()
    if has_many_digits(value):
        yield value
    elif isinstance(value, list | tuple) and len(value) >= ROW and all(type(one) in (int, str) for one in value[:100]):
        if len(set(value[:100])) >= ROW:
            yield tuple(value[:100])
    elif isinstance(value, Mapping):
        for entry in list(value.values())[:100]:
            yield from many_digits(entry)
    elif isinstance(value, list | tuple | set | frozenset):
        for entry in list(value)[:100]:
            yield from many_digits(entry)
