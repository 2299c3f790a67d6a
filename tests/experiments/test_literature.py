"""The experiment on metastable failures of the literature: its Markov chain, how it judges, what it was published against."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "experiments"))

import literature


@pytest.mark.parametrize("load", [2.0, 8.0, 9.5])
def test_without_retries_the_chain_is_a_queue_that_empties(load: float) -> None:
    # first passages of a birth-death chain: from the last state 1/mu, from each before it (1 + lambda of the next)/mu
    step, total = 0.0, 0.0
    for place in range(literature.QUEUE - 1, 0, -1):
        step = (1 + (load * step if place < literature.QUEUE - 1 else 0)) / literature.SERVICE_PER_S
        total += step
    assert literature.drain_s(load, 0.25, orbit=1) == pytest.approx(total, rel=1e-9)


def test_more_retries_keep_the_queue_full_for_longer() -> None:
    times = [literature.drain_s(2.0, share, 40) for share in (0.0, 0.25, 0.8)]
    assert times == sorted(times)
    assert times[0] < times[2]


def test_a_fitted_chain_makes_as_many_of_a_request_as_there_are_attempts() -> None:
    # the edge is where all attempts together are what the server can do: 5 x 2/s; below it drains, above it does not
    share = literature.RETRIES / (literature.RETRIES + 1)
    below, above = (literature.drain_s(load, share, 100) for load in (1.6, 3.0))
    assert below < 120
    assert above > 3600


def test_a_line_says_how_many_recovered() -> None:
    setting = next(literature.retries())
    outcomes = [literature.Outcome(answered, np.nan, np.nan) for answered in (1.0, 0.96, 0.2)]
    line = literature.line_of(setting, outcomes)
    assert line["recovered"] == "2 of 3"
    low, high = map(float, line["probability"].split(" to "))
    assert 0 < low < 2 / 3 < high < 1


def test_agreement_is_by_the_majority_of_the_seeds() -> None:
    line = {"case": "retries", "about": "four runs", "setting": "load 0.38, trigger x"}
    lines = [
        {**line, "published": "recovers", "recovered": "2 of 3"},
        {**line, "published": "stays down", "recovered": "2 of 3"},
        {**line, "published": "", "recovered": "0 of 3"},
    ]
    assert list(literature.agreement(lines)) == [("retries: load 0.38", 1, 2)]


@pytest.mark.parametrize("trigger", ["10 s, -80 % CPU", "10 s, -80 % CPU, -30 % load"])
def test_the_published_retry_storm_and_the_load_that_averts_it(trigger: str) -> None:
    every = [one for one in literature.retries() if one.at == {"load": "0.38", "trigger": trigger}]
    setting = next(one for one in every if one.published)
    assert literature.run_one(setting, seed=1).recovered == (setting.published == "recovers")
