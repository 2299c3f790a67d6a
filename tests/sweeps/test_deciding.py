"""Deciding by a deadline, with runs whose figures are known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from sfmodel.sweeps import selection
from sfmodel.sweeps.deciding import SEEDS, Decision, Job, run_until

CHANGES = ["none", "a", "b", "c", "d"]
EFFECTS = {"none": 0.0, "a": 5.0, "b": 4.95, "c": -1.0, "d": 1.0}


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of contests are judged."""
    monkeypatch.setattr(selection, "DRAWS", 1000)


class Runs:
    """Makes runs of known effects, so many before time is up."""

    def __init__(self, most: int, chance: float = 0.5, fails: str = "", storm_fails: bool = False) -> None:
        self.made: list[Job] = []
        self._most, self._chance, self._fails, self._storm_fails = most, chance, fails, storm_fails

    def make(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, float, str | None]]:
        for job in jobs:
            if self.is_up():
                return
            self.made.append(job)
            rng = np.random.default_rng([job.seed, CHANGES.index(job.change), job.storm])
            value = (
                EFFECTS[job.change]
                + 10 * job.seed
                + rng.normal(0, self._chance)
                - 7 * (job.storm and job.change == "a")
            )
            broken = job.change == self._fails or (self._storm_fails and job.storm)
            yield (job, math.nan, "it broke") if broken else (job, value, None)

    def is_up(self) -> bool:
        return len(self.made) >= self._most


def decided(runs: Runs, storm: bool = False) -> tuple[Decision, dict[Job, str]]:
    decision = Decision(list(CHANGES), more_is_better=True)
    return decision, dict(run_until(decision, storm, runs.make, lambda job, reason: None, runs.is_up))


def test_time_goes_where_the_contest_is_close() -> None:
    runs = Runs(most=120)
    decision, _ = decided(runs)
    count = {name: sum(job.change == name for job in runs.made) for name in CHANGES}
    assert count["c"] == SEEDS  # the worse half has the first round alone
    assert count["d"] <= 2 * SEEDS
    assert count["a"] == count["b"] > 3 * SEEDS
    assert set(decision.order()[:2]) == {"a", "b"}


def test_stopped_at_any_moment_it_has_an_answer() -> None:
    said = [decided(Runs(most))[0].verdict() for most in range(120)]
    assert said[0] == said[1] == "too little has run to say anything yet"
    assert "what is chance is not known yet" in said[5]
    assert any("cannot tell a from b yet" in text or "cannot tell b from a yet" in text for text in said)
    assert said[-1].startswith("a is best") or "cannot tell" in said[-1]


def test_a_clear_winner_is_said_to_be_one_and_nothing_more_is_run() -> None:
    runs = Runs(most=500, chance=0.005)
    decision, _ = decided(runs)
    assert decision.verdict() == "a is best, with a probability of more than 99 %"
    assert len(runs.made) < 30


def test_the_best_are_tried_in_the_storm() -> None:
    decision, _ = decided(Runs(most=20, chance=0.01), storm=True)
    assert {change for change, _ in decision.in_storm} == {"none", "a", "b", "d"}
    assert decision.harm("a") == pytest.approx(5 - 7, abs=0.1)
    assert decision.harm("b") == pytest.approx(4.95, abs=0.1)
    assert math.isnan(decision.harm("c"))


def test_a_change_that_fails_is_left_out() -> None:
    decision, failed = decided(Runs(most=60, fails="b"))
    assert {job.change for job in failed} == {"b"}
    assert decision.order()[0] == "a"
    assert "b" not in decision.order()


def test_a_storm_in_which_all_fail_does_not_end_the_contest() -> None:
    runs = Runs(most=500, chance=0.005, storm_fails=True)
    decision, failed = decided(runs, storm=True)
    assert failed
    assert all(job.storm for job in failed)
    assert decision.verdict().startswith("a is best")


def test_nothing_goes_on_without_what_the_others_are_beside() -> None:
    runs = Runs(most=500, fails="none")
    decision, failed = decided(runs)
    assert {job.change for job in failed} == {"none"}
    assert len(runs.made) == SEEDS * len(CHANGES)
    assert decision.verdict() == "too little has run to say anything yet"


def test_two_seeds_are_too_few_to_be_sure_and_ties_name_all_candidates() -> None:
    decision = Decision(["none", "a", "b"], more_is_better=True)
    for seed in (1, 2):
        for name, value in (("none", 0.0), ("a", 9.0), ("b", 1.0)):
            decision.tell(Job(name, seed, False), value + 10 * seed + 0.001 * seed * (name == "a"))
    assert decision.best() is None
    assert "too few seeds to be sure" in decision.verdict()
    assert decision.candidates() == ["a"]
    for seed in (3, 4):
        for name, value in (("none", 0.0), ("a", 9.0), ("b", 1.0)):
            decision.tell(Job(name, seed, False), value + 10 * seed)
    assert decision.best() == "a"

    same = Decision(["none", "a", "b"], more_is_better=True)
    for seed in range(1, 6):
        for name in same.changes:
            same.tell(Job(name, seed, False), 10.0 * seed)
    assert same.best() is None
    assert same.candidates() == ["none", "a", "b"]
    assert same.verdict() == "cannot tell none from a yet: none is best with a probability of 33 %"


def test_running_stops_no_sooner_than_variances_are_known() -> None:
    decision = Decision(["none", "a"], more_is_better=True)
    enough = []
    for seed in range(1, 7):
        decision.tell(Job("none", seed, False), 10.0 * seed)
        decision.tell(Job("a", seed, False), 10.0 * seed + 9 + 0.001 * (seed % 2))
        enough.append(decision.is_enough())
    assert enough == [False] * 5 + [True]
