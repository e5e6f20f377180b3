"""What the templates are given of runs and experiments: declared, frozen, and never a live object.

A test compares these classes with what the templates read, both ways.
"""

from __future__ import annotations

import multiprocessing
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import ceil
from typing import Any

import psutil

from poolscope.errors import BadParameters, ParameterError
from poolscope.experiments.experiment import Change, Experiment, Finding, Installation
from poolscope.experiments.parameters import parse
from poolscope.experiments.registry import EXPERIMENTS
from poolscope.protocol.payloads import MachineFacts
from poolscope.runs.run import Run, Status
from poolscope.text import numbers, sentences
from poolscope.web.app_state import AppState, start_methods
from poolscope.web.forms import Choices, FormField, as_text, fields, in_labels
from poolscope.web.table import Cell, Column, Table, alone, table
from poolscope.web.views import VIEWS
from poolscope.web.views.view import Export, Shortcut

MARKS = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.FINISHED: "done",
    Status.STOPPED: "stopped",
    Status.FAILED: "failed",
    Status.INTERRUPTED: "killed",
}


@dataclass(frozen=True, slots=True)
class FindingFacts:
    """A check as pages show it, under a `title` that says what is so. `place` is its number among those of its run, by
    which its remedy can be asked for; `change` words that remedy and `takes` how long a run with it takes, '' without
    one or where those words say so. `command` runs it in a terminal, where this server can't. `failed`: something went
    wrong, where others tell of a cost or a caution."""

    place: int
    title: str
    sentence: str
    change: str = ""
    takes: str = ""
    command: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as pages word it. `state` names the colour and mark, `word` says it, and `status` is its first part.

    `place` is its place in the queue; it is `expected` to start at that time, '' where nobody can tell, and waits for
    those `behind`, which are measurements that it would disturb where it `spares` them; `lacks` is a sentence on the
    room that it waits for. Only who has it `owned` may stop, change or delete it. `facts` stand behind the state on the
    run's page; `progress` is (done, total, words) while it is live. Of the checks the `findings` hold, others `passed`,
    and some are `unclear`; `attempt` is the one whose remedy promises most for what is recommended. `workers` are the
    processes that may be killed now, at most; 0 where nobody can be; `invitation` asks for that where the run waits.
    Of one that is `measured` the verdict is the one so far, and its workers go on.
    `command` is what starts it again in a terminal, where this server can't: its function is not offered here.
    `unanswered` says of one that was stopped why it may have no result.
    """

    id: str
    href: str
    state: str
    word: str
    status: str
    live: bool
    running: bool
    stopping: bool
    place: int
    expected: str
    behind: tuple[str, ...]
    spares: bool
    lacks: str
    progress: tuple[float, float, str] | None
    facts: tuple[str, ...]
    exports: tuple[Export, ...]
    findings: tuple[FindingFacts, ...]
    attempt: FindingFacts | None
    passed: tuple[FindingFacts, ...]
    unclear: tuple[FindingFacts, ...]
    error: str
    traceback: str
    notices: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    printed: str
    paused: bool | None
    owned: bool
    deletable: bool
    workers: int
    measured: bool
    invitation: str
    command: str
    unanswered: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What the header of every page says of this machine."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Where a replay stands, in seconds of the run with one decimal, as a form's field takes them."""

    length: str
    at: str


@dataclass(frozen=True, slots=True)
class PanelFacts:
    """One experiment on the bench. `idle` says what a run will show.

    `shortcuts` are parts that can be run alone, for a panel that has not been run yet.
    """

    name: str
    title: str
    question: str
    wide: bool
    idle: str
    shortcuts: Table | None = None


@dataclass(frozen=True, slots=True)
class FormFacts:
    """The form of a panel. While a run is live only `controls` can be changed; `error` is about no field.

    `open` says that some of the `advanced` fields must be seen: they are wrong, or not at their default. `takes` is how
    long a run with these values takes, '' where that is not known.
    """

    fields: tuple[FormField, ...]
    advanced: tuple[FormField, ...]
    controls: tuple[FormField, ...]
    open: bool
    takes: str
    error: str = ""


