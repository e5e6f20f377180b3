"""What strangers need not see of what runs tell: where this installation, its data and its user's home are.

A traceback keeps its lines: a file of the standard library or of ours is named from its room on, as 'queue.py'.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

Redaction = Callable[[bytes], bytes]

LEFT_OUT = "…/".encode()


def redaction(code: Iterable[Path], others: Iterable[Path]) -> Redaction:
    """Leaves out folders of code, whose files are then named from there on, and replaces other folders by '…'."""
    replacements = {**dict.fromkeys(_spellings(others), LEFT_OUT), **dict.fromkeys(_spellings(code), b"")}
    # The longest first: one folder may be inside another.
    pattern = re.compile(b"|".join(map(re.escape, sorted(replacements, key=len, reverse=True))))
    return lambda text: pattern.sub(lambda found: replacements[found[0]], text)


def redaction_of_this_installation(data: Path) -> Redaction:
    """The redaction of this Python's folders, our package, the data folder, home, scratch and present folder."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    code = [Path(sysconfig.get_path(name)) for name in names]
    code += [Path(os.__file__).parent, Path(__file__).parents[2]]
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
    others = [*prefixes, data, Path.home(), Path.cwd(), Path(tempfile.gettempdir())]
    return redaction(code, others)


def _spellings(folders: Iterable[Path]) -> list[bytes]:
    """The folders with a slash at their end, as they are named and as they really are."""
    both = [path for folder in folders for path in (folder, folder.resolve())]
    return [os.fsencode(path) + b"/" for path in both if len(path.parts) > 1]
