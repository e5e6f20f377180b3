"""The registration `pool-sizes`: one kind of pool in the run's own process, compared by its sizes."""

from __future__ import annotations

from poolscope.experiments.pool_benchmark.export import pool_sizes_json as as_json
from poolscope.experiments.pool_benchmark.export import pool_sizes_rows as rows
from poolscope.experiments.pool_benchmark.export import rounds_notes as notes
from poolscope.experiments.pool_benchmark.export import transcript
from poolscope.experiments.pool_benchmark.findings import findings
from poolscope.experiments.pool_benchmark.remedies import change
from poolscope.experiments.pool_benchmark.size_charts import chart
from poolscope.experiments.pool_benchmark.state import State, fold, initial
from poolscope.experiments.pool_benchmark.verdict import verdict

__all__ = [
    "State",
    "as_json",
    "change",
    "chart",
    "findings",
    "fold",
    "initial",
    "notes",
    "rows",
    "transcript",
    "verdict",
]
