"""Entry of a host: `python -I [-S] FOLDER ORDERS ANSWERS`, two file descriptors."""

import os
import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (whatever it is asked to run under)
        # All that an older Python gets to see of ours is this file.
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        os.write(int(sys.argv[2]), b'{"refused": "It is Python %s; 3.11 or newer is needed."}\n' % found.encode())
        sys.exit(1)
    from pathlib import Path

    # Running a folder puts that folder first on the path, where our modules would shadow others. What is needed
    # instead is the folder that holds the package `poolscope`, and last: under a wheel it is site-packages.
    sys.path[0:1] = []
    home = str(Path(__file__).resolve().parents[3])
    if home not in sys.path:
        sys.path.append(home)

    from poolscope.runner.host.server import main

    sys.exit(main(orders=int(sys.argv[1]), answers=int(sys.argv[2])))
