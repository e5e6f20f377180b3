"""A run in other forms: Trace Event JSON, CSV, and a standalone Python script."""

from __future__ import annotations

import csv
import io
from typing import Any

from poolscope.examples import part
from poolscope.protocol.records import Actor, Opening, Span, from_line
from poolscope.runs.run import Run
from poolscope.web.app_state import AppState
from poolscope.web.context import params_in_force
from poolscope.web.views import VIEWS
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.source import import_lines, source


def script(app_state: AppState, run: Run) -> str:
    """The script's text; every value is put in by `repr`, so what a user typed can't become code."""
    template = app_state.scripts.get_template(f"scripts/{run.experiment.slug}.py.txt")
    return template.render(
        params={name: repr(value) for name, value in params_in_force(run).items()},
        run_id=run.id,
        version=repr(run.conditions.get("python", "")),
        found=VIEWS[run.experiment.name].program(run),
        workloads=WORKLOADS,
        workload_source=source,
        import_lines=import_lines,
        example=part,
    )


def table_as_csv(run: Run) -> str:
    """The result rows, head first; what is not known is empty."""
    header, rows = run.experiment.meaning.rows(run.state)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(["" if value is None else value for value in row] for row in rows)
    return text.getvalue()


def trace(run: Run) -> dict[str, Any]:
    """All closed spans as complete events (microseconds since the first record); one row an actor.

    Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format); the
    Perfetto UI and chrome://tracing open it.
    """
    events: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": f"poolscope {run.id}"}}
    ]
    rows: dict[str, int] = {}
    start = 0

    def row(actor: str, host: str = "") -> int:
        if actor not in rows:
            rows[actor] = len(rows) + 1
            name = f"{actor} on {host}" if host else actor
            events.append({"ph": "M", "name": "thread_name", "pid": 1, "tid": rows[actor], "args": {"name": name}})
        return rows[actor]

    for line in run.record_log.lines:
        record = from_line(line)
        if isinstance(record, Opening):
            start = record.t
        elif isinstance(record, Actor):
            row(record.actor, record.host)
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
                    # Of many that are told as one, what they took without the gaps between them.
                    **({} if record.busy is None else {"args": {"busy_us": record.busy / 1e3}}),
                }
            )
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"run": run.id, "experiment": run.experiment.name},
    }
