"""schemathesis over the API's own document: every call, with the ids of runs that are there and with nonsense."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

# A schema says what a value must be, not which go together: a run whose first number is above its last is refused
# with 422, however well formed. The document says that these two calls do so.
FREE = ["start_api_runs_post", "change_api_runs__run_id__controls_patch"]
CONFIGURATION = """
[dictionaries.runs]
values = {run_ids}

[parameters]
"path.run_id" = {{ dictionary = "runs", probability = 0.8 }}

[[operations]]
include-operation-id = {free}
checks.positive_data_acceptance.enabled = false
"""


@dataclass(frozen=True)
class Fuzzed:
    """How many requests were made, and all that schemathesis says of failed checks ('' if none did)."""

    requests: int
    failures: str


def fuzz(url: str, run_ids: list[str], *, examples: int, phases: str, timeout_s: float = 3600) -> Fuzzed:
    """Ask a server everything that its document allows, and much that it does not, with all checks of the answers."""
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder) / "schemathesis.toml"
        configuration.write_text(CONFIGURATION.format(run_ids=run_ids, free=FREE))
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
            *("run", f"{url}/openapi.json", "--phases", phases, "--no-color"),
            *("--max-examples", str(examples), "--request-timeout", "10", "--continue-on-failure"),
            *("--generation-database", "none"),
        ]
        said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s, check=False)
    made = re.search(r"([\d,]+) generated", said.stdout)
    return Fuzzed(
        int(made[1].replace(",", "")) if made else 0, "" if said.returncode == 0 else said.stdout + said.stderr
    )
