"""Entry of a host: `python -I [-S] FOLDER ORDERS ANSWERS`, two file descriptors."""

import os
import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (whatever it is asked to run under)
        # All that an older Python gets to see of ours is this file.
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        os.write(int(sys.argv[2]), b'{"refused": "It is Python %s; 3.11 or newer is needed."}\n' % found.encode())
        sys.exit(1)
    import importlib.util
    from pathlib import Path

    # As for the runner, our own folder must not be first on the path; the one that holds `app` is last, for workers.
    home = Path(__file__).resolve().parents[3]
    sys.path[0:1] = []
    if str(home) not in sys.path:
        sys.path.append(str(home))
    # By location: a user's environment may hold another package of that name.
    folder = home / "app"
    spec = importlib.util.spec_from_file_location(
        "app", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["app"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["app"])

    from app.runner.host.loop import main

    sys.exit(main(orders=int(sys.argv[1]), answers=int(sys.argv[2])))
