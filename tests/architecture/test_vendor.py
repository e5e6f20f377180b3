"""Everything vendored is as its manifest notes it, and nothing lies there that no manifest notes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ".ci/vendor.py"
FOLDERS = ("static/vendor", "tests/browser/vendor")


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, root / SCRIPT, "--check"], capture_output=True, text=True, timeout=60)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the script and of what it checks, free to spoil."""
    (tmp_path / SCRIPT).parent.mkdir()
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_every_vendored_file_is_as_its_manifest_notes_it() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_that_no_manifest_notes_is_told(checkout: Path, folder: str) -> None:
    (checkout / folder / "stray.js").write_text("alert(1)")
    done = check(checkout)
    assert (done.returncode, done.stdout) == (1, f"{folder}/stray.js is not in the manifest.\n")


def test_a_changed_file_and_a_missing_one_are_told(checkout: Path) -> None:
    with (checkout / "static/vendor/htmx.min.js").open("a") as file:
        file.write(";")
    (checkout / "static/vendor/vega.min.js").unlink()
    done = check(checkout)
    assert done.returncode == 1
    assert "static/vendor/htmx.min.js has changed" in done.stdout
    assert "static/vendor/vega.min.js is missing" in done.stdout


# What has no look of its own, or one that Pico does not touch.
BARE = {"head", "link", "meta", "title", "script", "noscript", "path", "rect", "line", "g", "text", "vl"}


def test_pico_is_kept_for_every_element_of_the_pages() -> None:
    """What is cut down to a list lacks what the list lacks, and no test of a page would see that."""
    kept = set(re.sub(r"#.*", "", (ROOT / ".ci/pico.kept").read_text()).split())
    pages = "".join(path.read_text() for path in (ROOT / "templates").rglob("*.html"))
    assert set(re.findall(r"<([a-z][a-z0-9]*)", pages)) - BARE - kept == set()
    types = set(re.findall(r'<(?:input|button)[^>]* type="(\w+)"', pages)) - {"hidden"}
    assert {f"[type={each}]" for each in types} - kept == set()
