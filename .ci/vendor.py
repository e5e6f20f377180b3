"""Keeps the browser's vendored libraries: fetches what the manifests name by `npm pack`, or checks what lies there.

A file with `cut` in its manifest is not taken whole: a script beside this one keeps of it what a list says, with the
tools that the manifest names.

- `vendor.py` fetches every package again; what comes must have the integrity that the manifest notes.
- `vendor.py NAME@VERSION ...` moves these packages to these versions, and notes their integrity.
- `vendor.py --check` compares files and manifests, offline.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# What pages load, and what only tests load.
MANIFESTS = (ROOT / "static/vendor/manifest.json", ROOT / "tests/browser/vendor/manifest.json")


def sha256(data: bytes) -> str:
    """The checksum as manifests note it."""
    return hashlib.sha256(data).hexdigest()


def complaints(manifest: Path) -> list[str]:
    """A sentence for every file that is missing, changed or not accounted for."""
    noted = {file["local"]: file["sha256"] for each in packages(manifest) for file in each["files"]}
    there = {str(path.relative_to(manifest.parent)) for path in manifest.parent.rglob("*") if path.is_file()}
    where = manifest.parent.relative_to(ROOT)
    found = [f"{where / name} is not in the manifest." for name in there - noted.keys() - {manifest.name}]
    for name, expected in noted.items():
        if name not in there:
            found.append(f"{where / name} is missing: make vendor brings it back.")
        elif sha256((manifest.parent / name).read_bytes()) != expected:
            found.append(f"{where / name} has changed: make vendor brings it back.")
    return sorted(found)


def packages(manifest: Path) -> list[dict[str, Any]]:
    """The manifest's packages: name, version, licence, npm's integrity, and the files taken."""
    noted: list[dict[str, Any]] = json.loads(manifest.read_text())["packages"]
    return noted


def fetch(package: dict[str, Any], into: Path) -> dict[str, Any]:
    """Brings one package's files and answers what the manifest is to note; an integrity noted before must hold."""
    wanted = f"{package['name']}@{package['version']}"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", wanted, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        tarball = next(Path(folder).glob("*.tgz"))
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if (package.get("integrity") or integrity) != integrity:
            sys.exit(f"{wanted} is not the package that the manifest notes: its integrity is {integrity}.")
        with tarfile.open(tarball) as archive:
            licence = json.loads(member(archive, "package.json"))["license"]
            taken = [(file, member(archive, file["source"])) for file in package["files"]]
    files = []
    for file, data in taken:
        written = cut(data, **file["cut"]) if "cut" in file else data
        (into / file["local"]).write_bytes(written)
        files.append({**file, "sha256": sha256(written)})
    print(wanted)
    return {
        "name": package["name"],
        "version": package["version"],
        "licence": licence,
        "integrity": integrity,
        "files": files,
    }


def cut(data: bytes, script: str, kept: str, tools: list[str]) -> bytes:
    """What the script keeps of a file, by the list; the tools are fetched into a folder that does not stay."""
    here = Path(__file__).resolve().parent
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "install", "--silent", "--no-save", *tools], cwd=folder, check=True)
        whole, written = Path(folder) / "whole", Path(folder) / "written"
        whole.write_bytes(data)
        subprocess.run(["node", here / script, whole, here / kept, written], cwd=folder, check=True)
        return written.read_bytes()


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """One file of an npm package, whose tarball holds everything under package/."""
    file = archive.extractfile(f"package/{name}")
    assert file is not None
    return file.read()


def moved(package: dict[str, Any], version: str) -> dict[str, Any]:
    """The package at that version; another version's integrity is not known yet."""
    if version == package["version"]:
        return package
    return {**package, "version": version, "integrity": None}


def refresh(manifest: Path, moves: dict[str, str]) -> None:
    """Fetches the manifest's packages, moved to other versions where `moves` says so, and writes it anew."""
    noted = [
        fetch(moved(each, moves.get(each["name"], each["version"])), manifest.parent) for each in packages(manifest)
    ]
    manifest.write_text(json.dumps({"packages": noted}, indent=2) + "\n")


def main(arguments: list[str]) -> int:
    """Refreshes, unless only asked to check; then checks either way."""
    if arguments != ["--check"]:
        moves = dict(argument.rsplit("@", 1) for argument in arguments)
        if unknown := moves.keys() - {each["name"] for manifest in MANIFESTS for each in packages(manifest)}:
            sys.exit(f"No manifest names {', '.join(sorted(unknown))}: add it there with the files it gives.")
        for manifest in MANIFESTS:
            refresh(manifest, moves)
    found = [sentence for manifest in MANIFESTS for sentence in complaints(manifest)]
    print("\n".join(found) or "Every vendored file is as its manifest notes it.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
