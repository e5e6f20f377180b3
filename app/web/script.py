"""A run as a standalone, standard-library Python script, from a template of its experiment."""

from __future__ import annotations

from app.runs.run import Run
from app.web.site import Site


def script(site: Site, run: Run) -> str:
    """The script's text; every value is put in by `repr`, so what a user typed can't become code."""
    values = {name: repr(value) for name, value in run.params.model_dump().items()}
    template = site.scripts.get_template(f"scripts/{run.experiment.slug}.py.txt")
    return template.render(params=values, run_id=run.id, version=repr(run.conditions.get("python", "")))