def machine(facts: MachineFacts) -> Machine:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    try:
        # In steps of a half, as coarse as it is good for: a load that only wavers changes nothing on a page.
        load = f"{round(psutil.getloadavg()[0] * 2) / 2:.1f}"
    except OSError:
        load = numbers.UNKNOWN
    return Machine(
        (
            (platform.python_implementation(), platform.python_version()),
            ("GIL", "on" if gil else "off"),
            ("usable CPUs", f"{facts.usable_cpus} of {facts.logical_cpus}"),
            ("start", multiprocessing.get_start_method()),
            ("load", load),
        )
    )


def replay(run: Run, state: Any = None) -> Replay | None:
    """Where a replay of an ended run stands; None where there is nothing to play again."""
    if not VIEWS[run.experiment.name].replay or run.status.live or not run.record_log.lines:
        return None
    length = ceil(max(run.state.t - run.state.t0, 0) / 1e8) / 10  # so that its last moment holds all records
    at = length if state is None else max(state.t - run.state.t0, 0) / 1e9
    return Replay(f"{length:.1f}", f"{at:.1f}")


def title(run: Run) -> str:
    return VIEWS[run.experiment.name].title(run.params)


def paused(run: Run) -> bool | None:
    """Whether a live run is paused; None where a run can't be."""
    if run.experiment.controls is None or not run.status.live:
        return None
    return run.experiment.meaning.paused(run.state)


@cache
def panel_facts(experiment: Experiment, workloads: tuple[str, ...] = ()) -> PanelFacts:
    """A panel before any run. Made once: the panels of all experiments are gone through as any run begins or ends."""
    view = VIEWS[experiment.name]
    return PanelFacts(
        name=experiment.name,
        title=experiment.title,
        question=experiment.question,
        wide=view.wide,
        idle=view.idle,
        shortcuts=view.idle_table() or _shortcuts(experiment.name, view.offered(workloads)),
    )


def form_facts(
    app_state: AppState,
    experiment: Experiment,
    run: Run | None,
    typed: Mapping[str, Any] | None = None,
    errors: Sequence[ParameterError] = (),
) -> FormFacts:
    """A panel's form; `typed` and `errors` are those of a form that was sent back."""
    installation = app_state.scheduler.installation
    of_run = _first_choice(experiment, installation)
    if run is not None and not _command(run, installation):  # what only a terminal can start, Run here would refuse
        of_run = {**params_in_force(run), **run.controls}
    values = {**of_run, **(typed or {})}
    live = run is not None and run.status.live
    controls = experiment.controls.model_fields if experiment.controls and live else {}
    choices = {"start_method": start_methods(), **_choices(experiment, installation)}
    all_fields = fields(experiment.params, values, errors, choices)
    names = {field.name for field in all_fields}
    advanced = tuple(field for field in all_fields if field.name not in controls and field.advanced)
    return FormFacts(
        fields=tuple(field for field in all_fields if field.name not in controls and not field.advanced),
        advanced=advanced,
        # One that is emptied stays as it is, which need not be the default.
        controls=tuple(
            replace(field, none=as_text(of_run[field.name])) for field in all_fields if field.name in controls
        ),
        open=any(field.complaint or field.changed for field in advanced),
        takes=takes(experiment, {field.name: values.get(field.name) for field in all_fields if field.name in values}),
        error=complaints(app_state, experiment, [error for error in errors if error.name not in names]),
    )


def complaints(app_state: AppState, experiment: Experiment, errors: Sequence[ParameterError]) -> str:
    """What is wrong, in the words of the experiment's form."""
    choices = _choices(experiment, app_state.scheduler.installation)
    return " ".join(in_labels(experiment.params, error, choices) for error in errors)


