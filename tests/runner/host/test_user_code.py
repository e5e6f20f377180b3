"""A user's function by name: what is loaded, and what is said where that can't be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from poolscope.protocol.arguments import BenchmarkWork
from poolscope.protocol.work_names import WorkNames
from poolscope.runner.host.errors import WorkUnusable
from poolscope.runner.host.user_code import MOST_ITEMS, UserCode, load

PLACES = """
import other_things

def parse(item): return item * 2
async def fetch(item): return item
class Way:
    @staticmethod
    def parse(item): return item
    async def __call__(self, item): return item
way = Way()
def connect(): pass

samples = [1, 2, 3]
once = iter(samples)
number = 5
few = [1, 2]
nothing = ()
def endless():
    n = 0
    while True:
        yield n
        n += 1
def made(): return (n * n for n in range(4))
def broken(): raise KeyError("gone")
def breaking():
    yield 1
    raise OSError("disk full")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's working folder, in which a module of every test is new."""
    (tmp_path / "places.py").write_text(PLACES)
    (tmp_path / "other_things.py").write_text("more = [7]\ndef begin(): pass\n")
    (tmp_path / "wrong.py").write_text("import no_such_thing\n")
    (tmp_path / "leaves.py").write_text("import sys; sys.exit('no display')\n")
    (tmp_path / "poolscope").mkdir()
    (tmp_path / "queue.py").write_text("def parse(item): return item\nsamples = [1]\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("places", "other_things", "wrong", "leaves"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return str(tmp_path)


def loaded(text: str, folder: str, count: int = 0) -> UserCode:
    return load(BenchmarkWork(text, folder, items=count), Path(folder), lambda _: None)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("places:parse@samples", [1, 2, 3]),
        ("places:Way.parse@once", [1, 2, 3]),
        ("places:parse@made", [0, 1, 4, 9]),
        ("places:parse@other_things:more", [7]),
    ],
)
def test_items_come_from_an_iterable_or_from_what_makes_one(text: str, items: list[int], folder: str) -> None:
    found = loaded(text, folder)
    assert found.items == items
    assert not found.cut
    assert not found.is_async
    assert found.setup is None


def test_a_count_cuts_and_endless_items_are_cut_anyway(folder: str) -> None:
    found = loaded("places:parse@samples", folder, count=2)
    assert (found.items, found.cut) == ([1, 2], True)
    assert not loaded("places:parse@samples", folder, count=3).cut
    endless = loaded("places:parse@endless", folder)
    assert (len(endless.items), endless.cut) == (MOST_ITEMS, True)


@pytest.mark.parametrize("name", ["fetch", "way"])
def test_an_async_def_is_known_as_one(name: str, folder: str) -> None:
    assert loaded(f"places:{name}@samples", folder).is_async


def test_a_set_up_may_be_elsewhere(folder: str) -> None:
    assert loaded("places:parse@samples+connect", folder).setup is not None
    found = loaded("places:parse@samples+other_things:begin", folder).setup
    assert found is not None
    assert found.__module__ == "other_things"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("places:parse", "places:parse is not of the form module:function@items or module:function@items+setup."),
        ("@samples", "@samples is not of the form"),
        ("plaices:parse@samples", "There is no module plaices in the folder {folder} or among the packages of Python"),
        ("places.deep:parse@samples", "There is no module places.deep in"),
        (
            "wrong:parse@samples",
            "Importing wrong failed: ModuleNotFoundError: No module named 'no_such_thing' ({folder}/wrong.py, line 1).",
        ),
        ("leaves:parse@samples", "Importing leaves failed: SystemExit: no display ({folder}/leaves.py, line 1)."),
        ("places:pars@samples", "places ({folder}/places.py) has no pars; is parse meant?"),
        ("places:breakign@samples", "places ({folder}/places.py) has no breakign; is breaking meant?"),
        ("places:fwe@samples", "places ({folder}/places.py) has no fwe; is few meant?"),
        ("places:Few@samples", "places ({folder}/places.py) has no Few; is few meant?"),
        ("places:new@samples", "places ({folder}/places.py) has no new."),
        ("places:parse@zzz", "places ({folder}/places.py) has no zzz."),
        ("places:number@samples", "places:number is 5 (int), which can't be called."),
        ("places:parse@samples+number", "places:number is 5 (int), which can't be called."),
        ("places:parse@number", "The items places:number are 5 (int), which can't be gone through."),
        ("places:parse@nothing", "places:nothing gives no items, so there is nothing to do."),
        ("places:parse@broken", "Making the items by places:broken() failed: KeyError: 'gone'."),
        ("places:parse@breaking", "Item 1 of places:breaking could not be made: OSError: disk full."),
        ("queue:parse@samples", "queue in {folder} has the name of a module of the standard library"),
        ("poolscope:parse@samples", "poolscope in {folder} has the name of the program that measures."),
        ("__main__:parse@samples", "__main__ is the program itself"),
    ],
)
def test_what_can_not_be_loaded_is_said(text: str, sentence: str, folder: str) -> None:
    with pytest.raises(WorkUnusable) as raised:
        loaded(text, folder)
    assert str(raised.value).startswith(sentence.format(folder=folder))
    raised_by_theirs = "failed: " in sentence or "could not be made" in sentence
    assert raised.value.code == (None if raised_by_theirs else "bad-reference")


def test_what_may_take_long_is_announced(folder: str) -> None:
    announced: list[str] = []
    load(BenchmarkWork("places:parse@samples", folder), Path(folder), announced.append)
    assert announced == ["importing places", "making the items places:samples"]


def test_names_are_read_by_their_marks() -> None:
    assert WorkNames.of("a.b:C.d@e:f+g:h") == WorkNames(("a.b", "C.d"), ("e", "f"), ("g", "h"))
    assert WorkNames.of("a:b@c+d") == WorkNames(("a", "b"), ("a", "c"), ("a", "d"))
