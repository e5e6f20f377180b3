"""What strangers see of paths: files of code from their room on, other folders not at all."""

from __future__ import annotations

import json
import sysconfig
from pathlib import Path

from poolscope.runs import redaction as module
from poolscope.runs.redaction import redaction, redaction_of_this_installation


def test_code_is_named_from_its_folder_on_and_other_folders_are_left_out(tmp_path: Path) -> None:
    redact = redaction([Path("/opt/lib"), Path("/opt/lib/packages")], [Path("/opt"), Path("/home/ada"), Path("/")])
    line = json.dumps(
        {"traceback": 'File "/opt/lib/packages/scope/run.py"\n/opt/lib/queue.py, /home/ada/secret /opt/x /etc/hosts'}
    )
    seen = json.loads(redact(line.encode()))
    assert seen["traceback"] == 'File "scope/run.py"\nqueue.py, …/secret …/x /etc/hosts'
    (tmp_path / "link").symlink_to("/opt/lib")
    assert redaction([tmp_path / "link"], [])(b"/opt/lib/a.py " + bytes(tmp_path / "link" / "a.py")) == b"a.py a.py"


def test_nothing_tells_where_this_installation_is(tmp_path: Path) -> None:
    redact = redaction_of_this_installation(tmp_path)
    stdlib = Path(sysconfig.get_path("stdlib"))
    assert redact(bytes(stdlib / "queue.py")) == b"queue.py"
    assert redact(bytes(Path(module.__file__))) == b"poolscope/runs/redaction.py"
    assert str(tmp_path).encode() not in redact(bytes(tmp_path / "poolscope.sqlite"))
