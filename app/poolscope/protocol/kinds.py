"""The kinds of pool, as every process names them, and how each of them hands out items."""

from __future__ import annotations

from typing import Literal

from poolscope.protocol.frozen import frozen

SERIAL = "serial"  # the plain loop
KINDS = (SERIAL, "thread", "process", "pool", "interpreter", "asyncio")
POOL_KINDS = KINDS[1:]  # of the standard library: what is measured where nothing else is asked for
# Pools from outside of it, measured on request: `executor` is what a factory of the user's own makes.
ENGINES = ("loky", "joblib", "dask", "ray", "executor")
CLUSTERS = ("dask", "ray")  # their workers are reached over a network
# These two have a start method and can replace their workers.
STARTED_BY_METHOD = ("process", "pool")
# Kinds whose workers are processes: they take items in chunks, and pickle what they hand over.
IN_PROCESSES = (*STARTED_BY_METHOD, *ENGINES)
ONE_THREAD_A_WORKER = (*STARTED_BY_METHOD, "loky", "joblib")  # processes in which nothing but the task runs
COPIES_ITEMS = (*IN_PROCESSES, "interpreter")  # their workers get copies of function, items and results
# They send by value what pickle sends by its name alone: functions of `__main__`, lambdas and closures.
BY_CLOUDPICKLE = ("loky", "joblib", "dask", "ray")


# How the function is called: with an item as its one argument, or with the item's entries as several. 'positional': all
# items are sequences of one length, 'ragged' of several; 'keywords': all are mappings; 'mixed': some are.
Calling = Literal["item", "positional", "ragged", "keywords", "mixed"]


@frozen
class PoolUse:
    """How a pool is used. `start_method` '' is the platform's own, `chunksize` 0 the kind's own choice.

    After `max_tasks` tasks, that is messages, a worker is replaced by a new one, 0 being never. All three matter to
    kinds in processes alone. `method` is map, imap, imap_unordered or apply_async, for `pool` alone.
    """

    kind: str
    size: int = 1
    start_method: str = ""
    chunksize: int = 0
    method: str = "map"
    max_tasks: int = 0


def kind_of_cluster(address: str) -> str:
    """The kind that uses a cluster of that address."""
    return "ray" if address.startswith("ray://") else "dask"


def chunk_used(kind: str, chunksize: int, items: int, size: int, method: str = "map") -> int:
    """The items of one message where `chunksize` was asked for, 0 being the kind's own choice.

    `method` is that of a multiprocessing.Pool: its `map` chooses ceil(items / 4n), the others hand out one at a time.
    Some engines ignore a chunk size that their `map` is given, so they are handed chunks that were cut before.
    """
    if kind in ENGINES:
        return chunksize or quarter_of_a_share(items, size)
    if kind not in IN_PROCESSES or method == "apply_async":
        return 1
    if chunksize or kind == "process" or method != "map":
        return chunksize or 1
    return quarter_of_a_share(items, size)


def quarter_of_a_share(items: int, size: int) -> int:
    """What a Pool's map chooses for its chunks, and we for those of an engine: a few messages for each worker."""
    return max(1, -(-items // (size * 4)))
