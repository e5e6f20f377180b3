"""The words of a disturbance: each sign as it is read."""

from __future__ import annotations

from typing import get_args

import pytest
from poolscope.experiments.disturbance import reason_in_words, signs_in_words
from poolscope.stats.disturbance import By, Disturbance, Sign


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        (
            Sign("tasks", {"wall_over_cpu": 1.012}),
            "Tasks took 1.01 times their CPU time; undisturbed they take 1.00.",
        ),
        (
            Sign("too few tasks", {}),
            "There are too few CPU-bound tasks that had a CPU each to see whether they were held up.",
        ),
        (
            Sign("others unknown", {"least_s": 0.5}),
            "What other programs used is not known, or not over 0.5 s at least.",
        ),
        (
            Sign("others idle", {"others_cpus": 0.02, "host_cpus": 2, "spare": 0}),
            "Other programs kept 0.02 of 2 CPUs busy.",
        ),
        (
            Sign("others on free CPUs", {"others_cpus": 3.0, "host_cpus": 16, "spare": 14}),
            "Other programs kept 3.00 of 16 CPUs busy: no more than the 14 that our workers left to them, so it can't "
            "be told whether they took ours.",
        ),
        (
            Sign("others in the way", {"others_cpus": 1.5, "host_cpus": 2, "spare": 1}),
            "Other programs kept 1.50 of 2 CPUs busy: more than the 1 that our workers left to them.",
        ),
        (
            Sign("others in the way", {"others_cpus": 0.5, "host_cpus": 2, "spare": 0}),
            "Other programs kept 0.50 of 2 CPUs busy: our workers could use all of them.",
        ),
        (
            Sign(
                "others in the way",
                {"others_cpus": 1.0, "host_cpus": 2, "spare": 0, "server_cpus": 0.95, "rest_cpus": 0.05},
                "server",
            ),
            "This server and its other runs kept 0.95 of 2 CPUs busy: our workers could use all of them.",
        ),
        (
            Sign(
                "others on free CPUs",
                {"others_cpus": 3.0, "host_cpus": 16, "spare": 14, "server_cpus": 1.0, "rest_cpus": 2.0},
                "both",
            ),
            "This server and its other runs kept 1.00 of 16 CPUs busy, and other programs 2.00: no more than the 14 "
            "that our workers left to them, so it can't be told whether they took ours.",
        ),
        (
            Sign(
                "others in the way",
                {"others_cpus": 1.0, "host_cpus": 2, "spare": 0, "server_cpus": 0.95, "rest_cpus": 0.05},
                "pages",
            ),
            "This server kept 0.95 of 2 CPUs busy, for the pages that are looked at: our workers could use all of "
            "them.",
        ),
        (Sign("throttled", {"times": 1}), "The CPU quota made this process wait 1 time."),
        (Sign("throttled", {"times": 3}), "The CPU quota made this process wait 3 times."),
        (
            Sign("effective CPUs", {"effective_cpus": 1.4, "usable_cpus": 2}),
            "Spinning processes got 1.40 of 2 usable CPUs.",
        ),
    ],
)
def test_a_sign_reads_as_a_sentence(sign: Sign, text: str) -> None:
    assert signs_in_words(Disturbance(True, (sign,), None, None)) == text


@pytest.mark.parametrize("by", get_args(By))
def test_whoever_used_the_cpus_other_runs_are_named_where_there_were_some(by: By) -> None:
    numbers = {"others_cpus": 1.0, "host_cpus": 2, "spare": 0, "server_cpus": 0.5, "rest_cpus": 0.5}
    told = Disturbance(True, (Sign("others in the way", numbers, by),), None, 1.0)
    for words in (signs_in_words(told), reason_in_words(told)):
        assert ("its other runs" in words) is (by in ("server", "both"))
        assert ("other programs" in words.lower()) is (by in ("others", "both", "pages and others"))
