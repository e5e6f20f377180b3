"""How commands call this program: by its name where PATH leads to it, else by its path."""

from __future__ import annotations

from pathlib import Path

import pytest
from poolscope.experiments.pool_benchmark import measure_command


def test_a_program_that_path_does_not_lead_to_is_called_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, other = tmp_path / ".venv" / "bin", tmp_path / "other"
    for folder in (ours, other):
        folder.mkdir(parents=True)
        (folder / "poolscope").touch(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(ours))

    def called(*path: Path) -> str:
        monkeypatch.setenv("PATH", ":".join(map(str, path)))
        return measure_command.program.__wrapped__()

    assert called(ours, other) == "poolscope"
    assert called(other, ours) == str(ours / "poolscope")  # another one would be called
    assert called(tmp_path) == str(ours / "poolscope")
