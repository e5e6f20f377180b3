"""Bad inputs: schemathesis over the API's document with all its checks, against a server with live and ended runs."""

from __future__ import annotations

import sys

from _fuzzing import fuzz
from _report import Claims, asked, heading
from _server import served

PHASES = "examples,coverage,fuzzing,stateful"


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    # As the demo has it, so that a start that is refused is met, too; deleting is not, so it is no demo.
    with served(starts_per_minute="12") as server:
        ended = [server.begin("shared-list", seconds=0.1) for _ in range(3)]
        live = server.begin("shared-list", seconds=600)
        pools = server.begin("pool-sizes", seconds=600, repeats=100, workload="square-sleep")
        tried = fuzz(server.url, [live, pools, *ended], examples=5 if quick else 100, phases=PHASES)
        answers = server.api.get("/healthz").status_code == 200
    print(f"  {tried.requests} requests\n{tried.failures}")
    claims.true("every answer is as the document says, and none is a failure of the server", not tried.failures)
    claims.true("the server answers after it", answers)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