def _first_choice(experiment: Experiment, installation: Installation) -> dict[str, str]:
    """What a form shows that nobody has used yet, beside the defaults: one's own function, where there is one."""
    own = installation.workloads[:1]
    offered = VIEWS[experiment.name].offered(installation.workloads) if own else ()
    return {each.parameter: each.value for each in offered if each.value in own}


def _choices(experiment: Experiment, installation: Installation) -> Choices:
    """What a form lists by parameter: first what the view offers, in its words."""
    if experiment.choices is None:
        return {}
    named: dict[str, dict[str, str]] = {}
    for each in VIEWS[experiment.name].offered(installation.workloads):
        named.setdefault(each.parameter, {})[each.value] = each.title
    return {
        name: named[name] | {value: value for value in values if value not in named[name]} if name in named else values
        for name, values in experiment.choices(installation).items()
    }


def takes(experiment: Experiment, values: Mapping[str, Any]) -> str:
    """How long a run with these values takes, in words; '' where it can't be known, or can't be run."""
    try:
        length = parse(experiment.params, values).run_length
    except BadParameters:
        return ""
    if length is None:
        return ""
    return f"{'up to ' if length.at_most else ''}{numbers.roughly(length.seconds)}"


def _shortcuts(experiment: str, shortcuts: Sequence[Shortcut]) -> Table | None:
    if not shortcuts:
        return None
    columns = (
        Column(shortcuts[0].parameter, lambda shortcut: shortcut.title, row_head=True),
        Column(
            "actions",
            lambda shortcut: Cell(button=alone(experiment, shortcut.parameter, shortcut.value, shortcut.title)),
            align="n",
            hidden=True,
        ),
    )
    return table(columns, shortcuts, style="stack")


def run_facts(run: Run, *, owned: bool = True, installation: Installation | None = None) -> RunFacts:
    """A run for its page or panel; with an `installation`, also how to run again what it does not offer."""
    owned = owned and not run.elsewhere  # what another process performs can only be looked at
    checks = () if run.status.live else tuple(run.experiment.meaning.findings(run.state, run.usable_cpus))
    findings = findings_that(True, checks, run, installation)
    word = state_in_words(run, owned=owned)
    broken = run.status in (Status.FAILED, Status.INTERRUPTED)
    workers = run.worker_processes if owned and run.status is Status.RUNNING and not run.stopping else 0
    return RunFacts(
        id=run.id,
        href=f"/runs/{run.id}",
        state=MARKS[run.status],
        word=word,
        status=word.split(" · ")[0],
        live=run.status.live,
        running=run.status is Status.RUNNING,
        stopping=run.stopping,
        place=run.place,
        expected=numbers.clock(run.expected_start) if run.expected_start else "",
        behind=run.behind if run.place else (),
        spares=bool(run.place and run.spares),
        lacks=run.shortage.sentence if run.shortage else "",
        progress=progress(run),
        facts=_facts(run),
        exports=VIEWS[run.experiment.name].exports,
        findings=findings,
        attempt=next((each for each in findings if each.change and not checks[each.place].not_recommended), None),
        passed=findings_that(False, checks, run, installation),
        unclear=findings_that(None, checks, run, installation),
        error=(run.error or "") if broken or run.started is None else "",
        traceback=run.failure.traceback if broken and run.failure else "",
        notices=_notices(run),
        conditions=conditions(run),
        printed=run.printed,
        paused=paused(run) if owned else None,
        owned=owned,
        deletable=owned and not run.status.live,
        command=_command(run, installation),
        workers=workers,
        measured=run.experiment.measured,
        invitation=VIEWS[run.experiment.name].invitation(run) if workers else "",
        unanswered=unanswered(run.status, run.started),
    )


def unanswered(status: Status, started: str | None) -> str:
    """In the place of a result, why there is none."""
    if status is not Status.STOPPED:
        return ""
    return "Stopped before it had a result." if started else "Cancelled before it began."


