"""How many CPUs this run really gets: processes that spin, and the CPU time that they gain a second."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from app.runner import spin
from app.runner.stage import Stage


def effective_cpus(stage: Stage, usable: int) -> dict[str, Any]:
    """CPU seconds a wall second that one spinning process got, and as many as there are usable CPUs."""
    found = {}
    for number in sorted({1, usable}):
        with suppress(OSError, EOFError, spin.NoAnswer), stage.recorder.quiet(), stage.interruptible():
            found[str(number)] = spin.effective(number, start_method="fork")  # they do nothing but count
    return {"effective": found, "seconds": spin.WINDOW_S}
