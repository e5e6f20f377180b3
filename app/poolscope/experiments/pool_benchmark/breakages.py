"""The words for what broke a configuration, by its code; `text.sentences` says how a template is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poolscope.machine.processes import exit_description
from poolscope.protocol.kinds import CLUSTERS
from poolscope.protocol.payloads import Breakage, WaitingPlace
from poolscope.text.sentences import Part, fill, format_list

MOST_NAMED = 4  # threads

BREAKAGES = {
    "a worker": "A worker",
    "on item": "On item {number} ({item}) a worker",
    "at item": "at item {number} ({item})",
    "at items": "at one of the items {numbers}",
    "broken executor": "the executor broke",
    "waiting map": "the map would never have returned",
    "globals": (
        "{names} {names:has/have} another value in the main process: a worker started by {start_method} imports the "
        "module anew and has what that sets. Set {names:it/them} in the pool's initializer, or hand {names:it/them} "
        "over with the items."
    ),
    "daemonic": (
        "The work starts processes of its own. A worker of multiprocessing.Pool may not, for it is a daemon; those of "
        "ProcessPoolExecutor may."
    ),
    "raised": "{who} raised {error}.[ {unsendable} The main process gets that error in its place.][ {because}]",
    "exception-unreadable": (
        "{who} raised {error}. The exception can't be made from its pickle ({unreadable}), so "
        "{consequence}. Let its class pass all arguments on to super().__init__(), or define __reduce__.[ {because}]"
    ),
    "exception or result": (
        "What a worker returned or raised can't be made from its pickle ({unreadable}), so {consequence}."
    ),
    "result-unreadable": (
        "The result of item {number} ({item}) can't be made from its pickle ({unreadable}), so {consequence}. Define "
        "__reduce__ for its class, or return plain values."
    ),
    "result-unsendable": "{error}, so {consequence}.",
    "call-unreadable": (
        "A worker can't make the function or item {number} ({item}) from its pickle: {error}. It imports the module "
        "anew, so all that the pickle names must be defined at its top level.[ {stale}]"
    ),
    "stale": (
        "Workers of a cluster that was there before keep a module as they first imported it: restart them once it has "
        "changed."
    ),
    "worker-died": "A worker {exit}[ {where}], and {again}; {consequence}.[ {because}]",
    "hiding": (
        "A worker that is not forked imports {hiding} in place of the standard library's {modules:module/modules} of "
        "that name, and so would your own program: rename {modules:it/them}."
    ),
    "host-died": (
        "The process {exit}[ {where}], and {again}. Workers here share one process, so all of them ended with it."
    ),
    "again": "did so again when it was tried once more",
    "not again": "it did not happen again, so which item it had can't be told",
    "hung-at-fork": (
        "Its workers hung[ in {places}]: for {idle_s:duration} none used a CPU or ended a call, where workers that are "
        "spawned go on. {names_of_threads} {threads:was/were} running in the main process when they were forked: "
        "a lock that such a thread holds at that moment stays locked in the worker, and the thread itself is not "
        "there. Start workers by spawn or forkserver, or the {threads:thread/threads} after the pool."
    ),
    "hung": (
        "It stood still[ in {places}]: for {idle_s:duration} nothing used a CPU or ended a call. It may wait for a "
        "lock that nobody releases, or for what only the plain loop has; look at what that line waits for."
    ),
    "hung-at-exit": (
        "All calls came back, but then its workers did not end[; they wait in {places}]. A pool, process or thread "
        "that a call started and left open holds them: close it before the call returns."
    ),
}


def breakage_sentence(breakage: Breakage, kind: str, start_method: str) -> str | None:
    """Why a configuration of this kind could not be measured; None where nothing more is known than was told."""
    code = "exception or result" if breakage.code == "exception-unreadable" and not breakage.error else breakage.code
    if code not in BREAKAGES or (code == "raised" and not breakage.items):
        return None
    return fill(BREAKAGES, code, breakage_facts(breakage, kind, start_method))


def breakage_facts(breakage: Breakage, kind: str, start_method: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "who": Part("a worker"),
        "error": breakage.error.rstrip("."),
        "unreadable": breakage.unreadable.rstrip("."),
        "unsendable": breakage.unsendable or None,
        "consequence": Part("waiting map" if kind == "pool" else "broken executor"),
        "exit": exit_description(breakage.exit_code, out_of_memory=breakage.out_of_memory),
        "again": Part("again" if breakage.again else "not again"),
        "threads": breakage.threads,
        "names_of_threads": threads_in_words(breakage.threads),
        "idle_s": breakage.idle_s,
        "names": list(breakage.globals),
        "start_method": start_method or "the platform's own start method",
    }
    if breakage.items:
        one = len(breakage.items) == 1 and breakage.item
        facts |= {"number": breakage.items[0], "item": breakage.item, "where": Part("at item" if one else "at items")}
        facts["who"] = Part("on item")
        facts["numbers"] = list(map(str, breakage.items))
    if breakage.places:
        facts["places"] = format_list([place_in_words(place) for place in breakage.places[:2]])
    if breakage.globals:
        facts["because"] = Part("globals")
    if kind in CLUSTERS:
        facts["stale"] = Part("stale")
    if breakage.hiding:
        facts |= {"hiding": format_list(list(breakage.hiding)), "modules": breakage.hiding, "because": Part("hiding")}
    return facts


def threads_in_words(names: Sequence[str]) -> str:
    """'The threads flusher and sender'."""
    more = len(names) - MOST_NAMED
    shown = [*names[:MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
    return f"The thread{'' if len(names) == 1 else 's'} {format_list(shown)}"


def place_in_words(place: WaitingPlace) -> str:
    return f"{place.function} ({Path(place.file).name}, line {place.line})"
