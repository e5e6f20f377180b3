"""Prints the path of a Chrome or Chromium that runs, brings one where there is none, and notes it in the file named.

The order: $POOLSCOPE_BROWSER, $CHROME, what is installed, Debian's package where it may be installed, Playwright's own
download. Ends with one sentence and status 1 when all of them fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

INSTALLED = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")


def running(candidate: str | None) -> str | None:
    """The candidate's full path if it starts: Ubuntu's chromium-browser may be a stub that only points elsewhere."""
    path = shutil.which(candidate) if candidate else None
    if path is None:
        return None
    try:
        done = subprocess.run([path, "--version"], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return path if done.returncode == 0 else None


def installed() -> str | None:
    """The first browser of this machine that runs; one that the environment names comes first."""
    named = (os.environ.get("POOLSCOPE_BROWSER"), os.environ.get("CHROME"))
    return next(filter(None, map(running, (*named, *INSTALLED))), None)


def from_debian() -> str | None:
    """Debian's package, where apt is there and may be used without a question."""
    if shutil.which("apt-get") is None:
        return None
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        try:
            subprocess.run([*sudo, "apt-get", "-qq", *arguments], stdout=sys.stderr, env=environment, check=True)
        except (OSError, subprocess.CalledProcessError):
            return None
    return running("chromium")


def from_playwright() -> str | None:
    """Playwright's own download, into its cache."""
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr).returncode != 0:
        return None
    with sync_playwright() as playwright:
        return running(playwright.chromium.executable_path)


def main(note: Path) -> int:
    """Finds or brings a browser and writes its path to `note`, which a failure removes."""
    note.unlink(missing_ok=True)
    path = installed()
    if path is None:
        print("No Chrome or Chromium here: bringing one, once ...", file=sys.stderr)
        path = from_debian() or from_playwright()
    if path is None:
        print("The browser's tests need Chrome or Chromium: install one, or name it with CHROME=path.", file=sys.stderr)
        return 1
    note.write_text(path + "\n")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
