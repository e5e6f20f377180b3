"""Lets a user's modules have the names they have: ours step aside, and one that hides the standard library is told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from poolscope.runner.pools import worker_side

# By this name workers find what of ours runs in them, whatever the user's packages are called.
ALIAS = "poolscope_inside"
# Imports its kinds when they are first passed, by this name.
LATE = "poolscope.runner.pools.kinds"
STUB = "exec(compile(open({path!r}, encoding='utf-8').read(), {path!r}, 'exec'))\n"


def step_aside(scratch: Path) -> dict[str, ModuleType]:
    """Give up the name `app`, which many projects give to a package of their own. To be called once, before theirs.

    What of ours was imported stays usable through the references that it has; from here on an import of `app…` is the
    user's. Returns what was given up, to be kept: nothing else may hold on to it.
    """
    for thing in vars(worker_side).values():
        if getattr(thing, "__module__", None) == worker_side.__name__:
            thing.__module__ = ALIAS  # pickled by this name
    (scratch / f"{ALIAS}.py").write_text(STUB.format(path=worker_side.__file__), encoding="utf-8")
    worker_side.__name__ = ALIAS
    sys.modules[ALIAS] = worker_side
    sys.path.append(str(scratch))
    ours = [name for name in sys.modules if name == "app" or name.startswith("app.")]
    return {name: sys.modules.pop(name) for name in ours if name != LATE}


def hidden(folder: str, module: str) -> str | None:
    """Why a module of that name in the folder can't be had: it would stand before one of the standard library."""
    top = module.partition(".")[0]
    if top == "__main__":
        return "__main__ is the program itself; name the module as another one would import it."
    path = Path(folder) / top
    if top in sys.stdlib_module_names and (path.is_dir() or path.with_suffix(".py").exists()):
        return (
            f"{module} in {folder} has the name of a module of the standard library, which pools themselves need. "
            "Rename it to measure it."
        )
    return None
