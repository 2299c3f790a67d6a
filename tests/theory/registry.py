"""Every comparison with a formula, listed beforehand: so that the intervals hold all at once.

Each interval has the level `FAMILY ** (1 / number of comparisons)` (Šidák 1967): were the model exactly right, one
execution of all comparisons in a hundred would fail somewhere. Seeds are fixed in `SEEDS` and were not chosen: whoever
changes a kernel so that draws change gets other numbers, and the same protection.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

FAMILY = 0.99
"""Level at which all intervals hold together."""

SEEDS = range(1, 11)
"""One replication each."""

WITHIN = 0.01
"""A mean that is further off than this, relative to the formula, fails whatever its interval."""

COMPARISONS = (
    "M/M/1 wait",
    "M/M/1 busy",
    "M/M/1 share of sojourns above 0.3 s",
    "M/M/2 wait at 0.5",
    "M/M/10 wait at 0.9",
    "M/M/10 share of sojourns above 0.2 s",
    "M/M/c/K blocking",
    "M/M/c/K wait",
    "Erlang B blocking, exponential",
    "Erlang B blocking, constant",
    "Erlang B blocking, lognormal",
    "M/D/1 wait",
    "M/G/1 wait, lognormal",
    "M/G/1 wait, hyperexponential",
    "M/G/1 wait, gamma",
    "priority wait, high",
    "priority wait, low",
    "Erlang A abandonment",
    "Erlang A queue",
    "tandem, first sojourn",
    "tandem, second sojourn",
    "closed network throughput",
    "closed network response",
    "TTL, not reset by a hit",
    "TTL, reset by a hit",
    "TTL, all topics similar",
    "similar topics, jammed",
    "LRU",
    "FIFO",
    "random eviction",
    "token bucket, burst 1",
    "token bucket, burst 5",
    "fixed window",
    "retries, attempts",
    "retries, success",
    "exponential, mean", "exponential, variance", "exponential, quantiles",
    "lognormal, mean", "lognormal, variance", "lognormal, quantiles",
    "gamma above 1, mean", "gamma above 1, variance", "gamma above 1, quantiles",
    "gamma below 1, mean", "gamma below 1, variance", "gamma below 1, quantiles",
    "hyperexponential, mean", "hyperexponential, variance", "hyperexponential, quantiles",
    "empirical, mean", "empirical, variance", "empirical, frequencies",
    "uniform, quantiles", "uniform, no memory",
    "Zipf 0.9, frequencies", "Zipf 1, frequencies", "Zipf 1.3, frequencies",
    "sessions, demand curve", "sessions, number", "sessions, length", "sessions, lengths",
    "breathing, mean", "breathing, mean between minutes", "breathing, variance", "breathing, correlation",
)  # fmt: skip

LEVEL = FAMILY ** (1 / len(COMPARISONS))


def agree(name: str, found: Sequence[float], expected: float) -> None:
    """Assert that the mean of replications agrees with a formula: in the interval, and within 1 %."""
    assert name in COMPARISONS
    x = np.asarray(found, dtype=float)
    error = stats.sem(x)
    half = stats.t.ppf((1 + LEVEL) / 2, len(x) - 1) * error
    off = x.mean() - expected
    text = f"{name}: found {x.mean():.6g} ± {half:.2g}, expected {expected:.6g} ({100 * off / expected:+.2f} %)"
    assert abs(off) <= half, text
    assert abs(off) <= WITHIN * abs(expected), text


def likely(name: str, p: float) -> None:
    """Assert that a test of fit does not reject at the common level."""
    assert name in COMPARISONS
    assert p >= 1 - LEVEL, f"{name}: rejected, p = {p:.2g}"


def replicate(one: Callable[[int], Sequence[float] | float]) -> np.ndarray:
    """Results of `one(seed)` for each seed; shape [quantities, replications] or [replications]."""
    return np.array([one(seed) for seed in SEEDS]).T


def oracle(case: str, parameters: str, quantity: str) -> float:
    """Value that was computed elsewhere: oracles.csv."""
    with (Path(__file__).parent / "oracles.csv").open() as file:
        rows = list(csv.DictReader(file))
    (value,) = [
        float(row["value"]) for row in rows
        if (row["case"], row["parameters"], row["quantity"]) == (case, parameters, quantity)
    ]  # fmt: skip
    return value
