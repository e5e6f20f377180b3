"""The registration `which-pool`: what a run of it means, part by part, as the registry's `Meaning` asks for it."""

from __future__ import annotations

from poolscope.experiments.pool_benchmark.charts import chart
from poolscope.experiments.pool_benchmark.export import notes, table
from poolscope.experiments.pool_benchmark.export import which_pool_json as as_json
from poolscope.experiments.pool_benchmark.export import which_pool_rows as rows
from poolscope.experiments.pool_benchmark.findings import findings
from poolscope.experiments.pool_benchmark.remedies import change
from poolscope.experiments.pool_benchmark.state import State, fold, initial
from poolscope.experiments.pool_benchmark.verdict import verdict

__all__ = ["State", "as_json", "change", "chart", "findings", "fold", "initial", "notes", "rows", "table", "verdict"]
