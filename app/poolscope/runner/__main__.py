"""Entry of the runner: `python -I -S FOLDER CONTROL RECORDS [MODULE …]`, two file descriptors and early imports."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Running a folder puts that folder first on the path, where our modules would shadow others. What is needed
    # instead is the folder that holds the package `app`, and last: under a wheel it is site-packages.
    sys.path[0:1] = []
    sys.path.append(str(Path(__file__).resolve().parents[2]))

    from poolscope.runner.main import main

    sys.exit(main(control=int(sys.argv[1]), records=int(sys.argv[2]), preload=sys.argv[3:]))
