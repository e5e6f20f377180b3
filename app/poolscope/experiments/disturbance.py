"""The words of a disturbance, the same for every experiment that looks for one."""

from __future__ import annotations

from poolscope.stats.disturbance import By, Disturbance, Sign
from poolscope.text.sentences import Part, fill

USED_BY: dict[By, str] = {
    "others": "used",
    "server": "used by the server",
    "both": "used by both",
    "pages": "used for pages",
    "pages and others": "used by pages and others",
}
SIGNS = {
    "used": "Other programs kept {others_cpus:.2f} of {host_cpus} CPUs busy",
    "used by the server": "This server and its other runs kept {server_cpus:.2f} of {host_cpus} CPUs busy",
    "used by both": "{used by the server}, and other programs {rest_cpus:.2f}",
    "used for pages": "This server kept {server_cpus:.2f} of {host_cpus} CPUs busy, for the pages that are looked at",
    "used by pages and others": "{used for pages}, and other programs {rest_cpus:.2f}",
    "free": "the {spare} that our workers left to them",
    "too few tasks": "There are too few CPU-bound tasks that had a CPU each to see whether they were held up.",
    "tasks": "Tasks took {wall_over_cpu:.2f} times their CPU time; undisturbed they take 1.00.",
    "others unknown": "What other programs used is not known, or not over {least_s:g} s at least.",
    "others idle": "{used}.",
    "others on free CPUs": "{used}: no more than {free}, so it can't be told whether they took ours.",
    "others in the way": "{used}: more than {free}.",
    "others in the way of all": "{used}: our workers could use all of them.",
    "throttled": "The CPU quota made this process wait {times} {times:time/times}.",
    "effective CPUs": "Spinning processes got {effective_cpus:.2f} of {usable_cpus} usable CPUs.",
}

# What disturbed a run, in a few words behind "disturbed: ".
BRIEFLY = {
    "used": "other programs used {others_cpus:.1f} of {host_cpus} CPUs",
    "used by the server": "this server and its other runs used {server_cpus:.1f} of {host_cpus} CPUs",
    "used by both": "{used by the server}, other programs {rest_cpus:.1f}",
    "used for pages": "this server used {server_cpus:.1f} of {host_cpus} CPUs for the pages that are looked at",
    "used by pages and others": "{used for pages}, other programs {rest_cpus:.1f}",
    "others in the way": "{used}",
    "tasks": "tasks took {wall_over_cpu:.1f} times their CPU time",
    "throttled": "a CPU quota made it wait",
    "effective CPUs": "two busy processes got {effective_cpus:.1f} of {usable_cpus} CPUs",
}


def reason_in_words(judged: Disturbance | None) -> str:
    """What disturbed a run, in a few words; '' where nothing did, or it can't be told."""
    if judged is None or not judged.disturbed:
        return ""
    sign = judged.in_the_way or judged.signs[0]
    return fill(BRIEFLY, sign.code, {**sign.numbers, "used": Part(USED_BY[sign.by])})


def signs_in_words(judged: Disturbance) -> str:
    """A sentence for each sign that the judgement rests on; '' without one."""
    return " ".join(map(_sentence, judged.signs))


def _sentence(sign: Sign) -> str:
    nothing_free = sign.code == "others in the way" and not sign.numbers["spare"]
    facts = {**sign.numbers, "used": Part(USED_BY[sign.by])}
    return fill(SIGNS, "others in the way of all" if nothing_free else sign.code, facts)
