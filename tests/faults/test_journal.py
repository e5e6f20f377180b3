"""A disk that is full, a journal that can't be written or read: runs go on, the page says so, and keeping resumes."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.conftest import LONG, begin, unharmed, works_again
from tests.served import Served, served
from tests.waiting import until


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """One for this module: after each blow it keeps runs again, which is what the next test begins with."""
    with served() as server:
        yield server


NOT_KEPT = "Runs are not being kept"
THIS_IS_NOT = "This run is not being kept"


def steps(server: Served, run_id: str) -> int:
    return int(server.run(run_id)["state"]["added"])


def goes_on(server: Served, run_id: str) -> None:
    """The run's counts still grow."""
    before = steps(server, run_id)
    until(lambda: steps(server, run_id) > before + 50, "more steps")


def says(server: Served, path: str, sentence: str) -> bool:
    return sentence in server.api.get(path).text


def test_a_disk_that_is_full_in_the_middle(server: Served) -> None:
    with unharmed(server, "factorials"):
        run = begin(server, "shared-list")
        size = (server.data / "poolscope.sqlite").stat().st_size
        limit(server, size)
        until(lambda: says(server, f"/runs/{run.id}", THIS_IS_NOT), "the notice on the run's page")

        goes_on(server, run.id)
        assert says(server, "/", NOT_KEPT)
        assert server.api.get("/readyz").status_code == 503
        assert server.api.get("/healthz").status_code == 200
        new = server.begin("factorials", first=1, last=5)
        assert server.ended(new)["status"] == "finished"
        assert says(server, f"/runs/{new}", THIS_IS_NOT)
        server.stop(run.id)
        assert says(server, f"/runs/{run.id}", THIS_IS_NOT)

        limit(server, resource.RLIM_INFINITY)
    assert not says(server, "/", NOT_KEPT)
    assert server.api.get("/readyz").status_code == 200


def limit(server: Served, size: int) -> None:
    """Let no file of the server grow beyond a size, as on a disk that is full."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_data_folder_that_goes_away_in_the_middle(server: Served) -> None:
    run = begin(server, "shared-list")
    server.data.rename(server.folder / "elsewhere")
    server.data.write_text("a file where the folder was")
    until(lambda: says(server, f"/runs/{run.id}", THIS_IS_NOT), "the notice on the run's page")

    goes_on(server, run.id)
    assert says(server, "/", NOT_KEPT)
    new = server.begin("pool-sizes", sizes=[2], repeats=2)
    assert server.ended(new)["status"] == "finished"
    assert server.api.get("/runs").status_code == 200
    assert server.api.get("/api/runs").status_code == 200

    server.data.unlink()
    until(lambda: server.api.post("/api/runs", json={"experiment": "factorials"}).json()["kept"], "a run that is kept")
    assert not says(server, "/", NOT_KEPT)
    server.stop(run.id)


def test_a_journal_that_somebody_keeps_locked(server: Served) -> None:
    with unharmed(server, "factorials"):
        run = begin(server, "shared-list")
        with closing(sqlite3.connect(server.data / "poolscope.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(lambda: says(server, f"/runs/{run.id}", THIS_IS_NOT), "the notice on the run's page")
            goes_on(server, run.id)
            other.execute("ROLLBACK")

        works_again(server, "factorials")
        assert not says(server, "/", NOT_KEPT)
        server.stop(run.id)


def test_a_journal_that_is_deleted_in_the_middle(server: Served) -> None:
    run = begin(server, "shared-list")
    for file in server.data.iterdir():
        file.unlink()
    until(lambda: says(server, f"/runs/{run.id}", THIS_IS_NOT), "the notice on the run's page")

    goes_on(server, run.id)
    server.stop(run.id)
    works_again(server, "factorials")
    assert LONG["shared-list"]["seconds"] == server.run(run.id)["params"]["seconds"]


def test_a_journal_that_is_damaged_in_the_middle(server: Served) -> None:
    run = begin(server, "shared-list")
    journal = server.data / "poolscope.sqlite"
    with closing(sqlite3.connect(journal, isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with journal.open("r+b") as file:  # all pages but the first, which says that it is a database
        file.seek(4096)
        file.write(b"\xff" * (journal.stat().st_size - 4096))
    until(lambda: says(server, f"/runs/{run.id}", THIS_IS_NOT), "the notice on the run's page")

    goes_on(server, run.id)
    server.stop(run.id)
    until(lambda: server.api.post("/api/runs", json={"experiment": "factorials"}).json()["kept"], "a run that is kept")
    assert list(server.data.glob("poolscope.sqlite.damaged-*"))
    assert says(server, "/runs", "damaged")
    works_again(server, "factorials")
    assert not says(server, "/", NOT_KEPT)
