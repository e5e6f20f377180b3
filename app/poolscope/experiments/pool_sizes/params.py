"""Moved to `pool_benchmark.params`."""

from __future__ import annotations

from poolscope.experiments.pool_benchmark.params import LARGEST_POOL, MOST_ITEMS, PoolSizesParams
from poolscope.experiments.pool_benchmark.params import MOST_REPEATS_OF_SIZES as MOST_REPEATS

__all__ = ["LARGEST_POOL", "MOST_ITEMS", "MOST_REPEATS", "PoolSizesParams"]
