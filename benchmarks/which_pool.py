"""What which-pool answers for real: work of each shape, a free-threaded build, and a machine made noisy.

Each case is a run of its own in a runner, as the server starts it, with the settings that a user would leave alone.
The tests hold the same logic to recorded samples; this shows that the machine at hand bears it out. A free-threaded
build is found, or named by POOLSCOPE_PYTHONS.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from _report import Claims, asked, heading, progress
from _runner import perform
from poolscope.experiments.experiment import Finding, Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.pool_benchmark.state import State
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.machine import interpreters
from poolscope.machine.facts import read_machine
from poolscope.protocol.kinds import IN_PROCESSES
from poolscope.settings import Settings

WHICH_POOL = EXPERIMENTS["which-pool"]
BUSY = "while True: pass"


def outcome(installation: Installation, **given: Any) -> State:
    """The state of a finished run, and its verdict printed."""
    progress(" ".join(f"{name}={value}" for name, value in given.items()))
    params = parse(WHICH_POOL.params, given)
    state = WHICH_POOL.meaning.initial(params)
    for record in perform(WHICH_POOL.name, params, installation):
        state = WHICH_POOL.meaning.fold(state, record)
    progress("")
    print(f"  {params.workload}: {WHICH_POOL.meaning.verdict(state, read_machine().usable_cpus)}", flush=True)
    return state


def kind_of(state: State) -> str:
    """The kind that a run speaks for."""
    verdict: Mapping[str, Any] = WHICH_POOL.meaning.as_json(state)["verdict"]
    return verdict["kind"] or "no clear winner"


def disturbance(state: State) -> Finding:
    found: Sequence[Finding] = WHICH_POOL.meaning.findings(state, read_machine().usable_cpus)
    return next(finding for finding in found if finding.check == "the run was disturbed")


def ends_in(claims: Claims, what: str, state: State, kinds: Sequence[str]) -> None:
    """Claim that a run speaks for one of these kinds. Not to be told where something else held it up."""
    kind = kind_of(state)
    held_up = kind not in kinds and disturbance(state).holds
    claims.true(f"{what} (it was: {kind})", None if held_up else kind in kinds)


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """So many processes that compute without end beside us."""
    busy = [subprocess.Popen([sys.executable, "-I", "-S", "-c", BUSY]) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> int:
    quick = asked(__doc__)
    heading(__doc__)
    claims = Claims(quick)
    found = asyncio.run(interpreters.find(*interpreters.parse_setting(Settings().pythons)))
    installation = Installation(pythons=interpreters.by_label(found))
    plan: Mapping[str, Any] = {"sizes": [2, 4], "items": 16, "repeats": 4 if quick else 7}

    state = outcome(installation, workload="sum-of-squares", **plan)
    ends_in(claims, "sum-of-squares ends in processes", state, IN_PROCESSES)
    state = outcome(installation, workload="sleep", **plan)
    ends_in(claims, "sleep ends in threads or asyncio", state, ("thread", "asyncio"))
    state = outcome(installation, workload="square", **plan)
    ends_in(claims, "square ends in the plain loop", state, ("serial",))
    said = WHICH_POOL.meaning.verdict(state, read_machine().usable_cpus)
    claims.true("square names the break-even", said is not None and said.code == "too small")
    state = outcome(installation, workload="sha256", **plan)
    allowed = ("thread", *IN_PROCESSES, "no clear winner")
    ends_in(claims, "sha256 ends in threads or processes, or without a clear winner", state, allowed)

    free = next((python.label for python in found if not python.why_not and not python.gil), None)
    if free is None:
        print("  There is no free-threaded Python here, so threads that compute at once are not shown.")
    else:
        state = outcome(installation, workload="sum-of-squares", pythons=[free], **plan)
        ends_in(claims, f"sum-of-squares without the GIL ({free}) ends in threads", state, ("thread",))

    with neighbours(2):
        state = outcome(installation, workload="sum-of-squares", kinds=["process"], **plan)
    claims.true(f"two busy neighbours are noticed: {disturbance(state).sentence}", disturbance(state).holds is True)
    return claims.close()


if __name__ == "__main__":
    sys.exit(main())
