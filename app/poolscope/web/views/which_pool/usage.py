"""The setting that a which-pool run speaks for as a few lines to copy; the standalone script has all of it."""

from __future__ import annotations

from poolscope.protocol.kinds import ENGINES, IN_PROCESSES, SERIAL
from poolscope.web.views.which_pool.program import Program

EXECUTORS = {
    "thread": "ThreadPoolExecutor",
    "process": "ProcessPoolExecutor",
    "interpreter": "InterpreterPoolExecutor",
}
SPREAD = """\
def spread(item):
    return {call}(**item) if isinstance(item, dict) else {call}(*item)"""
COROUTINES = """\
async def main():
    permits = asyncio.Semaphore({size})

    async def permitted(item):
        async with permits:
            return await {call}(item)

    return await asyncio.gather(*map(permitted, items))


results = asyncio.run(main())"""


# Items are an iterable, or a callable that returns one.
OWN_ITEMS = "items = {items}() if callable({items}) else {items}"
# Within the pool's block, above the call.
LARGER_CHUNK = "    # One item a message is what was measured; chunks of {chunk} are likely to be faster."
BUILT_IN = "# work: your function; items: what it is called with, an item a call"


def usage(program: Program) -> str:
    """How the user's code would call it, `work` and `items` standing for built-in work, which a comment says.

    '' for pools from outside of the standard library, whose set-up takes more than a few lines: the script has it.
    """
    if program.kind in ENGINES:
        return ""
    own = program.own
    call = own.function or "work"
    imports, lines = _lines(program, "spread" if program.calling == "spread" else call)
    imports += [f"import {module}" for module in own.modules]
    if program.calling == "spread":
        imports += ["", "", *SPREAD.format(call=call).splitlines(), ""]
    lines = [*([OWN_ITEMS.format(items=own.items)] if own.items else []), *lines]
    if program.larger_chunk:
        lines.insert(len(lines) - 1, LARGER_CHUNK.format(chunk=program.larger_chunk))
    # Workers that are not forked import the main program again, which must not start a pool of its own then.
    if program.kind in IN_PROCESSES:
        lines = ['if __name__ == "__main__":', *(f"    {line}" for line in lines)]
    return "\n".join([*([] if own.function else [BUILT_IN]), *imports, *([""] if imports else []), *lines])


def _lines(program: Program, call: str) -> tuple[list[str], list[str]]:
    """Imports, and what calls the pool."""
    size, chunk = program.size, f", chunksize={program.chunk}"
    setup = f", initializer={program.own.setup}" if program.own.setup else ""
    spread = program.calling == "positional"
    if program.coroutine:
        once = "async def main():\n    return [await {call}(item) for item in items]\n\n\nresults = asyncio.run(main())"
        text = once if program.kind == SERIAL else COROUTINES
        return ["import asyncio"], text.format(size=size, call=call).splitlines()
    if program.kind in EXECUTORS:
        name = EXECUTORS[program.kind]
        imports, arguments = [f"from concurrent.futures import {name}"], f"{size}{setup}"
        if program.kind == "process":
            imports.insert(0, "import multiprocessing")
            arguments += f", mp_context=multiprocessing.get_context({program.start_method})"
            arguments += f", max_tasks_per_child={program.max_tasks}" if program.max_tasks else ""
        else:
            chunk = ""
        given = "*zip(*items)" if spread else "items"
        return imports, [f"with {name}({arguments}) as pool:", f"    results = list(pool.map({call}, {given}{chunk}))"]
    if program.kind == "pool":
        arguments = f"{size}{setup}" + (f", maxtasksperchild={program.max_tasks}" if program.max_tasks else "")
        way = "starmap" if spread else "map"
        pool = f"with multiprocessing.get_context({program.start_method}).Pool({arguments}) as pool:"
        return ["import multiprocessing"], [pool, f"    results = pool.{way}({call}, items{chunk})"]
    return [], [f"results = [{call}({'*' if spread else ''}item) for item in items]"]
