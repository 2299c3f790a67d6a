"""Factorial designs on synthetic responses with known effects."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from sfmodel.errors import ConfigError
from sfmodel.sweeps import factorial
from sfmodel.sweeps.factorial import effects, is_factorial, is_regular

FULL_4 = np.array(list(product([-1.0, 1.0], repeat=4)))
A, B, C, D = FULL_4.T
SEVEN = np.stack([A, B, C, D, A * B * C, B * C * D, A * C * D], axis=1)
"""2^(7-3) of resolution IV: Box, Hunter and Hunter, table 6.22."""
NAMES = "abcdefg"


def test_effects_are_what_the_response_is_made_of() -> None:
    response = 10 + 3 * SEVEN[:, 0] - 0.5 * SEVEN[:, 1] + 2 * SEVEN[:, 0] * SEVEN[:, 1]
    found = {one.term.names[0]: one.size.mean for one in effects(NAMES, SEVEN, response[:, None])}
    assert found[("a",)] == pytest.approx(6)  # from -1 to 1 is twice the coefficient
    assert found[("b",)] == pytest.approx(-1)
    assert found[("a", "b")] == pytest.approx(4)
    assert sum(abs(value) > 1e-9 for value in found.values()) == 3


def test_main_effects_of_resolution_four_are_alone_and_interactions_are_in_threes() -> None:
    terms = [one.term for one in effects(NAMES, SEVEN, SEVEN[:, :1])]
    assert [term.written for term in terms if term.is_main] == list(NAMES)
    assert [len(term.names) for term in terms if not term.is_main] == [3] * 7  # 21 pairs in 7 columns
    everything = [
        one.term for one in effects(NAMES, np.array(list(product([-1.0, 1.0], repeat=7))), np.zeros((128, 1)))
    ]
    assert [len(term.names) for term in everything] == [1] * 28


def test_one_seed_says_nothing_of_chance() -> None:
    assert {one.is_found for one in effects(NAMES, SEVEN, SEVEN[:, :1])} == {None}


def test_intervals_cover_95_percent_and_chance_is_found_at_5_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    """3000 experiments of 14 terms; terms of one experiment share their variance estimate, so the rate of each alone is
    known to 3 standard errors of 3000: 1.2 points; the promise is ± 2."""
    monkeypatch.setattr(factorial, "DRAWS", 2000)  # an interval by fewer draws is as often right
    rng = np.random.default_rng(20260301)
    truth = np.zeros(14)
    truth[0] = 1.0
    covered, found = np.zeros(14), np.zeros(14)
    rounds = 3000
    for _ in range(rounds):
        blocks = rng.normal(0, 5, size=2)  # what a seed has in common
        response = 0.5 * SEVEN[:, :1] + blocks + rng.normal(0, 0.7, size=(16, 2))
        for k, one in enumerate(effects(NAMES, SEVEN, response)):
            ends = one.size.ends
            assert ends is not None
            covered[k] += ends[0] <= truth[k] <= ends[1]
            found[k] += bool(one.is_found)
    assert abs(covered / rounds - 0.95).max() < 0.02
    assert abs(found[1:] / rounds - 0.05).max() < 0.02
    assert found[0] / rounds > 0.9


def test_points_that_are_no_design_are_refused() -> None:
    one_at_a_time = np.vstack([-np.ones(7), 2 * np.eye(7) - 1])
    assert not is_factorial(one_at_a_time)
    with pytest.raises(ConfigError, match="no orthogonal design"):
        effects(NAMES, one_at_a_time, np.zeros((8, 1)))


def covered_where_a_varies(seeds: int, rounds: int, chance: int) -> NDArray[np.float64]:
    """Share of experiments in which the interval of each effect holds the true one, 0, shape [term]: what `a` does differs
    by a standard deviation of 2 between seeds, all else by 0.15."""
    rng = np.random.default_rng(chance)
    covered = np.zeros(14)
    for _ in range(rounds):
        of_a = rng.normal(0, 2, size=seeds)
        response = SEVEN[:, :1] * of_a / 2 + rng.normal(0, 0.3, size=(16, seeds))
        covered += [
            one.size.ends[0] <= 0 <= one.size.ends[1] for one in effects(NAMES, SEVEN, response) if one.size.ends
        ]
    return covered / rounds


def test_an_effect_that_varies_more_between_seeds_has_its_own_interval() -> None:
    """2000 experiments of three seeds: what `a` does differs by a standard deviation of 2 between seeds, all else by 0.15;
    each is covered at 95 %, within four standard errors of 0.5 points."""
    covered = covered_where_a_varies(seeds=3, rounds=2000, chance=5)
    assert abs(covered - 0.95).max() < 0.02


def test_of_two_seeds_intervals_are_right_over_all_effects_where_one_varies_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """600 experiments: over all 14 effects 95 ± 2 % are covered, and of the one that varies more most are; were the variance
    the same for all, its interval would cover a third."""
    monkeypatch.setattr(factorial, "DRAWS", 2000)
    covered = covered_where_a_varies(seeds=2, rounds=600, chance=6)
    assert abs(covered.mean() - 0.95) < 0.02
    assert covered[0] > 0.6


def test_what_is_taken_for_the_opposite_has_a_minus() -> None:
    half = np.array([[-1, -1, -1], [1, -1, 1], [-1, 1, 1], [1, 1, -1]], float)  # none, ac, bc, ab: c = −ab
    response = 10 - half[:, :1] * half[:, 1:2]
    found = {one.term.written: one.size.mean for one in effects("abc", half, response)}
    assert found == pytest.approx({"a = −b × c": 0, "b = −a × c": 0, "c = −a × b": 2})


def test_of_a_design_that_is_no_regular_fraction_main_effects_alone_are_estimated() -> None:
    row = np.array([1, 1, -1, 1, 1, 1, -1, -1, -1, 1, -1])  # Plackett and Burman, Biometrika 33 (1946), 12 points
    twelve = np.vstack([*(np.roll(row, k) for k in range(11)), -np.ones(11)])[:, :5]
    assert is_factorial(twelve)
    assert not is_regular(twelve)
    assert is_regular(SEVEN)
    found = effects("abcde", twelve, 3 * twelve[:, :1])
    assert [one.term.written for one in found] == list("abcde")
    assert found[0].size.mean == pytest.approx(6)