def _command(run: Run, installation: Installation | None, changes: Mapping[str, Any] | None = None) -> str:
    """The command that runs it again, with changes or without, '' where this server can do so itself."""
    experiment = run.experiment
    if installation is None or run.status.live or experiment.command is None or run.params.built_in:
        return ""
    try:
        experiment.arguments(run.params, installation)
    except BadParameters:
        return experiment.command(run.params, changes or {}, installation, run.conditions.get("cluster") or "")
    return ""


def findings_that(
    trouble: bool | None, checks: Sequence[Finding], run: Run, installation: Installation | None
) -> tuple[FindingFacts, ...]:
    return tuple(
        _finding(run, place, check, installation) for place, check in enumerate(checks) if check.trouble is trouble
    )


def _finding(run: Run, place: int, finding: Finding, installation: Installation | None) -> FindingFacts:
    failed = bool(finding.trouble and finding.failure)
    facts = FindingFacts(place, _as_title(finding.title), finding.sentence, failed=failed)
    if not finding.remedy:
        return facts
    change = (run.experiment.meaning.change or partial(labelled_change, run))(run.state, finding.remedy)
    took = change.seconds if change.seconds is not None else numbers.seconds_between(run.started, run.ended)
    command = _command(run, installation, finding.remedy)
    takes = "" if change.timed else numbers.roughly(took)
    return replace(facts, change=change.words, takes=takes, command=command)


def _as_title(words: str) -> str:
    """As a title begins; a name from code keeps its spelling."""
    return words if "_" in words.split()[0] else sentences.capital(words)


def labelled_change(run: Run, _: object, remedy: Mapping[str, Any]) -> Change:
    """A remedy by the labels of the parameters that it changes: 'Run with guard condition and capacity 1000'."""
    model, before = run.experiment.params.model_fields, run.params.model_dump()
    changed = [f"{model[name].title} {as_text(value)}" for name, value in remedy.items() if value != before.get(name)]
    return Change(f"Run with {sentences.format_list(changed)}" if changed else "Run again")


def state_in_words(run: Run, *, owned: bool = True) -> str:
    """'running · 6.4 of 20 s', 'queued, 2nd', 'finished 14:03:28 · 1.9 s', 'stopped by you …'."""
    took = numbers.seconds_between(run.started, run.ended)
    match run.status:
        case Status.QUEUED:
            return f"queued, {numbers.ordinal(run.place)}" if run.place else "starting"
        case Status.RUNNING:
            live_progress = progress(run)
            word = "stopping" if run.stopping else "paused" if paused(run) else "running"
            return f"{word} · {live_progress[2]}" if live_progress else word
        case Status.STOPPED if run.started is None:
            return f"{'given up' if run.error else 'cancelled'} {numbers.clock(run.ended)}"
        case Status.STOPPED:
            return (
                f"stopped by {'you' if owned else 'its visitor'} {numbers.clock(run.ended)} · {numbers.duration(took)}"
            )
        case _:
            return f"{run.status.value} {numbers.clock(run.ended)} · {numbers.duration(took)}"


def progress(run: Run) -> tuple[float, float, str] | None:
    if not run.status.live:
        return None
    live_progress = run.progress
    if live_progress is None or not live_progress.total:
        return (0.0, 1.0, "starting") if run.status is Status.RUNNING else None
    words = VIEWS[run.experiment.name].progress(run)
    if live_progress.seconds_left and run.experiment.measured:
        words += f", {numbers.duration(live_progress.seconds_left)} left"
    return live_progress.done, live_progress.total, words


def params_in_force(run: Run) -> dict[str, Any]:
    """The parameters as they were last, with what was changed while the run went on; by its records."""
    now: Mapping[str, Any] = run.experiment.meaning.in_force(run.state)
    return {**run.params.model_dump(), **now}


def _facts(run: Run) -> tuple[str, ...]:
    # As long as what takes its place: a line that came as the run starts would move the page.
    word, when = ("started", run.started) if run.started else ("queued", run.created)
    facts = [f"{word} {numbers.day(when)} {numbers.clock(when)}"]
    facts += VIEWS[run.experiment.name].facts(run.params.model_copy(update=params_in_force(run)))
    return tuple(facts)


