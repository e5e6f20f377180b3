"""The runner, with the tests' own bodies importable: `python -I -S program.py CONTROL RECORDS`."""

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    sys.path.append(str(ROOT))
    runpy.run_path(str(ROOT / "app" / "poolscope" / "runner"), run_name="__main__")
