"""The wording of the pool benchmark: a few sentences as they are read, and a table without a dead or missing one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from poolscope.experiments.pool_benchmark import findings, messages, verdict
from poolscope.experiments.pool_benchmark.messages import (
    BREAK_EVEN,
    CHECKS,
    CONDITIONS,
    FINDINGS,
    HEADLINES,
    NO_FITS,
    VERDICTS,
    no_fit_sentence,
)
from poolscope.experiments.pool_benchmark.state import State
from poolscope.stats.intervals import Ratio
from poolscope.stats.scaling import NoFit
from poolscope.text.sentences import Noun, fill

from tests.experiments.pool_benchmark.invented_runs import about, planned, told, traced

ROOM = Path(messages.__file__).parent
CODE = "".join(path.read_text(encoding="utf-8") for path in ROOM.rglob("*.py") if path != Path(messages.__file__))


def plain(text: object) -> str:
    return str(text).replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


def run(maps: Mapping[str, Sequence[float]], workload: str = "sum-of-squares", **how: Any) -> State:
    return told(maps, asked={"workload": workload}, **how)


VERDICTS_AS_READ = [
    (
        run(
            {"serial": about(640), "thread 2": about(655), "process 2": about(335), "process 4": about(334)},
            traces={"thread 2": traced(planned("thread 2"), 655, cpus=0.99, share=0.5)},
        ),
        "Use 2 processes: 1.91× as fast as the plain loop. 95% CI 1.90–1.92. For a single call too, start-up and "
        "shutdown included: 1.77× (95% CI 1.76–1.78). 2 threads take 1.02× as long as the plain loop (95% CI 1.02–1.03)"
        ": under the GIL threads work one at a time. 4 processes only add start-up: 2 CPUs are usable.",
    ),
    (
        run({"serial": about(0.0025), "thread 1": about(0.8), "pool 2": about(0.2)}, "square"),
        "Stay with the plain loop: the best pool is 80× slower. A pool pays off from about 12.4 µs an item (it "
        "takes 78.1 ns now); with start-up and shutdown included, from "
        "1.64 ms an item. 2 processes (multiprocessing.Pool), the fastest pool, take 80.0× as long as the plain loop "
        "(95% CI 79.5–80.5). 1 thread takes 320× as long as the plain loop (95% CI 318–322).",
    ),
    (
        run({"serial": about(640), "thread 2": about(690)}),
        "Stay with the plain loop: the best pool takes 8% longer. 2 threads, the fastest pool, take 1.08× as long "
        "as the plain loop (95% CI 1.07–1.08).",
    ),
    (
        run({"serial": about(640), "process 2": about(620)}),
        "Hardly worth a pool: 2 processes, the fastest, gain less than 5%. 1.03× as fast as the plain "
        "loop (95% CI 1.03–1.04), which is simpler. For a single call, start-up and shutdown included, the plain "
        "loop finishes first: 640 ms against 646 ms with 2 processes.",
    ),
    (
        run({"serial": [640.0], "process 2": [335.0]}, outcome="stopped"),
        "No clear winner. One repetition is too few for an interval. The plain loop took 640 ms, 2 processes, the "
        "fastest, 335 ms.",
    ),
    (
        run({"serial": [640.0, 900, 500, 400, 700], "thread 2": [512.0, 720, 400, 320, 560]}),
        "No clear winner. 2 threads, the fastest, took 512 ms against 640 ms for the plain loop; 1.25× as fast (95% CI "
        "0.71–2.19): the data can't separate them. For a single call, start-up and shutdown included, there is no "
        "clear winner: 512 ms at best against 640 ms for the plain loop.",
    ),
]


@pytest.mark.parametrize(("now", "text"), VERDICTS_AS_READ)
def test_a_verdict_reads_as_prose(now: State, text: str) -> None:
    assert plain(verdict.verdict(now, 2)) == text


FINDINGS_AS_READ = [
    (
        "gil_held",
        {"traces": {"thread 2": traced(planned("thread 2"), 655, cpus=0.99, share=0.5)}},
        "The tasks of 2 threads used 0.98 CPUs together, where 2 were there for them; in the plain loop they use 1.00. "
        "One at a time, for the GIL or for a lock of the work's own.",
    ),
    (
        "keeps_global_state",
        {"tried": {"global_state": ("CACHE", "calls")}},
        "It changes CACHE and calls, which the next call finds as this one leaves them: threads share them, every "
        "process and interpreter has its own, and what it writes there does not come back.",
    ),
    (
        "more_workers_than_cpus",
        {},
        "2 CPUs are usable; 4 processes map about as fast as 2 processes (95% CI 0.99–1.00), so the extra workers "
        "bring no visible gain.",
    ),
    (
        "start_up_outweighs",
        {},
        "Starting and ending 2 processes took 26.0 ms, the map 335 ms, so 7% of a single call.",
    ),
]


@pytest.mark.parametrize(("check", "how", "text"), FINDINGS_AS_READ)
def test_a_finding_reads_as_prose(check: str, how: dict[str, Any], text: str) -> None:
    maps = {"serial": about(640), "thread 2": about(655), "process 2": about(335), "process 4": about(336)}
    found = {finding.check: finding.sentence for finding in findings.findings(told(maps, **how), 2)}
    assert plain(found[CHECKS[check].holds]) == text


@pytest.mark.parametrize(
    ("why", "text"),
    [
        (None, ""),
        (
            NoFit("sizes", {"fewest": 3, "most": 8, "repetitions": 3, "there": 1}),
            "A fit takes 3 sizes of up to 8 workers, with 3 repetitions each; there is 1, the plain loop counted "
            "as one worker.",
        ),
        (
            NoFit("workers", {"fewest": 3, "most": 1}),
            "A fit takes 3 sizes, and no more than 1 worker can be at work at the same time.",
        ),
        (
            NoFit("off the curve", {"law": "amdahl", "farthest": 0.21, "sizes_for_crosstalk": 4}),
            "The points don't follow Amdahl's law: one is 21% off the curve, more than its spread explains. With 4 "
            "sizes crosstalk can be told.",
        ),
        (
            NoFit("off the curve", {"law": "usl", "farthest": 0.21, "sizes_for_crosstalk": None}),
            "The points don't follow the Universal Scalability Law: one is 21% off the curve, more than its spread "
            "explains.",
        ),
    ],
)
def test_a_missing_fit_reads_as_prose(why: NoFit | None, text: str) -> None:
    assert no_fit_sentence(why) == text


ONE = {"noun": Noun("1 process"), "number": 1, "list": ["CACHE"]}
MANY = {"noun": Noun("2 processes", True), "number": 3, "list": ["CACHE", "calls"]}
NOUNS = {"config", "configs", "best", "rival", "other", "light", "heavy", "large", "small", "loop", "lost_to"}
# Never one: a fit's sizes, the CPUs that share cores, the chunks that vary.
ALWAYS_MANY = {"repeated", "pair", "fewest", "sizes", "sizes_for_crosstalk", "usable_cpus", "chunks", "count"} | {
    "break_even_items",
    "repetitions",
}
WORDS = {
    "instead",
    "because",
    "figures",
    "base",
    "tie",
    "fastest",
    "reach",
    "against",
    "compared",
    "blocks",
    "twice",
    "like",
}
GAIN = Ratio(1.5, 1.4, 1.6, 0.95)
OF_SPEC = {
    "duration": 0.0123,
    "size": 2048,
    "percent": 0.34,
    "share": 0.5,
    "times": GAIN,
    "interval": GAIN,
    **dict.fromkeys(("compared", "compared with", "compared interval"), GAIN),
    "or": ["2 processes", "2 threads"],
}
WRONG = {
    "a template is left": r"[{}\[\]]",
    "a mark is out of place": r" [,.;:]|[,;:][,.;:]|\.\.|  ",
    "a word stands twice": r"\b(\w+) \1\b",
    "one of several": r"(?<![\d.])1 (?:CPUs|items|workers|rounds|processes|times|settings|cores|chunks|repetitions)\b",
    "a verb of one": r"(?<!of )\b(?:2 processes|both) (?!as\b)\w*[^su\W]s\b",
    "several of one": r"(?<![\d.])3 (?:CPU|item|worker|round|process|time|setting|core|chunk|repetition)\b",
}


@pytest.mark.parametrize("numbers", [ONE, MANY], ids=["one", "many"])
@pytest.mark.parametrize("name", ["VERDICTS", "CONDITIONS", "NO_FITS", *FINDINGS])
def test_every_template_reads_as_a_sentence_for_one_and_for_many(name: str, numbers: Mapping[str, Any]) -> None:
    table = FINDINGS.get(name) or {"VERDICTS": VERDICTS, "CONDITIONS": CONDITIONS, "NO_FITS": NO_FITS}[name]
    wrong = []
    for code, template in table.items():
        text = fill(table, code, sample_facts(table, template, numbers)).replace("\N{NO-BREAK SPACE}", " ")
        wrong += [(what, code, text) for what, pattern in WRONG.items() if re.search(pattern, text)]
    assert wrong == []
    # It is a clause of its own: '2 CPUs are usable'.
    assert [code for code, template in table.items() if re.search(r":cpus}(?![;,.:\]]|$)", template)] == []


def sample_facts(table: Mapping[str, str], template: str, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """A fact for each name of a template, and of those of the table that it is made of."""
    facts: dict[str, Any] = {}
    for name, spec in re.findall(r"{(\w[\w ]*)(?::([^}]*))?}", template):
        if name in table and name not in NOUNS and not spec:
            facts |= sample_facts(table, table[name], numbers)
        elif name in ALWAYS_MANY:
            facts[name] = 3
        elif spec in OF_SPEC:
            facts[name] = OF_SPEC[spec]
        elif name in NOUNS:
            facts[name] = numbers["noun"]
        elif name == "names":
            facts[name] = numbers["list"]
        elif name in WORDS:
            facts[name] = "words"
        else:
            facts.setdefault(name, numbers["number"])
    return facts


def test_every_check_has_its_words_and_no_other_has() -> None:
    assert [check.__name__ for check in findings.CHECKS] == list(CHECKS) == list(FINDINGS)


def test_every_cause_in_a_headline_is_one_that_a_check_finds() -> None:
    assert all(code in FINDINGS[check] for check, code in (cause.split(": ") for cause in HEADLINES))


def test_the_tables_hold_no_sentence_that_nothing_says() -> None:
    """A template is named by a code in the room, by one of `stats`, or in another template of its table."""
    dead = []
    for table in (VERDICTS, *FINDINGS.values()):
        named = set(re.findall(r"{([\w ]+)[:}]", " ".join(table.values()))) | set(BREAK_EVEN)
        # 'no answer, lazy' is the headline of what says 'lazy'.
        codes = {code.removesuffix(" of often").removeprefix("no answer, ") for code in table} - named - set(HEADLINES)
        dead += [code for code in codes if f'"{code}"' not in CODE]
    assert not dead


@pytest.mark.parametrize("table", [VERDICTS, *FINDINGS.values()])
def test_no_template_says_the_best_of_one(table: Mapping[str, str]) -> None:
    assert not any("of 1 " in template or "may be chance" in template for template in table.values())
