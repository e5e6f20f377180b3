"""The words of the pool benchmark: every sentence of its findings, verdicts and reasons, by check and code.

`text.sentences` says how a template is read. The code that finds something returns the code and its facts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poolscope.experiments.experiment import CheckTitles
from poolscope.experiments.pool_benchmark.naming import TITLES, noun
from poolscope.experiments.pool_benchmark.state import Configuration, State
from poolscope.protocol.payloads import ConfigurationDropped
from poolscope.stats.comparison import FAR
from poolscope.stats.scaling import NoFit
from poolscope.text.numbers import GAP, duration
from poolscope.text.sentences import Part, capital, fill, format_list, workers

# What each check looks for, by the name of its function, and what is so where it is not found.
CHECKS = {
    "hangs": CheckTitles("workers hang", "no worker hung"),
    "workers_break": CheckTitles("the work breaks its workers", "no worker broke"),
    "nests_pools": CheckTitles("work with processes of its own in a Pool", "no processes inside a Pool's workers"),
    "results_lazy": CheckTitles("a call returns before its work is done", "a call returns when its work is done"),
    "results_remembered": CheckTitles(
        "a repeated call is faster than the first", "a repeated call takes about as long as the first"
    ),
    "items_changed": CheckTitles("a call changes its item", "a call leaves its item as it was"),
    "work_too_small": CheckTitles("work too small for a pool", "small work is not what holds pools back"),
    "event_loop_blocked": CheckTitles("the coroutine blocks the event loop", "no coroutine blocks the event loop"),
    "gil_held": CheckTitles("threads took turns", "threads did not have to take turns"),
    "child_processes": CheckTitles("the programs that it starts need the CPUs", "child processes hardly need the CPUs"),
    "light_kinds_suffice": CheckTitles(
        "waiting work that threads or asyncio serve with less",
        "no waiting work that threads or asyncio serve with less",
    ),
    "function_too_large": CheckTitles(
        "the function carries data with every message", "handing the function over costs little"
    ),
    "too_large_to_hand_over": CheckTitles(
        "arguments or results are too large to hand over", "arguments and results are small enough to hand over"
    ),
    "sent_with_every_map": CheckTitles(
        "function and items are sent anew with every map", "sending function and items anew costs little"
    ),
    "chunks_too_small": CheckTitles("chunks are too small", "chunks are large enough"),
    "chunks_too_large": CheckTitles("chunks are too large", "chunks are small enough"),
    "chunks_vary": CheckTitles("chunk size changes with the pool size", "chunk size is the same in every pool"),
    "stragglers": CheckTitles("workers wait for the last items", "no worker waits long for the last items"),
    "more_workers_than_cpus": CheckTitles("more workers than usable CPUs", "no pool has too many workers for its CPUs"),
    "larger_pools_untried": CheckTitles("larger pools may gain more", "no reason to try larger pools"),
    "quota_bites": CheckTitles("a CPU quota made workers wait", "no CPU quota made workers wait"),
    "siblings_share_cores": CheckTitles("workers share cores as hyper-threads", "no time is lost to hyper-threads"),
    "oversubscribed": CheckTitles("tasks start processes or threads of their own", "a task runs in one thread"),
    "start_up_outweighs": CheckTitles("starting processes outweighs the map", "the map outweighs starting processes"),
    "memory_runs_short": CheckTitles(
        "workers together need more memory than is free", "workers together fit into the free memory"
    ),
    "replacing_workers_costs": CheckTitles("replacing workers costs time", "no time is lost to replacing workers"),
    "items_made_beforehand": CheckTitles("items are made before the map", "making the items beforehand costs little"),
    "results_differ": CheckTitles("results differ, or can't be repeated", "results agree"),
    "keeps_global_state": CheckTitles("the work keeps global state", "the work keeps no global state"),
    "slow_items": CheckTitles("items take longer than each may", "no item took longer than it may"),
    "prints": CheckTitles("the work prints", "the work prints nothing"),
    "run_was_disturbed": CheckTitles("the run was disturbed", "nothing disturbed the run"),
    "cpu_speed_changed": CheckTitles("the CPUs ran at changing speed", "the CPUs kept their speed"),
    "unsettled": CheckTitles("the answer needs more time", "the answer needs no more time"),
}

# From what length of an item, or how many of them, a pool would win.
BREAK_EVEN = {
    "break_even": (
        "a pool pays off from about {break_even_seconds_per_item:duration} an item[ in chunks of {break_even_chunk}] "
        "(it takes {seconds_per_item:duration} now)[, or from about {break_even_items:about} items of this length]"
        "[; with start-up and shutdown included, from {break_even_seconds_per_item_with_start:duration} an item]"
    ),
    "stretched": (
        "In it an item took {stretched:times} as long as in the plain loop, so handing over is not to blame."
    ),
    "function data": (
        "Each of {messages} {messages:message/messages} carries the function with {function_bytes:size}: "
        "{function_cost_s:duration} in all to pickle and unpickle it, beside {work_s:duration} of work."
    ),
    "own caches": (
        "Some items share a result, {first_s:duration} each: every worker computes it for itself, the plain loop once."
    ),
    "set up": (
        "{config:capital} {config:begins/begin} with nothing prepared: every worker takes {first_s:duration} for its "
        "first call. Name by --setup what it prepares."
    ),
    "work outweighs": "The work outweighs the overhead, so where they would balance can't be told.",
    "single item": "A single item can't be shared out, however long it takes.",
    "one worker": "With one worker no two items run at the same time, so a pool never wins.",
    "one CPU": "With one usable CPU no two items run at the same time, so a pool never wins.",
}

# What the best pool is called.
FASTEST = {
    "fastest": "the fastest",
    "fastest within CPUs": "the fastest with a CPU a worker",
    "fastest of often": "the fastest of those repeated often enough",
    "fastest pool": "the fastest pool",
    "fastest pool of often": "the fastest pool of those repeated often enough",
}

# What a lazy result is, and what to return in its place.
LAZY = {
    "found": "a call of {function} returns {thing}[ within a {within}]",
    "a generator": "a generator",
    "an iterator": "an iterator ({name})",
    "a coroutine": "a coroutine",
    "an awaitable": "something to be awaited ({name})",
    "an async generator": "an async generator",
    "a future": "a future ({name})",
    "a task graph": "a plan of the work ({name})",
    "a function": "a function that is yet to be called ({name})",
    "a property": "what is computed when it is first read ({name})",
    "a context manager": "a context manager that nobody has entered ({name})",
    "left running": "a call of {function} returns while {thing} that it started ({name}) is still at work",
    "making": "making it",
    "starting it": "starting it",
    "a process": "a process",
    "a thread": "a thread",
    "all of it": ": the call took {call_s:duration}, and what it left to do {consumed_s:duration}",
    "a part of it": ": the call took {call_s:duration}, and what it left to do more than {consumed_s:duration}",
    "return a list": "Return a list of what it gives, list(…)",
    "return an async list": "Make the function an async def that returns a list of what it gives",
    "await it": "Make the function an async def that awaits it",
    "wait for it": "Wait for its result within the call, and return that",
    "call it": "Call it, and return its result",
    "wait for the process": "Wait for it within the call, as subprocess.run and Process.join do",
    "join the thread": "Wait for it within the call: join the thread, or shut its executor down",
    "read it": "Read it within the call, and return that",
    "enter it": "Enter it by a with statement within the call, and return what comes of that",
    "compute it": "Let the call compute it, and return the outcome",
}
UNFOUNDED = "Can't tell, the times are not those of the work."
# What a coroutine that blocks the event loop could do, by what it does meanwhile.
UNBLOCKING = {
    "waits": "Await something instead, hand it to asyncio.to_thread, or make it a plain function for threads.",
    "computes": "Make it a plain function for processes, which compute side by side.",
    "programs": "Start programs by asyncio.create_subprocess_exec, or in threads from a plain function.",
    "both": "Await what it waits for, and hand the rest to asyncio.to_thread or to processes.",
}

FINDINGS: dict[str, dict[str, str]] = {
    "hangs": {
        "unmeasured": "No pool was measured.",
        "none": "Every setting finished.",
        "limit": (
            "Can't tell: {config} took longer than the limit of {limit_s:duration}, and a repetition to look for a "
            "cause did not stand still."
        ),
        "threads at the fork": (
            "Can't tell, nothing hung in this run. {named} {threads:runs/run} when workers are forked: a lock that "
            "such a thread holds at that moment stays locked in the worker. Start workers by spawn or forkserver."
        ),
        "threads of calls": (
            "Nothing hung in this run, for workers were forked from a process in which nothing had been called. "
            "{named} {threads:was/were} left there by calls: a worker that is forked afterwards has a copy of what "
            "{threads:it serves/they serve} without {threads:it/them}, and may wait for ever."
        ),
        "hung-at-fork": "{config}: {why}",
        "hung": "{config}: {why}",
        "hung-at-exit": "{config}: {why}",
    },
    "workers_break": {
        "unmeasured": "No pool was measured.",
        "none": "No worker ended before its time, and what they sent could be read.",
        **dict.fromkeys(
            (
                "exception-unreadable",
                "result-unreadable",
                "result-unsendable",
                "call-unreadable",
                "worker-died",
                "host-died",
                "raised",
            ),
            "{config}: {why}",
        ),
    },
    "nests_pools": {
        "unmeasured": "No multiprocessing.Pool was measured.",
        "none": "It started no process inside a daemonic worker.",
        "daemonic": "{config}: {why}",
    },
    "results_lazy": {
        **LAZY,
        "unknown": "What a call returns was not looked at.",
        "complete": "A call returns when its work is done.",
        "later": "{found}, which does its work later[{taken}]. {instead}.",
        "generator": "{later}",
        "iterator": "{later}",
        "coroutine": "{later}",
        "awaitable": "{later}",
        "async generator": "{later}",
        "future": "{later}",
        "task graph": "{later}",
        "callable": "{later}",
        "property": "{later}",
        "context manager": "{later}",
        "process": "{found}[{taken}]. {instead}.",
        "thread": "{found}[{taken}]. {instead}.",
    },
    "results_remembered": {
        "figures": "the first call of an item took {first_s:duration}, the same once more {again_s:duration}",
        "unknown": "No item was called a second time.",
        "medians": "[ (medians of {calls} {calls:item/items}, the very first left out)]",
        "alike": "A repeated call takes as long as the first: {figures}{medians}.",
        "unclear": "Can't tell: {figures}{medians}.",
        "little": "Only the very first call was slower, and not by much: {first_s:duration}, then {again_s:duration}.",
        "per item": (
            "Results are kept[, and calls change {changed}]: {figures} (medians of {calls} {calls:item/items}). So "
            "each repetition ran in a new process, as a first run does. Later the loop, threads and forked workers "
            "would find the results, spawned workers never do. To keep them for a pool, fill the cache before it "
            "forks, or in --setup."
        ),
        "per object": (
            "Results are kept with the object that was passed: {figures}, and of an equal item that is another object "
            "as long as at first. So every pass got copies of the items. Workers of processes always get copies: they "
            "find nothing."
        ),
        "once": (
            "The very first call took {first_s:duration}, the same once more {again_s:duration}, and other items were "
            "as quick at first: it prepares something for all. The loop, threads and forked workers find it there; "
            "every spawned worker does it again within the map. Name it by --setup, so that it counts as start-up."
        ),
        "per thread": (
            "The very first call took {first_s:duration}, the same once more {again_s:duration}, and in another thread "
            "as long as at first: it prepares something for its own thread. Every worker, thread or process, does it "
            "again within the map. Name it by --setup, so that it counts as start-up."
        ),
        "kept outside": (
            "Results are kept outside of the process, such as in files or by a server: {figures}, and calls "
            "were fast in a new process too. A first run takes longer than these times: to measure it, switch off what "
            "keeps results."
        ),
    },
    "items_changed": {
        "changes": "A call of {function} changes its argument, as [{part} of ]item {item} ({type}) shows",
        "stays": (
            "In processes and interpreters it is a copy that changes, and the caller's item stays as it was: rely on "
            "what the call returns."
        ),
        "is lost": (
            "In processes and interpreters it is a copy that changes, so what was done is lost: return the item."
        ),
        "copies and stays": "{copies} {stays}",
        "copies and is lost": "{copies} {is lost}",
        "made anew and stays": "{made anew} {stays}",
        "made anew and is lost": "{made anew} {is lost}",
        "copies": "Every pass got copies of the items as they were, in every setting alike.",
        "made anew": "They can't be copied, so every pass had a process of its own, which made them anew.",
        "unknown": "The items were not looked at.",
        "unchanged": "A call leaves its item as it was.",
        "can't compare": "Whether a call changes its item can't be told: what is in it can't be seen.",
        "changed": "{changes}. {passes}",
        "nothing returned": "{changes}, and returns nothing. {passes}",
    },
    "work_too_small": {
        **BREAK_EVEN,
        **FASTEST,
        "unmeasured": "Not every setting has been measured often enough to tell.",
        "faster": "{best}, {fastest}: {gain:times} ({gain:interval}).",
        "several CPUs": (
            "An item uses {loop_on_cpu:.2f} CPUs by itself, so that pools find few of them free, however long it is."
        ),
        "event loop blocked": "No two calls ran at the same time, so this does not show how long an item has to be.",
        "undecided": (
            "The data can't separate {best}, {fastest}, from the plain loop ({gain:times}); more repetitions would."
        ),
        "one at a time": (
            "Can't tell whether longer items would help: every pool is slower than the plain loop, but no two items "
            "ran at the same time in any of them."
        ),
        "slower": "Every pool is slower than the plain loop.[ {why}]",
        "too small": (
            "Handing items over costs more than sharing them saves: {break_even}."
            "[ A map of {short_map_s:duration} mostly measures how long it takes to wake a process.]"
        ),
    },
    "event_loop_blocked": {
        "figures": (
            "a call kept the event loop for {blocked_share:percent} of its time, up to {longest_s:duration} at a "
            "stretch"
        ),
        "unknown": "How long its steps keep the event loop is not known.",
        "no coroutine": "It is no coroutine.",
        "shares": "It gives the event loop back: {figures}.",
        "short": "Can't tell, a call is too short: {figures}.",
        "partly": "Can't tell, it blocks for a part: {figures}.",
        "overlaps": "Can't tell: {figures}, yet with several at once it was {overlapped:times} as fast.",
        "blocks": "{figures}, in which no other can go on[; with {at_once} at once it was {overlapped:times} as fast]",
        **{code: "{blocks}. " + remedy for code, remedy in UNBLOCKING.items()},
    },
    "gil_held": {
        "figures": (
            "the tasks of {config} used {cpus_used:.2f} CPUs together, where {cpus_there:.0f} were there for them; "
            "in the plain loop they use {loop_on_cpu:share}"
        ),
        "no GIL": "There is no GIL in this Python.",
        "untraced": "No two threads were traced in a Python that has the GIL.",
        "unclear": "Can't tell: {figures}.",
        "waits": "The work waits, which needs no GIL: {figures}.",
        "in turn, disturbed": (
            "Can't tell, the run was disturbed: with {config} a task took {stretched:times} as long as in the loop."
        ),
        "in turn": (
            "The work waits, yet {config} did it one at a time: a task took {stretched:times} as long as in the plain "
            "loop, and all of them no less. Something lets one through at a time, such as a lock, a connection or a "
            "session that they share: hold it for a shorter time, or give each thread its own."
        ),
        "coroutines in turn": (
            "The work waits and gives the event loop back, yet {config} did it one at a time: a call took "
            "{stretched:times} as long as in the plain loop, and all of them no less. Something lets one through at a "
            "time, such as a lock, a connection or a session that they share: hold it for a shorter time, or give each "
            "call its own."
        ),
        "side by side": "They ran side by side: {figures}.",
        "child processes": "Most of its CPU time is that of child processes, which have no part in the GIL: {figures}.",
        "several CPUs": "In the plain loop a task uses several CPUs by itself, so it releases the GIL: {figures}.",
        "disturbed": "Can't tell, the run was disturbed: {figures}.",
        "other cause": "Can't tell, something else may have held them up: {figures}.",
        "one at a time": "{figures}. One at a time, for the GIL or for a lock of the work's own.",
    },
    "child_processes": {
        "figures": (
            "an item takes {children_s:duration} of CPU time in child processes, {own_s:duration} in the process "
            "that starts them"
        ),
        "unknown": "How long the plain loop was on a CPU is not known, or was too short.",
        "few": "{figures}.",
        "wait": "They wait as well: {figures}, together a small part of its time.",
        "disturbed": "Can't tell whether they compute or wait, the run was disturbed: {figures}.",
        "both": "Can't tell, it is not much, or they wait as well: {figures}.",
        "compute": (
            "{figures}. The process that starts them mostly waits, without the GIL: threads are enough for that, as "
            "many as there are CPUs for the child processes."
        ),
    },
    "light_kinds_suffice": {
        "work waits": "The work waits",
        "programs work": "Child processes do the work, and waiting for them releases the GIL",
        "figures": "the plain loop was on a CPU for {loop_on_cpu:percent} of its time",
        "compared": "{why}: {figures}. {light:capital} {light:maps/map} {gain:compared with} {heavy}",
        "unknown": "How long the plain loop was on a CPU is not known, or was too short.",
        "event loop blocked": "It blocks the event loop, so calls hardly overlap.",
        "known to compute": "The work is known to compute; in this run {figures}.",
        "computes": "The work computes: {figures}.",
        "both": "The work computes and waits: {figures}.",
        "disturbed": "Can't tell, the run was disturbed: {figures}.",
        "no light kind": "{why}: {figures}. Neither threads nor asyncio were measured to compare.",
        "no heavy kind": "{why}: {figures}. No processes or interpreters were measured to compare.",
        "too few": "{compared}; too few repetitions to tell.",
        "slower": "{compared} ({gain:compared interval}), which is shown to be slower.",
        "wide": "{compared}; the times spread too widely to tell ({gain:compared interval}).",
        "suffices": (
            "{compared} ({gain:compared interval}) and {light:takes/take} less: {light_around_s:duration} to start and "
            "end against {heavy_around_s:duration}"
            "[; {light_memory:size} a worker against {heavy_memory:size}]."
        ),
    },
    "function_too_large": {
        "figures": (
            "the function pickles to {function_bytes:size}, and every message carries it: {messages} "
            "{messages:message/messages} with {config}, {function_s:duration} each to pickle and unpickle, "
            "{function_cost_s:duration} in all beside {work_s:duration} of work"
        ),
        "alone": "the function pickles to {function_bytes:size}",
        "unknown": "What the function takes to pickle is not known.",
        "small": "{alone}.",
        "not handed over": "No pool that would have to pickle was measured, though {alone}.",
        "cheap": "{figures}.",
        "not much": "Can't tell, it is not much: {figures}.",
        "too large": (
            "{figures}. Keep the data in the module or load it by --setup, once a worker, so that the function is "
            "pickled by its name; larger chunks need fewer messages."
        ),
    },
    "too_large_to_hand_over": {
        "figures": (
            "an item pickles to {item_bytes:size}, its result to {result_bytes:size}; pickling and unpickling both "
            "take {pickle_s:duration} beside {seconds_per_item:duration} of work[, and with {config} handing over took "
            "{dispatch_share:percent} of the map]"
        ),
        "unknown": "What an item and its result take to pickle is not known.",
        "few bytes": "An item pickles to {item_bytes:size}, its result to {result_bytes:size}.",
        "small": "{figures}.",
        "not handed over": "No pool that would have to pickle was measured, though {figures}.",
        "not much": "Can't tell, it is not much: {figures}.",
        "too large": "{figures}. Hand over names, paths or ranges and let workers fetch the rest.",
    },
    "sent_with_every_map": {
        "figures": (
            "with function and items on the workers beforehand a map of {config} takes {kept_s:duration}, with both "
            "sent in its tasks {sent_s:duration}"
        ),
        "unmeasured": "No map was measured with function and items on the workers of a cluster beforehand.",
        "few repetitions": "Too few repetitions to tell: {figures}.",
        "no gain": "{figures}.",
        "undecided": "Can't tell, they are close: {figures} ({gain:interval}).",
        "pays at once": (
            "{figures} ({gain:interval}). Bringing it there by {scatter} takes {scatter_s:duration}, which pays "
            "with the first map."
        ),
        "pays later": (
            "{figures} ({gain:interval}). Bringing it there by {scatter} takes {scatter_s:duration}, which pays "
            "from {maps:about} {maps:map/maps} of the same items on."
        ),
    },
    "chunks_too_small": {
        "compared": (
            "{other}: {gain:compared with} with the smallest chunks, of {chunk} {chunk:item/items}: "
            "{other_s:duration} against {extreme_s:duration}"
        ),
        "figures": "with {best} and chunks of {chunk}, handing over took {dispatch_share:percent} of the map",
        "no chunks": "No pool that takes chunks has been measured.",
        "untraced": "{best:capital} {best:was/were} measured with chunks of {chunk} alone, and not traced.",
        "few repetitions": "Too few repetitions to tell, though {compared}.",
        "worse": "{compared} ({gain:compared interval}).",
        "one item a message": (
            "{config} {config:sends/send} one item a message, which is {kind}'s own choice, and {config:takes/take} "
            "{one_s:duration}, {gain:times} as long as {other} with chunks of {other_chunk}[ ({ci})]; handing over "
            "took {dispatch_share:percent} of that. Set a chunk size."
        ),
        "no worse": "{compared} ({gain:compared interval}).",
        "undecided": "The data can't separate them, more repetitions would: {compared} ({gain:compared interval}).",
        "cheap": "{figures}, {chunks_a_worker:.3g} {chunks_a_worker:chunk/chunks} a worker.",
        "not compared": "{figures}. Larger chunks may save some of that; only a comparison can tell.",
        "much carried": (
            "{figures}. A message and its answer carry {carried_bytes:size}, which costs by its size, and larger "
            "chunks carry more."
        ),
        "dear messages": (
            "{figures:capital}, {message_s:duration} for each of {messages} {messages:message/messages}, of which "
            "pickling what it carries takes {carried_s:duration}: it is the messages that cost, and larger chunks send "
            "fewer."
        ),
    },
    "chunks_too_large": {
        "compared": (
            "{other}: {gain:compared with} with the largest chunks, of {chunk} {chunk:item/items}: "
            "{other_s:duration} against {extreme_s:duration}"
        ),
        "figures": "with {best} and chunks of {chunk}, workers idled for {idle_tail:percent} of the map",
        "no chunks": "No pool that takes chunks has been measured.",
        "untraced": "{best:capital} {best:was/were} measured with chunks of {chunk} alone, and not traced.",
        "workers without": ("{best} share {chunks} {chunks:chunk/chunks} of {chunk}: other workers get nothing to do."),
        "few repetitions": "Too few repetitions to tell, though {compared}.",
        "worse": "{compared} ({gain:compared interval}).",
        "no worse": "{compared} ({gain:compared interval}).",
        "undecided": "The data can't separate them, more repetitions would: {compared} ({gain:compared interval}).",
        "short tail": "{figures}, {chunks_a_worker:.3g} {chunks_a_worker:chunk/chunks} a worker.",
        "not compared": "{figures}. Smaller chunks may shorten that; only a comparison can tell.",
    },
    "chunks_vary": {
        "unknown": "The chunk sizes are not known.",
        "same": "Every pool used chunks of {chunk}.",
        "vary": (
            "Chunks of {chunks} items for {sizes} workers: the pool's own choice, so the sizes differ in more than "
            "the number of workers."
        ),
    },
    "stragglers": {
        "figures": (
            "with {config}, in chunks of {chunk}, the items took {as_sent_s:duration}; handed out one by one they "
            "would have taken {one_by_one_s:duration}, and the longest first {longest_first_s:duration}, handing over "
            "not counted"
        ),
        "lengths": "the longest took {longest_s:duration}, the middle one {median_s:duration}",
        "untraced": "No pool whose workers could all work at once has been traced.",
        "none": "{figures}.",
        "not much": "Can't tell, it is not much: {figures}.",
        "disturbed": "Can't tell, the run was disturbed: {figures}.",
        "in chunks": (
            "Workers that had finished waited for the last chunk: {figures}. The chunks cost {lost_share:percent} of "
            "the map. Take smaller ones."
        ),
        "long items": (
            "Workers that had finished waited for the last items: {figures}; {lengths}. The order costs "
            "{lost_share:percent} of the map. Submit the longest items first."
        ),
    },
    "more_workers_than_cpus": {
        "compared": "{usable_cpus:cpus}; {large} {large:maps/map} {gain:compared with} {small}",
        "event loop blocked": "All calls run in the event loop's one thread, whatever number at once is allowed.",
        "waits": "The work waits, so workers beyond the CPUs still save time.",
        "none": "No pool has more workers than CPUs: {usable_cpus:cpus}.",
        "unclear": "{usable_cpus:cpus}. How much of the work waits is not clear.",
        "not compared": "{usable_cpus:cpus}; there is no smaller or no larger pool of a kind to compare.",
        "few repetitions": "{compared}; too few repetitions to tell.",
        "chunks differ": (
            "{compared} ({gain:compared interval}), but chunk sizes differ, {small_chunk} and {large_chunk}, which may "
            "be why."
        ),
        "gain": "{compared} ({gain:compared interval}).",
        "wide": "{compared}; the times spread too widely to tell ({gain:compared interval}).",
        "no gain": "{compared} ({gain:compared interval}), so the extra workers bring no visible gain.",
    },
    "larger_pools_untried": {
        "compared": "{large}, the most that were tried, {large:maps/map} {gain:compared with} {small}[ ({ci})]",
        "rises": "{compared}: the work waits, so more of them may gain more.",
        "few repetitions": (
            "{compared}; too few repetitions to tell, but the work waits, so more of them may gain more."
        ),
        "levels off": "{compared}.",
        "enough for all": "With {large}, the most that were tried, there is room for every item.",
        "no larger": "{large:capital} {large:is/are} the most that were tried, and twice as many can't be measured.",
        "not compared": "Can't tell: no smaller pool was measured to compare {large} with.",
        "not waiting": "The work is not known to wait, so that workers beyond the CPUs would gain.",
        "not the largest": "{large:capital} {large:is/are} not the most that were tried.",
    },
    "quota_bites": {
        "no counter": "No quota counter can be read: there is no quota, or it is not visible from here.",
        "free": "The quota's counter did not rise during the run.",
        "held back": (
            "The quota throttled processes {throttled} {throttled:time/times} during the run: use no more workers than "
            "it allows CPUs, or raise it."
        ),
    },
    "siblings_share_cores": {
        "took": "with {config} a task took {cpu_time_ratio:times} the CPU time that it takes in the plain loop",
        "shared": "{usable_cpus:.0f} CPUs are on {cores:.0f} {cores:core/cores}",
        "alone": "{usable_cpus:cpus}, on {cores:.0f} {cores:core/cores}",
        "unknown": "Which of the CPUs share a core is not known.",
        "several CPUs": "Can't tell: a task uses several CPUs by itself, so its CPU time depends on how many are free.",
        "a core each": "{alone}, so no two workers share one.",
        "a core each, seen": "{alone}; {took}, so no two workers share one.",
        "a core each, unclear": "Can't tell: {alone}; {took}.",
        "shared unseen": (
            "{alone}, as the system has it, but {took}. So it is where cores are shared out of its sight, as by the "
            "virtual machines of one host; it can't be told from here."
        ),
        "waits": "{shared}; the work does not just compute.",
        "untraced": "{shared}; no pool of so many processes was traced with long tasks.",
        "no loss": "{shared}; {took}.",
        "unclear": "Can't tell: {shared}; {took}.",
        "share": (
            "{shared}; {took}, as where two share a core: more workers than {cores:.0f} gain less than their number "
            "says."
        ),
    },
    "oversubscribed": {
        "figures": "a task used up to {cpu_over_wall:.2f} CPUs by itself",
        "unknown": "Neither the loop nor a process was observed for long enough.",
        "disturbed": "Can't tell, the run was disturbed: {figures}.",
        "one thread": "{figures}, so it runs in one thread.",
        "unclear": "Can't tell: {figures}.",
        "room": "{figures}, so {usable_cpus} {usable_cpus:CPU is/CPUs are} enough for {enough} at once",
        "child processes": "{room}: it starts child processes that compute side by side. Let it start one at a time.",
        "several threads": "{room}: it starts threads of its own, which compute side by side.",
        "library threads": (
            "{room}: it computes in threads of {libraries}[, {threads} of them]. For more workers than that, "
            "set {variables} to 1."
        ),
    },
    "start_up_outweighs": {
        "figures": (
            "starting and ending {config} took {start_stop_s:duration}, the map {map_s:duration}, so {share:percent} "
            "of a single call[; pools of {workers} start and end by {methods}]"
        ),
        "unmeasured": "No pool of processes has been started and shut down.",
        "few repetitions": "Too few repetitions to tell, though {figures}.",
        "close": "Can't tell, they are close: {figures}.",
        "less": "{figures}.",
        "outweighs": "{figures}. Keep one pool and map often, or give it more to do.",
        "import outweighs": (
            "{figures}. {import_s:duration} of it every worker imported the module of {function} and what that needs. "
            "Import what is heavy where it is first used, fork where that is safe, or keep one pool and map often."
        ),
    },
    "memory_runs_short": {
        "figures": (
            "{config} took {needed:size} beside the main process; {free:size} were free before[{twice}]"
            "[. One more worker takes {worker_bytes:size} and the main process {parent_bytes:size}, so about "
            "{fitting:whole} {fitting:worker/workers} as in {like} {fitting:fits/fit} into {full:percent} of that]"
        ),
        "counted twice": "; shared pages are counted more than once in that",
        "unmeasured": "No pool's memory has been measured.",
        "unknown": "How much memory was free is not known.",
        "fits": "{figures}.",
        "unclear": "Can't tell: {figures}.",
        "short": "{figures}.",
    },
    "replacing_workers_costs": {
        "compared": (
            "{config} took {replaced_s:duration} for a map, {cost:times} as long as {base}, whose workers stay, with "
            "{base_s:duration}"
        ),
        "never": "Workers are not replaced.",
        "unmeasured": "No pool that replaces its workers has been measured.",
        "not compared": "There is no pool whose workers stay to compare.",
        "few repetitions": "Too few repetitions to tell, though {compared}.",
        "undecided": "The data can't separate them, more repetitions would: {compared} ({cost:interval}).",
        "nothing": "{compared} ({cost:interval}).",
        "costs": (
            "{compared} ({cost:interval})[: about {replaced:whole} {replaced:replacement/replacements} of "
            "{each_s:duration} each]. Replace workers less often, or hand them more items in a message."
        ),
    },
    "items_made_beforehand": {
        "time": (
            "making the {items:whole} {items:item/items} took {made_s:duration}, beside {call_s:duration} for a single "
            "call of {config}"
        ),
        "held": "all of them together take {memory:size}",
        "lists": "Pool.map and executor.map take all items at once",
        "lazily": (
            "Pool.imap with a chunk size, and from Python 3.14 on executor.map with buffersize=, take them one by one"
        ),
        "unknown": "What making the items took is not known, or nothing has been measured to compare it with.",
        "at hand": "The items were there before.",
        "cheap": "{time}; {held}.",
        "figures differ": (
            "Can't tell what all of them together take: the process grew by {memory:size} as they were made, and "
            "pickled they have {pickled:size}."
        ),
        "long": "{time}, which does not include it: it is {share:percent} of both. {lists:capital}, {lazily}.",
        "large": "{held:capital}: {lists}. {lazily:capital}.",
        "long and large": (
            "{time}, which does not include it: it is {share:percent} of both. {held:capital}: {lists}. "
            "{lazily:capital}."
        ),
        "full": (
            "No more than {items:whole} {items:item was/items were} taken, for they fill {memory:size}, half of the "
            "free memory: {lists}. {lazily:capital}."
        ),
    },
    "results_differ": {
        "no call repeats": (
            "The same item gave another result when it was called again, in the plain loop too, so results can't be "
            "compared between pools."
        ),
        "random in the loop": (
            "Each call draws other random numbers[, from {generators}], in the plain loop too, so results can't be "
            "compared between pools. Give each item a seed of its own, and make the generator from it in the call."
        ),
        "clock in the loop": (
            "The results are times, others at each call, in the plain loop too, so they can't be compared."
        ),
        "address in the loop": (
            "The results hold the addresses of objects, others at each call, so they can't be compared. Give their "
            "class a __repr__ of its own, and leave out what id() gives."
        ),
        "token in the loop": (
            "The results hold names or tokens that are made anew at each call, such as a UUID or the name of a "
            "temporary file, in the plain loop too, so they can't be compared. Leave them out of what is returned, or "
            "make them from the item."
        ),
        "own-globals in the loop": (
            "The same item gave another result when it was called again, and the calls change {names}. Results can't "
            "be compared between pools, for each process has {names:one/some} of its own."
        ),
        "differ": "{config}: {detail}[ So do {others} other {others:setting/settings}.]",
        "order": (
            "{config}: {differing} {differing:result has/results have} the same parts as in the plain loop in another "
            "order: {detail} Sort what has no order, as the entries of a set, before it is returned."
        ),
        "hash-seed": (
            "{config}: {differing} {differing:result differs/results differ}, for the order of sets and the hashes of "
            "texts are others in each process that is not forked. The plain loop too gives other results under another "
            "PYTHONHASHSEED, and the same under the same. Sort sets before they are gone through, use hashlib instead "
            "of hash(), or set PYTHONHASHSEED."
        ),
        "identity": (
            "{config}: {differing} {differing:result names/results name} the process or the thread that worked: "
            "{detail} Leave it out of what is compared."
        ),
        "address": (
            "{config}: {differing} {differing:result holds/results hold} the address of an object: {detail} Give its "
            "class a __repr__ of its own."
        ),
        "clock": "{config}: {differing} {differing:result holds a time/results hold times}: {detail}",
        "same-random-state": (
            "{config}: [items {pair} were given the same random numbers, and {repeated} items share theirs with "
            "another: ]every worker has a copy of the generator in the same state[, {generators}]. Give each item a "
            "seed of its own, by numpy.random.SeedSequence.spawn() or random.Random(seed), or seed by os.getpid() in "
            "the pool's initializer."
        ),
        "shared-generator": (
            "{config}: {differing} {differing:result differs/results differ}. The calls draw from {generators}, which "
            "all threads share, so that each gets numbers that another was to get. Make a generator of its own in each "
            "call, by random.Random(seed) or numpy.random.default_rng(seed)."
        ),
        "main-globals": (
            "{config}: {differing} {differing:result differs/results differ}, and {names} {names:has/have} another "
            "value in the main process than in a worker started by {start_method}, which imports the module anew. Set "
            "{names:it/them} in the pool's initializer, or hand {names:it/them} over with the items."
        ),
        "shared-globals": (
            "{config}: {differing} {differing:result differs/results differ}: {detail} The calls change "
            "{names}, which all threads share; guard {names:it/them} by a lock, or give each call its own."
        ),
        "own-globals": (
            "{config}: {differing} {differing:result differs/results differ}: {detail} The calls change "
            "{names}, of which each worker has a copy of its own."
        ),
        "rounding": (
            "Every setting returned what the plain loop returned, but for rounding: {config} {config:differs/differ} "
            "by {largest:.1e} of the largest number at the most."
        ),
        "unknown": "Whether an item gives the same result twice can't be told: its results can't be compared.",
        "same": "Every setting returned what the plain loop returned.",
    },
    "keeps_global_state": {
        "unknown": "What it keeps from call to call was not looked at.",
        "none": "It changed nothing that a later call would find.",
        "changes": (
            "It changes {names}, which the next call finds as this one leaves {names:it/them}: threads share "
            "{names:it/them}, every process and interpreter has its own, and what it writes there does not come back."
        ),
    },
    "slow_items": {
        "no limit": "No time limit per item was set (--item-limit).",
        "none slow": "No item, of {count} in all, took longer than {limit_s:duration}.",
        "slow": (
            "{left_out} of {count} took longer than {limit_s:duration} and {left_out:was/were} left out: {named}"
            "[, and {rest} more]."
        ),
    },
    "prints": {
        "unknown": "Its output was not captured.",
        "prints": (
            "It printed {tried_bytes:size} when it was tried and {bytes:size} in all; writing takes its time, and the "
            "lines of several workers mix."
        ),
        "later": "{bytes:size} were written during the run, though nothing when the work was tried.",
        "silent": "It printed nothing.",
    },
    "run_was_disturbed": {
        "unread": "What else ran is not known yet.",
        "silent": "The readings don't say.",
        "judged": "{signs}",
    },
    "cpu_speed_changed": {
        "figures": (
            "a short loop, always the same, was run after each of {loops} plain loops and took {shortest_s:duration} "
            "to {longest_s:duration} of CPU time (the middle half of them)"
        ),
        "waits": "Work that waits does not depend on it.",
        "too few": "There were too few rounds to tell.",
        "steady": "{figures:capital}.",
        "disturbed": "Can't tell, the run was disturbed: {figures}.",
        "changed": (
            "{figures:capital}. No program of this machine does that: the host may be shared with other machines, or "
            "the clock rate changes. Measure again at another time[{longer}]."
        ),
        "or for longer": ", or for longer",
    },
    "unsettled": {
        "figures": (
            "the gain of {config} is known to within {half_width:percent} after {rounds} {rounds:round/rounds}"
            "[ in {spent_s:duration}]"
        ),
        "unmeasured": "Too few rounds are over to tell.",
        "repeated": "{repetitions} {repetitions:repetition/repetitions}[ of {least_repeated}]",
        "no interval": "{repeated} {repetitions:is/are} too few for an interval.",
        "broken off": "The run broke off after {repeated}, too few for an interval.",
        "none is faster": (
            "after {rounds} {rounds:round/rounds}[ in {spent_s:duration}] no pool is faster even at the upper end of "
            "its interval, where {config}, the closest, {config:takes/take} {least_loss:times} as long as the loop"
        ),
        "none gains": (
            "after {rounds} {rounds:round/rounds}[ in {spent_s:duration}] no pool gains {worth_it:percent} even at the "
            "upper end of its interval, where {config}, the fastest, {config:reaches/reach} {high:times}"
        ),
        "settled": "{settles}: more rounds would hardly change the answer.",
        "settled, disturbed": "{settles}: more rounds beside what disturbed them would hardly change the answer.",
        "open": "{figures}[; another {more_s:duration} would bring that to about {half_width_then:percent}].",
        "wide": (
            "after {rounds} {rounds:round/rounds} the gain of {config} could be anything from {low:times} to "
            "{high:times}, which is too little to decide by[; another {more_s:duration} would narrow that by about "
            "{narrower:percent}]. On a quieter machine, or with fewer settings, the same time tells more."
        ),
    },
}

# What explains by itself that nothing was found to recommend, by check and code.
HEADLINES = {
    "results_remembered: per item": "Calls remember their results.",
    "results_remembered: per object": "Calls remember their results with the object that was passed.",
    "results_remembered: kept outside": "Results are kept outside of the process.",
    "items_changed: changed": "Calls change their argument.",
    "items_changed: nothing returned": "Calls change their argument.",
    "function_too_large: too large": "The function carries {function_bytes:size} with every message.",
    "too_large_to_hand_over: too large": "Arguments or results are too large to hand over.",
    "oversubscribed: child processes": "A task uses {cpu_over_wall:.1f} CPUs by itself, in processes that it starts.",
    "oversubscribed: several threads": "A task uses {cpu_over_wall:.1f} CPUs by itself, in threads that it starts.",
    "oversubscribed: library threads": "A task uses {cpu_over_wall:.1f} CPUs by itself, in threads of {libraries}.",
    **{f"event_loop_blocked: {code}": "The coroutine blocks the event loop." for code in UNBLOCKING},
    "gil_held: one at a time": "Threads take turns.",
    "gil_held: in turn": "Something lets one thread through at a time.",
    "gil_held: coroutines in turn": "Something lets one coroutine through at a time.",
    "hangs: hung-at-fork": "Workers hang after the fork.",
    "hangs: hung": "Workers hang.",
    "hangs: hung-at-exit": "Workers do not end.",
    "workers_break: exception-unreadable": "An exception can't be made from its pickle.",
    "workers_break: result-unreadable": "A result can't be made from its pickle.",
    "workers_break: result-unsendable": "A result can't be pickled.",
    "workers_break: call-unreadable": "Workers can't make a call from its pickle.",
    "workers_break: worker-died": "A worker died.",
    "workers_break: host-died": "The process of the workers died.",
    "workers_break: raised": "The work raises in a worker.",
    "nests_pools: daemonic": "The work starts processes, which a Pool's workers may not.",
    "results_differ: order": "Results come in no fixed order.",
    "results_differ: hash-seed": "Results depend on the hash seed.",
    "results_differ: same-random-state": "Workers draw the same random numbers.",
    "results_differ: shared-generator": "Threads share a random generator.",
    "results_differ: main-globals": "Workers lack what the main process has set.",
    "results_differ: shared-globals": "Threads change what they share.",
    "results_differ: own-globals": "Each worker keeps a state of its own.",
}

VERDICTS = {
    **BREAK_EVEN,
    **HEADLINES,
    **UNBLOCKING,
    "blocked": "The coroutine blocks the event loop.",
    "blocked, behind": (
        "A call keeps it for {blocked_share:percent} of its time, up to {longest_s:duration} at a stretch, so calls "
        "run one after the other. {best:capital}, {fastest}, {reach}. {instead}"
    ),
    "blocked for a part": "A call keeps the event loop for {blocked_share:percent} of its time. {instead}",
    **FASTEST,
    "the only plain loop": "as fast as the plain loop",
    "the plain loop of": "as fast as {loop}",
    "no winner between": "No clear winner between them.",
    "reaches": "{config} {config:reaches/reach} {gain:times}[ ({ci})]",
    "gains little": "{config} {config:gains/gain} next to nothing: {gain:times}[ ({ci})]",
    "takes": "{config} {config:takes/take} {loss:times} as long as the plain loop[ ({loss_ci})]",
    # A recommendation: a headline and what stands behind it.
    "use": "Use {configs:or}: {gain:times} {base}.",
    "use, behind": "{gain:interval}.[ {tie}]",
    "other loop": "{config} {config:wins/win}: {gain:times} {base}.",
    "other loop, behind": "{gain:interval}.",
    "small gain": "Hardly worth a pool: {config}[, {fastest},] {config:gains/gain} less than {worth_it:percent}.",
    "small gain, behind": "{gain:times} as fast as the plain loop ({gain:interval}), which is simpler.",
    "loop": "Stay with the plain loop: the best pool {slower}.",
    "loop, behind": "{best:capital}, {fastest}, {reach}.[ {why}]",
    "percent longer": "takes {longer:percent} longer",
    "times slower": "is {as_long:factor}× slower",
    "reach": "{best:reaches/reach} {gain:times}[ ({ci})]",
    "gain little": "{best:gains/gain} next to nothing: {gain:times}[ ({ci})]",
    "take": "{best:takes/take} {loss:times} as long as the plain loop[ ({loss_ci})]",
    "too small": "Stay with the plain loop: the best pool {slower}.",
    "too small, behind": "{break_even:capital}. {best:capital}, {fastest}, {reach}.",
    # No recommendation, and why.
    "no winner": "No clear winner.",
    "no winner, busy": "No clear winner, for other programs had the CPUs: measure again when they are quieter.",
    "no winner, busy by the server": (
        "No clear winner, for this server and its other runs had the CPUs: measure again when they have ended."
    ),
    "no winner, busy by both": (
        "No clear winner, for this server’s other runs and other programs had the CPUs: measure again when they are "
        "quieter."
    ),
    "no winner, busy for pages": (
        "No clear winner, for this server had the CPUs, for the pages that are looked at: measure again with fewer."
    ),
    "no winner, busy by pages and others": (
        "No clear winner, for this server’s pages and other programs had the CPUs: measure again when they are quieter."
    ),
    "figures": (
        "{best:capital}, {fastest}, took {best_s:duration} against {loop_s:duration} for {loop}; {gain:compared} "
        "({gain:compared interval})"
    ),
    "undecided": "{figures}: the data can't separate them.",
    "no gain": "{figures}: no pool gains as much as {worth_it:percent}, so a plain loop does as well.",
    "luckiest": "{figures} may just be the luckiest of {compared}.",
    "unconfirmed": "{figures} needs more repetitions to be sure of.",
    "others open": "{figures} is slower, but the others spread too widely to tell.",
    "took": "The plain loop took {loop_s:duration}, {best}, {fastest}, {best_s:duration}.",
    "one repetition": "One repetition[ of {least_repeated}] is too few for an interval. {took}",
    "few repetitions": "{repetitions} repetitions[ of {least_repeated}] are too few for an interval. {took}",
    "wrong results": "No pool gave the results of the plain loop.",
    "none finished": "No pool was measured to its end.",
    "only the loop": "The plain loop took {loop_s:duration}.[ {whys}]",
    # No answer, as the times are not those of the work.
    **LAZY,
    "no answer, lazy": "{found:capital}: no answer.",
    "lazy": "These are the times of {making} and not of the work[{taken}]. {instead}, and measure again.",
    "no answer, kept": "Results are kept outside of the process: no answer.",
    "kept": (
        "The first call of an item took {first_s:duration}, the same once more {again_s:duration}, and in a new "
        "process too what it found out is kept. A first run takes longer than these times: to measure it, switch off "
        "what keeps results."
    ),
    # Doubts about all of it.
    "changes lost": "A call changes its item and returns nothing, which is lost in {config}: return the item.",
    "disturbed": "The run was disturbed[: {who}]. Take the figures with care.",
    "others used": "other programs used {others_cpus:.1f} of {host_cpus} {host_cpus:CPU/CPUs}",
    "server used": "this server and its other runs used {server_cpus:.1f} of {host_cpus} {host_cpus:CPU/CPUs}",
    "both used": "{server used}, and other programs {rest_cpus:.1f}",
    "pages used": (
        "this server used {server_cpus:.1f} of {host_cpus} {host_cpus:CPU/CPUs} for the pages that are looked at"
    ),
    "pages and others used": "{pages used}, and other programs {rest_cpus:.1f}",
    "speed changed": (
        "The CPUs ran at changing speed: the same short loop took {shortest_s:duration} to {longest_s:duration} of CPU "
        "time."
    ),
    "results change": "Its results change from call to call, so only the times are compared.",
    # One call, for which the pool is made and closed.
    "call undecided": (
        "For a single call, start-up and shutdown included, there is no clear winner: {took_s:duration} at best "
        "against {loop_s:duration} for {loop}."
    ),
    "call loop": (
        "For a single call, start-up and shutdown included, the plain loop finishes first: {loop_s:duration} against "
        "{took_s:duration} with {best}[, whose workers first import for {import_s:duration} each]."
    ),
    "call small gain": (
        "For a single call, start-up and shutdown included, {best} {best:gains/gain} hardly anything: {gain:times} "
        "({gain:interval})."
    ),
    "call too": "For a single call too, start-up and shutdown included: {gain:times} ({gain:interval}).",
    "call other": ("For a single call, start-up and shutdown included, use {best}: {gain:times} ({gain:interval})."),
    # A cluster's price.
    "start and traffic": "{config:capital}: its cluster takes {cluster_s:duration} to start, {a map}",
    "start": "{config:capital}: its cluster takes {cluster_s:duration} to start",
    "traffic": "{config:capital}: {a map}",
    "no price": "{config:capital}: its cluster was there before",
    "a map": "a map sends {sent:size} over the network and receives {received:size}",
    "cluster alone": "{price}.[ {pays}]",
    "pays": (
        "Start-up included, it beats the plain loop from about {seconds_per_item:duration} an item"
        "[, or {items:about} {items:item/items} of this length]."
    ),
    "cluster not faster": "{price}.[ {pays}] An item is not shown to take less than in {rival}, however many.",
    "cluster faster": (
        "{price}.[ {pays}] Start-up included, it beats {rival} from about {items_to_win:about} "
        "{items_to_win:item/items} of this length."
    ),
    "workers lost": (
        "{config:capital} lost {workers} {workers:worker/workers} in this run, and {retried} "
        "{retried:task was/tasks were} done again, which its times contain."
    ),
    # The other configurations.
    "several CPUs": "An item uses {cpu_over_wall:.2f} CPUs by itself, so that more workers find few of them free.",
    "programs work": (
        "Its child processes need the CPUs, {children_s:duration} an item, and no GIL is held meanwhile: threads do as "
        "well as processes."
    ),
    "work waits": (
        "The work waits, and meanwhile others can run: the plain loop was on a CPU for {loop_on_cpu:percent} of its "
        "time."
    ),
    "no GIL": "This Python has no GIL, so its threads compute side by side.",
    "no GIL in": "{python} has no GIL, so its threads compute side by side.",
    "under the GIL": "{against}: under the GIL threads work one at a time.",
    "in turn": "{against}: something lets one thread through at a time.",
    "one thread as good": "{against}, and more of them are no faster: under the GIL threads work one at a time.",
    "tied": "{against}, not shown to be slower[, and take {around_s:duration} to start and end].",
    "less memory": "{against} with {memory_share:percent} of the memory a worker.",
    "other": "{against}.",
    "kind left out": "{kind}: {why}",
    "left out": "{config}: {why}",
    "tied sizes": "{configs} {configs:is/are} not shown to be slower.",
    "only add start-up": "{configs} only add start-up: {usable_cpus:cpus}.",
    "Python left out": "{python} took no part: {why}",
    "faster beyond": (
        "{config} took {less:percent} less than {best}: {usable_cpus:cpus}. More workers than CPUs can only fill gaps "
        "in which a worker waits for its next item, as larger chunks do; for work that computes they are recommended "
        "where they are surely more than {far:percent} faster."
    ),
    "faster as a Pool": (
        "{best} took {less:percent} less than {config}[: left to itself an executor hands over {chunk} "
        "{chunk:item/items} at a time, and that Pool {best_chunk}, which either does by a chunk size]. The executor, "
        "which tells of a worker that dies, is recommended unless the Pool is surely more than {far:percent} faster."
    ),
    "cheapest": (
        "{best}, {fastest}, {best:is/are} not shown to be faster by more than {equal:percent}, for the fastest of "
        "{compared} may be the luckiest: of equals the lightest kind with the fewest workers is recommended."
    ),
    "one not measured": "{config}: not measured.",
    "several not measured": "{count} settings: not measured.",
    "kind lacking": "{why}",
    "kind lacking in": "{python}: {why}",
}


# How the rounds went.
ROUNDS = {
    "slower": "{configs}: shown to be slower than {lost_to} after {rounds} rounds, and not repeated since.",
    "beyond CPUs": (
        "{configs}: more workers than CPUs, shown after {rounds} rounds not to be {far:percent} faster than {lost_to}, "
        "and not repeated since."
    ),
    "no time": (
        "{configs}: measured once, for a round of all took so much of the time that few more would fit. Where work "
        "computes, as many workers as CPUs gain most: {lost_to} got the time. Give more seconds, or fewer items."
    ),
    "in a row": (
        "Short maps are timed several in a row, {least:whole}[–{most:whole}] per sample; times are those of one map."
    ),
}

# What running again with a remedy changes, by its parameters: one value, or several to compare.
CHANGES = {
    "sizes": ("Use {values} only", "Compare {values} workers"),
    "kinds": ("Measure {values}", "Compare {values}"),
    "start_methods": ("Start workers by {values}", "Compare {values}"),
    "start_method": ("Start workers by {values}", ""),
    "chunksizes": ("Use chunks of {values}", "Compare chunks of {values}"),
    "chunksize": ("Use chunks of {values}", ""),
    "workload": ("Use {values}", ""),
    "work_ms": ("Use {values} ms an item", ""),
    "items": ("Use {values} items", ""),
    "last": ("Use numbers up to {values}", ""),
    "seconds": ("Measure for {values}", ""),
    "repeats": ("Repeat {values}×", ""),
    "max_tasks": ("Replace workers after {values} tasks", "Compare replacing workers after {values} tasks"),
    "native_threads": ("Limit native threads to {values}", "Compare {values} native threads"),
}
OF_ZERO = {"chunksizes": "the pool’s own size", "max_tasks": "unlimited", "native_threads": "unlimited"}

# What became of a condition (`--fail-if`), and what is said to be so in it.
CONDITIONS = {
    "holds": "{text} holds: {because}.",
    "does not hold": "{text} does not hold: {because}.",
    "unknown": "{text} can't be told: {because}.",
    "speed-up": "{config} {config:reaches/reach} {gain:times}[ ({ci})]",
    "few repetitions": "{config} {config:reaches/reach} {gain:times}, of too few repetitions for an interval",
    "winner": "{config} {config:wins/win}",
    "tied": "{config} {config:wins/win}, and {other} {other:is/are} not shown to be slower",
    "no winner": "there is no clear winner",
    "disturbed": "something else disturbed the run",
    "nothing measured": "no pool was measured to its end",
    "unfounded": "the times of this run are not those of the work",
    "other work": "{run} did other work",
    "other machine": "{run} was measured on another machine",
    "nothing in common": "{run} has neither the plain loop nor the pool that this run has to compare",
    "change": ("{config} took {now_s:duration} against {before_s:duration} in {run}, {change:times} as long[ ({ci})]"),
}


# Why no scaling law is drawn through the points.
NO_FITS = {
    "loop repetitions": "A fit takes {fewest} repetitions of the plain loop at least, and there are {there}.",
    "workers": (
        "A fit takes {fewest} sizes, and no more than {most} {most:worker/workers} can be at work at the same time."
    ),
    "sizes": (
        "A fit takes {fewest} sizes of up to {most} {most:worker/workers}, with {repetitions} repetitions each; there "
        "{there:is/are} {there}, the plain loop counted as one worker."
    ),
    "spread": "The times spread too widely: one of their middles is known to {widest:percent} only.",
    "amdahl": "Amdahl's law",
    "usl": "the Universal Scalability Law",
    "off the curve": (
        "The points don't follow {name}: one is {farthest:percent} off the curve, more than its spread explains."
        "[ With {sizes_for_crosstalk} sizes crosstalk can be told.]"
    ),
    "serial share": ("The serial share could be anything from {low:percent} to {high:percent}, so a fit says nothing."),
}


def no_fit_sentence(why: NoFit | None) -> str:
    """Why a curve is not fitted; '' where it is."""
    if why is None:
        return ""
    law = why.numbers.get("law")
    return fill(NO_FITS, why.code, {**why.numbers, **({"name": Part(str(law))} if law else {})})


def dropped_sentence(dropped: ConfigurationDropped, configs: str, lost_to: str) -> str:
    """Why configurations, named together, got no more rounds."""
    facts = {"configs": configs, "rounds": dropped.round, "lost_to": lost_to, "far": FAR - 1}
    return capital(fill(ROUNDS, dropped.why, facts))


def passes_sentence(least: int, most: int) -> str:
    """That so many maps make a sample."""
    return fill(ROUNDS, "in a row", {"least": least, "most": most if most > least else None})


def change_words(remedy: Mapping[str, Any]) -> str:
    """What a remedy changes, for a button: 'Compare chunks of 1 and 50', 'Use sum-of-squares, 20 ms an item'."""
    told = [_change(name, value) for name, value in remedy.items()]
    first, *more = [words for words in told if words] or ["Run again"]
    return ", ".join((first, *(words.removeprefix("Use ") for words in more)))


def _change(name: str, value: Any) -> str:
    one, several = CHANGES.get(name, ("", ""))
    values = value if isinstance(value, list) else [value]
    words = [OF_ZERO.get(name, "0") if each == 0 else _value_words(name, each) for each in values]
    if name == "sizes" and len(values) == 1:
        words = [workers(*values)]
    return (several if len(values) > 1 else one).format(values=format_list(words))


def _value_words(name: str, value: Any) -> str:
    if name == "kinds":
        return TITLES.get(value, str(value))
    if name == "seconds":
        return duration(value) if value >= 120 else f"{value:g}{GAP}s"
    return f"{value:g}" if isinstance(value, float) else str(value)


def finding_sentence(state: State, check: str, code: str, facts: Mapping[str, Any]) -> str:
    return capital(fill({"unfounded": UNFOUNDED, **FINDINGS[check]}, code, _in_words(state, facts)))


def condition_sentence(state: State, text: str, outcome: str, code: str, facts: Mapping[str, Any]) -> str:
    return fill(CONDITIONS, outcome, {**_in_words(state, facts), "text": text, "because": Part(code)})


def verdict_sentence(state: State, code: str, facts: Mapping[str, Any]) -> str:
    return capital(fill(VERDICTS, code, _in_words(state, facts)))


def _in_words(state: State, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Configurations among the facts as this run calls them."""
    return {name: noun(state, fact) if isinstance(fact, Configuration) else fact for name, fact in facts.items()}
