"""MSER-5 and the test for initialization bias, on series whose transient is known."""

from __future__ import annotations

import re

import numpy as np
import pytest

import sfmodel
from sfmodel.errors import ConfigError
from sfmodel.results.intervals import student_quantile
from sfmodel.results.transient import BATCH, LEAST_KEPT, TEST_BATCHES, begins_elsewhere, bias_statistic, transient


def autoregressive(n: int, follows: float, seed: int) -> np.ndarray:
    """Stationary AR(1) of mean 0 and variance 1."""
    random = np.random.default_rng(seed)
    values = np.empty(n)
    values[0] = random.normal()
    steps = np.sqrt(1 - follows**2) * random.normal(size=n)
    for k in range(1, n):
        values[k] = follows * values[k - 1] + steps[k]
    return values


def naive(series: np.ndarray, batch: int = BATCH) -> int | None:
    """MSER as it is written down: every truncation, one after another."""
    means = [series[k : k + batch].mean() for k in range(0, len(series) - batch + 1, batch)]
    best, least = 0, np.inf
    for d in range(len(means) - LEAST_KEPT + 1):
        kept = np.array(means[d:])
        score = ((kept - kept.mean()) ** 2).sum() / len(kept) ** 2
        if score < least:
            best, least = d, score
    return None if best > len(means) / 2 else best * batch


@pytest.mark.parametrize("batch", [1, 5, 7])
@pytest.mark.parametrize("seed", range(10))
def test_against_the_naive_twin(seed, batch):
    series = autoregressive(203, 0.6, seed) + 5 * np.exp(-np.arange(203) / 20)
    assert transient(series, batch) == naive(series, batch)


def test_of_a_series_that_jumps_all_that_comes_before_is_left_out():
    # a step of 20 standard deviations: a batch more costs 1/(k - d) of the precision, one less some 400 times that
    series = np.r_[np.full(60, 20.0), np.zeros(340)] + np.random.default_rng(2).normal(size=400)
    assert transient(series) == pytest.approx(60, abs=2 * BATCH)
    assert series[transient(series) :].max() < 10


@pytest.mark.parametrize("follows", [0.0, 0.5])
def test_what_is_left_of_an_exponential_transient_is_below_the_noise(follows):
    # 10 exp(-t/30) over noise of 1: where it is cut it should be about the noise of a batch mean, 0.45 to 0.8. With a
    # factor of 3 to spare either way, that is between t = 30 ln(10/2.4) = 43 and 30 ln(10/0.15) = 126; the median of 51
    # series is asked for, as any of them may cut later by chance
    t = np.arange(600)
    cuts = [transient(10 * np.exp(-t / 30) + autoregressive(600, follows, seed)) or 600 for seed in range(51)]
    assert 43 <= np.median(cuts) <= 126


def test_a_series_that_goes_on_changing_has_not_settled():
    assert transient(np.arange(400.0)) is None
    assert sfmodel.transient(np.r_[np.zeros(300), np.full(100, 5.0)]) is None


def test_a_series_that_is_too_short():
    with pytest.raises(ConfigError, match="transient: expected at least 10 batches of 5 values, found 49 values"):
        transient(np.zeros(49))


@pytest.mark.parametrize(("value", "found"), [(np.nan, "nan"), (-np.inf, "-inf")])
def test_a_series_with_gaps_is_refused(value, found):
    series = np.zeros(60)
    series[[17, 40]] = value
    with pytest.raises(
        ConfigError, match=f"transient: expected finite values, found {found} at index 17, 2 such values"
    ):
        transient(series)


@pytest.mark.parametrize("shape", [(), (60, 1), (2, 60)])
def test_what_is_no_series_is_refused(shape):
    with pytest.raises(
        ConfigError, match=re.escape(f"expected a series, shape [n], found shape {list(shape)}; take one")
    ):
        transient(np.zeros(shape))


@pytest.mark.parametrize(("n", "follows"), [(54, 0.0), (180, 0.0), (180, 0.3), (600, 0.5), (60, 0.9), (180, 0.95)])
def test_false_alarms_are_at_most_as_frequent_as_stated(n, follows):
    # of 2000 series at most 5 % + 4 standard deviations (0.49 % each) may be said to begin elsewhere
    found = [begins_elsewhere(autoregressive(n, follows, seed), 0.05) for seed in range(2000)]
    assert np.mean(found) <= 0.05 + 4 * 0.0049


def test_of_what_follows_from_one_value_to_the_next_no_more_is_said_than_stated_at_a_small_level():
    # 4000 series at the level of one of eight in a run, 0.000125: 0.5 are expected, more than 5 with probability 0.00001
    found = [begins_elsewhere(autoregressive(60, 0.9, seed), 0.000125) for seed in range(4000)]
    assert sum(found) <= 5


def test_a_random_walk_seldom_begins_elsewhere_and_a_trend_does():
    # of 2000 walks at most 5 % + 4 standard deviations; a trend of 10 of its steps' deviations a step is none
    walks = [np.cumsum(np.random.default_rng(seed).normal(size=90)) for seed in range(2000)]
    assert np.mean([begins_elsewhere(walk, 0.05) for walk in walks]) <= 0.05 + 4 * 0.0049
    assert all(begins_elsewhere(walk + 10 * np.arange(90), 0.000125) for walk in walks[:50])


def test_the_statistic_is_student_where_the_variance_is_that_of_batches():
    # of independent values both estimates of the variance are unbiased and the larger one is taken: the share beyond the
    # 5 % point lies below 5 %, and above that of a variance twice as large, 2 P(T > 2.2 √2) = 1 %
    beyond = student_quantile(0.975, TEST_BATCHES - 1)
    found = [abs(bias_statistic(autoregressive(400, 0.0, seed))) > beyond for seed in range(2000)]
    assert 0.01 - 4 * 0.0022 <= np.mean(found) <= 0.05 + 4 * 0.0049


def test_a_transient_is_noticed():
    t = np.arange(180)
    noticed = [begins_elsewhere(3 * np.exp(-t / 15) + autoregressive(180, 0.2, seed), 0.001) for seed in range(50)]
    assert np.mean(noticed) > 0.5
    assert begins_elsewhere(10 * np.exp(-t / 15) + autoregressive(180, 0.2, 1), 1e-4)
