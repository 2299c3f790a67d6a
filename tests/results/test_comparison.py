"""Differences between runs: their intervals hold what they say, and chance is not called an effect."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from small_run import make_run

from sfmodel.results.comparison import Effect, _difference, compare
from sfmodel.results.configurations import differing
from sfmodel.results.intervals import Interval, interval, welch

TRIALS = 4000
"""The share of intervals that hold the truth then has a standard deviation of 0.35 %."""


@pytest.mark.parametrize("n", [2, 3, 5, 20])
@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_paired_intervals_hold_the_effect_in_95_of_100(n: int, effect: float) -> None:
    """What both share is ten times as large as what they do not, and cancels."""
    random = np.random.default_rng(n)
    inside = found = 0
    for _ in range(TRIALS):
        common, own = 10 * random.normal(size=n), random.normal(size=n)
        before = dict(enumerate(common))
        after = dict(enumerate(common + own + effect))
        known = _difference(before, after, list(range(n)))[2]
        low, high = known.ends or (np.nan, np.nan)
        inside += low <= effect <= high
        found += bool(Effect("x", "x", "s", 0.0, 0.0, known).is_found)

    assert abs(inside / TRIALS - 0.95) < 0.02
    if not effect:
        assert abs(found / TRIALS - 0.05) < 0.02


@pytest.mark.parametrize(("n", "m"), [(3, 3), (3, 10), (10, 4)])
def test_unpaired_intervals_hold_the_effect_in_95_of_100_or_more(n: int, m: int) -> None:
    """With unequal spread, too; of few values Welch's interval is a little too wide, not too narrow."""
    random = np.random.default_rng(n * m)
    inside = 0
    for _ in range(TRIALS):
        before, after = random.normal(size=n), 0.7 + 3 * random.normal(size=m)
        low, high = welch(list(before), list(after)).ends or (np.nan, np.nan)
        inside += low <= 0.7 <= high

    assert 0.93 < inside / TRIALS < 0.99


def test_welch_beside_scipy() -> None:
    a, b = [1.0, 2.5, 3.0, 4.2], [5.0, 5.5, 7.1, 9.0, 9.4]
    theirs = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    mine = welch(a, b)

    assert mine.mean == pytest.approx(np.mean(b) - np.mean(a))
    assert (mine.mean - mine.half, mine.mean + mine.half) == pytest.approx((theirs.low, theirs.high), rel=1e-12)


def test_one_pair_has_no_interval() -> None:
    before, after, known = _difference({1: 3.0}, {1: 4.0}, [1])
    assert (before, after, known.mean) == (3.0, 4.0, 1.0)
    assert Effect("x", "x", "s", before, after, known).is_found is None


def test_the_same_is_no_effect() -> None:
    assert Effect("x", "x", "s", 1.0, 1.0, Interval(0.0, float("nan"), 1)).is_found is False
    assert Effect("x", "x", "s", 1.0, 1.0, interval([0.0, 0.0])).is_found is False


def test_only_seeds_in_common_are_paired() -> None:
    before, after, known = _difference({1: 1.0, 2: 2.0, 3: 100.0}, {1: 2.0, 2: 3.0}, [1, 2])
    assert (before, after) == (1.5, 2.5)
    assert (known.mean, known.half, known.n) == (1.0, 0.0, 2)


def test_a_station_that_is_busiest_in_one_run_only_is_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sfmodel.results.summary._BUSIEST", 1)

    def busy(*seconds: float):
        def edit(k: int, values: dict) -> None:
            values["station_busy"][:], values["station_servers"][:] = seconds, 1

        return make_run(edit=edit, seed=1)

    effects = {one.key: one.difference.mean for one in compare(busy(8, 2, 0), busy(4, 6, 0)).effects["whole"]}
    shown = {key: value for key, value in effects.items() if key.startswith("busy.")}
    assert shown == pytest.approx({"busy.shop.cpu": -0.4, "busy.shop.disk#0": 0.4})


def test_spelling_is_no_difference_between_configurations() -> None:
    one, other = {"start": "0 s", "until": "5 min", "seed": 1}, {"start": "0s", "until": "6 min", "seed": 1}
    assert differing(one, other) == {"until": ("5 min", "6 min")}
