"""What a run may be, and the one table of allowed changes."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def live(self) -> bool:
        return self in (Status.QUEUED, Status.RUNNING)


ALLOWED: dict[tuple[Status, Status], str] = {
    (Status.QUEUED, Status.RUNNING): "its turn has come",
    (Status.QUEUED, Status.STOPPED): "cancelled by the user while it waited",
    (Status.QUEUED, Status.FAILED): "no runner could be started for it",
    (Status.QUEUED, Status.INTERRUPTED): "the server ended while it waited",
    (Status.RUNNING, Status.FINISHED): "the runner said so",
    (Status.RUNNING, Status.STOPPED): "the user asked for it",
    (Status.RUNNING, Status.FAILED): "the runner said so, died, or talked nonsense",
    (Status.RUNNING, Status.INTERRUPTED): "the server ended or crashed meanwhile",
}
