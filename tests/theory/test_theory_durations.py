"""Each distribution: mean, variance, quantiles (Kolmogorov and Smirnov); uniform draws."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from .draws import durations, uniforms
from .registry import agree, likely

pytestmark = pytest.mark.theory

MEAN, BATCHES, COUNT = 0.2, 10, 2_000_000
PHASES = 0.5 + 0.5 * math.sqrt(0.6), 0.5 - 0.5 * math.sqrt(0.6)

DISTRIBUTIONS = {
    "exponential": ({"exponential": "200 ms"}, 1.0, stats.expon(scale=MEAN).cdf),
    "lognormal": (
        {"lognormal": {"mean": "200 ms", "cv": 0.8}}, 0.8,
        stats.lognorm(math.sqrt(math.log(1.64)), scale=MEAN / math.sqrt(1.64)).cdf,
    ),
    "gamma above 1": ({"gamma": {"mean": "200 ms", "cv": 0.5}}, 0.5, stats.gamma(4, scale=MEAN / 4).cdf),
    "gamma below 1": ({"gamma": {"mean": "200 ms", "cv": 1.25}}, 1.25, stats.gamma(0.64, scale=MEAN / 0.64).cdf),
    "hyperexponential": (
        # p = (1 + √((4 − 1)/(4 + 1)))/2 of rate 2p/mean, the rest of rate 2(1 − p)/mean
        {"hyperexponential": {"mean": "200 ms", "cv": 2}}, 2.0,
        lambda x: 1 - sum(p * np.exp(-2 * p * x / MEAN) for p in PHASES),
    ),
}  # fmt: skip
"""As written; coefficient of variation; distribution function."""


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_distribution(name: str) -> None:
    written, cv, below = DISTRIBUTIONS[name]
    x = durations(written, COUNT)
    assert x.min() >= 0
    batches = x.reshape(BATCHES, -1)
    agree(f"{name}, mean", batches.mean(axis=1), MEAN)
    agree(f"{name}, variance", ((batches - MEAN) ** 2).mean(axis=1), (cv * MEAN) ** 2)
    likely(f"{name}, quantiles", stats.kstest(x[:200_000], below).pvalue)


def test_recorded_durations_are_drawn_alike(tmp_path: Path) -> None:
    # 1, 2, 4, 8, 16 ms, each a fifth: mean 6.2 ms, variance Σx²/5 − 6.2² = 68.2 − 38.44 = 29.76 ms²
    file = tmp_path / "recorded.csv"
    file.write_text("ms\n16\n1\n2\n8\n4\n")
    x = durations({"empirical": {"file": str(file), "column": "ms", "unit": "ms"}}, COUNT) * 1000
    counts = [np.isclose(x, value).sum() for value in (1, 2, 4, 8, 16)]
    assert sum(counts) == COUNT
    agree("empirical, mean", x.reshape(BATCHES, -1).mean(axis=1), 6.2)
    agree("empirical, variance", ((x - 6.2) ** 2).reshape(BATCHES, -1).mean(axis=1), 29.76)
    likely("empirical, frequencies", stats.chisquare(counts).pvalue)


def test_plus_adds_a_constant() -> None:
    plain, more = durations({"exponential": "200 ms"}, 100), durations({"exponential": "200 ms", "plus": "50 ms"}, 100)
    np.testing.assert_allclose(more, plain + 0.05, rtol=1e-12)


@pytest.mark.parametrize("kind", ["lognormal", "gamma"])
def test_without_variation_a_distribution_is_a_constant(kind: str) -> None:
    assert set(durations({kind: {"mean": "200 ms", "cv": 0}}, 100)) == {0.2}


def test_uniform_draws_are_uniform_and_have_no_memory() -> None:
    # pairs of neighbours on a 64 × 64 board
    u = uniforms(1_000_000)
    assert 0 < u.min() < u.max() < 1
    likely("uniform, quantiles", stats.kstest(u, "uniform").pvalue)
    pairs = np.histogram2d(u[:-1:2], u[1::2], bins=64, range=((0, 1), (0, 1)))[0]
    likely("uniform, no memory", stats.chisquare(pairs.ravel()).pvalue)
