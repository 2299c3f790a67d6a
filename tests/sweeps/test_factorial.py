"""Factorial designs on synthetic responses with known effects."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from sfmodel.errors import ConfigError
from sfmodel.sweeps.factorial import effects, is_factorial

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


def test_intervals_cover_95_percent_and_chance_is_found_at_5_percent() -> None:
    """3000 experiments of 14 terms; terms of one experiment share their variance estimate, so the rate of each alone is
    known to 3 standard errors of 3000: 1.2 points; the promise is ± 2."""
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
