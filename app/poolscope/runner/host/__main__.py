"""Entry of a host: `python FLAGS FOLDER ORDERS ANSWERS`, two file descriptors."""

import os
import sys

if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (whatever it is asked to run under)
        # All that an older Python gets to see of ours is this file.
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031
        why = b"It is Python %s; 3.11 or newer is needed." % found.encode()
        os.write(int(sys.argv[2]), b'{"name":"failed","value":{"why":"' + why + b'","spoiled":true}}\n')
        sys.exit(1)
    from pathlib import Path

    # Running a folder puts that folder first on the path, where our modules would shadow others. What is needed
    # instead is the one that holds the package and nothing else: first, before another version of it among the user's
    # packages, and not resolved, for a worker that imports `poolscope` anew is told this path.
    sys.path[0] = str(Path(__file__).parents[3])

    from poolscope.runner.host.server import main

    sys.exit(main(orders=int(sys.argv[1]), answers=int(sys.argv[2])))