def _notices(run: Run) -> tuple[str, ...]:
    notices = []
    if run.elsewhere:
        notices.append(
            "This run belongs to another process, such as a command in a terminal, and is shown as it was when the "
            "page was loaded: reload for its present state."
        )
    if run.unkept:
        notices.append(f"This run is not being kept: {run.unkept}.")
    for fault in run.faults:
        at = numbers.duration((fault.t - run.opened) / 1e9)
        if fault.pid is None:
            notices.append(f"Worker {fault.worker} was to be killed on request, but until {at} there was none.")
        else:
            who = f"Worker {fault.worker} of {fault.of} (pid {fault.pid})"
            notices.append(f"{who} was killed on request, {at} after the run began.")
    for failed in run.failed_samplers:
        why = f"{failed.type}: {failed.message}" if failed.message else failed.type
        notices.append(
            f"The sampler {failed.sampler} failed and was switched off ({why}); what it showed is missing from then on."
        )
    beside = run.conditions.get("shared_with") or []
    if beside and run.experiment.measured:
        others = sentences.format_list([f"{_experiment_of(run_id)} ({run_id})" for run_id in beside])
        notices.append(f"{others} ran beside this measurement and may have disturbed it. Run it again, alone.")
    return tuple(notices)


def _experiment_of(run_id: str) -> str:
    """The title of the experiment that a run is of, by its id; 'A run' where no experiment has such ids."""
    prefix = run_id.partition("-")[0]
    return next((each.title for each in EXPERIMENTS.values() if each.prefix == prefix), "A run")


CONDITION_WORDS = (
    ("cpu", "CPU"),
    ("cpu_frequency_mhz", "frequency"),
    ("usable_cpus_why", "usable CPUs"),
    ("physical_cpus", "cores"),
    ("smt", "hyper-threads"),
    ("memory_available", "free memory"),
    ("python", "Python"),
    ("gil", "GIL"),
    ("start_method", "start method"),
    ("load_before", "load before"),
    ("nice", "priority (nice)"),
    ("clock_resolution_s", "clock resolution"),
    ("platform", "platform"),
    ("cluster", "cluster"),
)


def cgroup_in_words(memory: int | None, processes: int | None, cpu_weight: int | None) -> str:
    """'at most 192 MiB, 32 processes; CPU weight 10 of 100', as far as there are limits."""
    most = [numbers.size(memory)] if memory else []
    most += [f"{processes:,} processes"] if processes else []
    parts = [f"at most {', '.join(most)}" if most else "no limit but that of all runs"]
    parts += [f"CPU weight {cpu_weight} of 100"] if cpu_weight else []
    return "; ".join(parts)


def conditions(run: Run) -> tuple[tuple[str, str], ...]:
    """The conditions that a person looks at, as words; the API has them all."""
    known = {name: value for name, value in run.conditions.items() if value is not None}
    if "python" in known:
        known["python"] = f"{known.get('implementation', '')} {known['python']}".strip()
    if "gil" in known:
        known["gil"] = "on" if known["gil"] else "off"
    if "cpu_frequency_mhz" in known:
        known["cpu_frequency_mhz"] = numbers.frequency(known["cpu_frequency_mhz"])
    if "memory_available" in known:
        known["memory_available"] = numbers.size(known["memory_available"])
    if "clock_resolution_s" in known:
        known["clock_resolution_s"] = numbers.duration(known["clock_resolution_s"])
    pairs = [(word, str(known[name])) for name, word in CONDITION_WORDS if name in known]
    if "cgroup" in known:
        pairs.append(("cgroup of its own", cgroup_in_words(**known["cgroup"])))
    beside = known.get("shared_with") or []
    pairs.append(("concurrent runs", ", ".join(beside) if beside else "none"))
    return tuple(pairs)
