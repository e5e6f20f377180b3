"""What a run may use of this installation: of one's own functions and the Pythons those that are offered, no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import BadParameters, Complaint
from app.experiments.asking import shown
from app.experiments.offers import Offers
from app.experiments.which_pool.offers import BUILT_IN
from app.experiments.which_pool.params import OWN_WORK, WhichPoolParams


def own_work(text: str) -> tuple[str, ...]:
    """The names of one's own work in a setting, by commas. Raises BadParameters for what is no such name."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    wrong = [name for name in names if not OWN_WORK.fullmatch(name)]
    if wrong:
        raise BadParameters(tuple(Complaint("workloads", _is_no_work(name)) for name in wrong))
    return names


def _is_no_work(name: str) -> str:
    return (
        "POOLSCOPE_WORKLOADS must be module:function@items or module:function@items+setup, by commas, such as "
        f"mypackage.tasks:parse@samples; {shown(name)} is not."
    )


def choices(offers: Offers) -> Mapping[str, Sequence[str]]:
    """The names that a form lists, by parameter."""
    return {"workload": (*BUILT_IN, *offers.workloads), "pythons": tuple(offers.pythons)}


def for_runner(params: WhichPoolParams, offers: Offers) -> dict[str, Any]:
    """The parameters with the work's folder and the Pythons' paths. Raises BadParameters for what is not offered."""
    complaints = (*_about_work(params.workload, offers), *_about_pythons(params.pythons, offers))
    if complaints:
        raise BadParameters(complaints)
    labels = params.pythons or [next(iter(offers.pythons))]
    return {
        **params.model_dump(mode="json"),
        "workload": {"name": params.workload, "folder": "" if params.built_in else offers.folder},
        "pythons": [{"label": label, "executable": offers.pythons[label]} for label in labels],
    }


def _about_work(name: str, offers: Offers) -> Sequence[Complaint]:
    if name in BUILT_IN or name in offers.workloads:
        return ()
    allowed = ", ".join((*BUILT_IN, *offers.workloads))
    return (
        Complaint(
            "workload",
            f"workload must be one of {allowed}; {shown(name)} is not offered here. POOLSCOPE_WORKLOADS says which "
            "functions are, and `poolscope measure` takes any.",
        ),
    )


def _about_pythons(labels: Sequence[str], offers: Offers) -> Sequence[Complaint]:
    unknown = [label for label in labels if label not in offers.pythons]
    if not unknown:
        return ()
    hint = (
        "Others are still being looked for: try again in a moment."
        if offers.searching
        else "`poolscope doctor` tells which Pythons are there."
    )
    known, strange = ", ".join(offers.pythons), ", ".join(map(shown, unknown))
    verb = "is" if len(unknown) == 1 else "are"
    return (Complaint("pythons", f"pythons must be out of {known}; {strange} {verb} not. {hint}"),)
