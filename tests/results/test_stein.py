"""Stein's two stages: never wider than asked, and right as often as promised."""

from __future__ import annotations

import numpy as np
import pytest

from sfmodel.results.stein import stage_of


def test_the_number_is_that_of_the_formula() -> None:
    first = [
        1.0,
        2.0,
        3.0,
        4.0,
    ]  # s² = 5/3; t of 3 degrees of freedom at 97.5 %: 3.1824 (Abramowitz and Stegun, table 26.10)
    assert stage_of(first).needed(1.0) == int(np.ceil(3.1824463**2 * 5 / 3))
    assert stage_of(first).needed(10.0) == 4
    assert stage_of(np.array([2.0, 2.0])).needed(0.1) == 2


@pytest.mark.parametrize("stage", [3, 5, 10])
def test_intervals_cover_95_percent_and_are_no_wider_than_asked(stage: int) -> None:
    """5000 rounds: standard error 0.3 points, the promise is 95 ± 2."""
    rng = np.random.default_rng(stage)
    half, covered, rounds = 0.5, 0, 5000
    for _ in range(rounds):
        first = rng.normal(7.0, 1.0, stage)
        total = stage_of(first).needed(half)
        found = stage_of(first).interval([*first, *rng.normal(7.0, 1.0, total - stage)])
        assert found.half <= half + 1e-12
        assert found.n == total
        covered += abs(found.mean - 7.0) <= found.half
    assert 0.93 < covered / rounds < 0.97


def test_stopping_when_the_interval_of_the_moment_is_narrow_covers_too_seldom() -> None:
    """Why there are two stages: the rule that looks after each value misses the promise."""
    from sfmodel.results.intervals import interval

    rng = np.random.default_rng(1)
    covered, rounds = 0, 2000
    for _ in range(rounds):
        values = list(rng.normal(0.0, 1.0, 3))
        while interval(values).half > 0.5:
            values.append(float(rng.normal()))
        covered += abs(np.mean(values)) <= interval(values).half
    assert covered / rounds < 0.93
