"""A run's spans as Trace Event JSON, which the Perfetto UI and chrome://tracing open.

Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format).
"""

from __future__ import annotations

from typing import Any

from poolscope.protocol.records import Actor, Opening, Span, from_line
from poolscope.runs.run import Run


def trace(run: Run) -> dict[str, Any]:
    """All closed spans as complete events (microseconds since the first record); one row an actor."""
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": f"poolscope {run.id}"}}
    ]
    rows: dict[str, int] = {}
    start = 0

    def row(actor: str) -> int:
        if actor not in rows:
            rows[actor] = len(rows) + 1
            events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": rows[actor], "args": {"name": actor}})
        return rows[actor]

    for line in run.record_log.lines:
        record = from_line(line)
        if isinstance(record, Opening):
            start = record.t
        elif isinstance(record, Actor):
            row(record.actor)
        elif isinstance(record, Span) and record.t1 is not None:
            events.append(
                {
                    "ph": "X",
                    "name": f"{record.state} {record.item}".strip(),
                    "cat": record.state,
                    "pid": 1,
                    "tid": row(record.actor),
                    "ts": (record.t0 - start) / 1e3,
                    "dur": (record.t1 - record.t0) / 1e3,
                }
            )
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"run": run.id, "experiment": run.experiment.name},
    }
