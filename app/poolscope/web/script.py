"""A run as a standalone, standard-library Python script, from a template of its experiment."""

from __future__ import annotations

from poolscope.examples import part
from poolscope.runs.run import Run
from poolscope.web.app_state import AppState
from poolscope.web.views import VIEWS
from poolscope.workloads.catalog import WORKLOADS
from poolscope.workloads.source import import_lines, source


def script(app_state: AppState, run: Run) -> str:
    """The script's text; every value is put in by `repr`, so what a user typed can't become code.

    A face that has `program(state)` adds what the run itself found.
    """
    values = {name: repr(value) for name, value in run.params.model_dump().items()}
    template = app_state.scripts.get_template(f"scripts/{run.experiment.slug}.py.txt")
    program = getattr(VIEWS[run.experiment.name], "program", None)
    found = program(run) if program else None
    version = repr(run.conditions.get("python", ""))
    return template.render(
        params=values,
        run_id=run.id,
        version=version,
        found=found,
        workloads=WORKLOADS,
        workload_source=source,
        import_lines=import_lines,
        example=part,
    )
