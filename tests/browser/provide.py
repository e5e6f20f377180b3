"""Prints the path of a Chrome or Chromium that runs, brings one where there is none, and notes it in the file named.

The order: $POOLSCOPE_BROWSER, $CHROME, what is installed, Debian's package where it may be installed, Playwright's own
download. A headless shell is preferred: it is the same engine without a browser's windows around it, and takes a
quarter less of CPU time. Ends with one sentence and status 1 when all of them fail.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SHELLS = ("chromium-headless-shell", "chrome-headless-shell")
BROWSERS = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
# With Debian's servers: apt alone would try those that can't be reached for minutes.
PATIENCE = ("-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20")


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


def first_running(*candidates: str | None) -> str | None:
    return next(filter(None, map(running, candidates)), None)


def from_debian(*packages: str) -> str | None:
    """The first of Debian's packages that can be had, where apt is there and may be used without a question."""
    if shutil.which("apt-get") is None:
        return None
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}

    def apt_get(*arguments: str) -> bool:
        command = [*sudo, "apt-get", "-qq", *PATIENCE, *arguments]
        try:
            return subprocess.run(command, stdout=sys.stderr, env=environment).returncode == 0
        except OSError:
            return False

    if not apt_get("update"):
        return None
    return next(
        (
            path
            for package in packages
            if apt_get("install", "--yes", "--no-install-recommends", package) and (path := running(package))
        ),
        None,
    )


def from_playwright() -> str | None:
    """Playwright's own download, into its cache."""
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], stdout=sys.stderr).returncode != 0:
        return None
    with sync_playwright() as playwright:
        return running(playwright.chromium.executable_path)


def found(first_time: bool) -> str | None:
    """A browser that runs, brought if need be; None if there is none to be had."""
    path = first_running(os.environ.get("POOLSCOPE_BROWSER"), os.environ.get("CHROME"), *SHELLS)
    if path is not None:
        return path
    browser = first_running(*BROWSERS)
    if browser is None:
        print("No Chrome or Chromium here: bringing one, once ...", file=sys.stderr)
        return from_debian(SHELLS[0], "chromium") or from_playwright()
    # A container may be given the shell, once; a developer's machine keeps the browser that it has.
    return (from_debian(SHELLS[0]) if first_time and os.geteuid() == 0 else None) or browser


def main(note: Path) -> int:
    """Finds or brings a browser and writes its path to `note`, which a failure removes."""
    first_time = not note.exists()
    note.unlink(missing_ok=True)
    path = found(first_time)
    if path is None:
        print("The browser's tests need Chrome or Chromium: install one, or name it with CHROME=path.", file=sys.stderr)
        return 1
    note.write_text(path + "\n")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
