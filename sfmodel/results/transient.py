"""The start-up transient of a series: how long it is (MSER-5), and whether there is one (a test for initialization bias).

MSER alone always answers: of a series that is stationary it also leaves out a little, by chance. So it is only asked
where the test says, at a stated level, that the series begins elsewhere than it goes on.

- White, An effective truncation heuristic for bias reduction in simulation output, Simulation 69 (1997).
- White, Cobb and Spratt, A comparison of five steady-state truncation heuristics for simulation, WSC 2000: MSER-5, and
  that a truncation point in the second half means that there is too little data.
- Schruben, Singh and Tierney, Optimal tests for initialization bias in simulation output, Operations Research 31 (1983).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sfmodel.errors import ConfigError
from sfmodel.results.intervals import student_quantile

BATCH = 5
"""Values in a batch: the 5 of MSER-5."""

LEAST_KEPT = 3
"""Batches that are kept at least: of fewer the deviation says nothing."""

LEAST_BATCHES = 10
"""Batches below which nothing is said."""

SHORTEST = LEAST_BATCHES * BATCH
"""Values below which a series is too short to be judged."""

TEST_BATCHES = 12
"""Batches of the second half from which the test takes the variance."""

LEAST_INDEPENDENT = 30
"""Correlation times (the integrated one, in values) of the second half, from which on it can be estimated there."""

RANDOM_WALK = 7.0
"""Correlation time, in lengths of the second half, that gives a random walk no more false alarms than stated: 6.2 does."""


def transient(series: ArrayLike, batch: int = BATCH) -> int | None:
    """Length of the start-up transient of a series by MSER: the truncation that makes the mean of the rest best known.

    Of k batch means, those from d on have the mean m_d; d is chosen such that Σ (Y_j − m_d)² / (k − d)², the sum over
    j ≥ d, is least.

    Parameters
    ----------
    series
        Finite values in any unit, shape [n], in order of time; values behind the last full batch are left aside.
    batch
        Values in a batch; 5 is MSER-5.

    Returns
    -------
    Number of values to leave out, a multiple of `batch`; None: the series has not settled, as the best truncation lies in
    its second half.

    Raises
    ------
    ConfigError
        There are fewer than ten batches, a value is not finite, or the series has not one dimension.
    """
    values = np.asarray(series, float)
    _check(values)
    k = len(values) // batch if batch >= 1 else 0
    if k < LEAST_BATCHES:
        raise ConfigError(
            f"transient: expected at least {LEAST_BATCHES} batches of {batch} values, found {values.size} values"
        )
    means = values[: k * batch].reshape(k, batch).mean(axis=1)
    best = int(np.argmin(_scores(means - means[k // 2 :].mean())))
    return None if 2 * best > k else best * batch


def _check(values: NDArray[np.float64]) -> None:
    """Refuse what is no series of finite values."""
    if values.ndim != 1:
        raise ConfigError(
            f"transient: expected a series, shape [n], found shape {list(values.shape)}; take one series, such as the mean "
            "over the other dimensions"
        )
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ConfigError(
            f"transient: expected finite values, found {values[bad[0]]} at index {bad[0]}, {bad.size} such values in all; "
            "leave these windows out, or take wider ones"
        )


def _scores(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Σ (Y_j − m_d)² / (k − d)² over j ≥ d, for each d that keeps enough batches; means[k] → scores[k − LEAST_KEPT + 1]."""
    left = np.arange(len(means), 0, -1)
    sums = np.cumsum(means[::-1])[::-1]
    squares = np.cumsum(means[::-1] ** 2)[::-1]
    return (
        np.maximum(0.0, squares - sums**2 / left)[: len(means) - LEAST_KEPT + 1]
        / left[: len(means) - LEAST_KEPT + 1] ** 2
    )


def begins_elsewhere(series: ArrayLike, level: float) -> bool:
    """Whether a series begins elsewhere than it goes on; of a stationary one this is said with probability `level` at most.

    This holds for autoregressions of order 1 up to a random walk. Of a series whose second half is shorter than 30
    of its correlation times only what no random walk would do is seen: a trend such as that of an overload.

    Parameters
    ----------
    series
        Finite values in any unit, shape [n], in order of time; at least `SHORTEST`.
    level
        Probability of a false alarm.
    """
    statistic = bias_statistic(series)
    return abs(statistic) > student_quantile(1 - level / 2, TEST_BATCHES - 1)


def bias_statistic(series: ArrayLike) -> float:
    """Statistic of Schruben, Singh and Tierney: √45 / (n^1.5 σ) Σ (1 − k/n) k (m_n − m_k), m_k the mean of the first k.

    Of a stationary series it has, at most, the tails of Student's distribution with `TEST_BATCHES` − 1 degrees of freedom:
    σ²/n is the variance of the mean, estimated from the second half, where a transient would be over.
    """
    values = np.asarray(series, float).ravel()
    n = len(values)
    k = np.arange(1, n + 1)
    bridge = k * values.mean() - np.cumsum(values)
    weighted = float(((1 - k / n) * bridge).sum()) / n**1.5
    sigma = math.sqrt(_variance(values[n // 2 :]))
    if not sigma:
        return math.copysign(math.inf, weighted) if weighted else 0.0
    return math.sqrt(45) * weighted / sigma


def _variance(values: NDArray[np.float64]) -> float:
    """Variance of the mean of n values, times n: the larger one of what batch means say, and an autoregression of order 1.

    Batches are too short where the series is, and then miss what follows from one value to the next. The autoregression
    is about a straight line, since a drift is no noise.
    """
    n = len(values)
    size = n // TEST_BATCHES
    batches = values[n - TEST_BATCHES * size :].reshape(TEST_BATCHES, size).mean(axis=1)
    variance, correlation = _autoregression(values)
    return max(size * float(batches.var(ddof=1)), variance * correlation)


def _autoregression(values: NDArray[np.float64]) -> tuple[float, float]:
    """Variance of n values, and their integrated correlation time, both about a straight line.

    A time that n values are too few to tell is taken to be that of a random walk, which passes for all shorter ones.
    """
    n = len(values)
    along = np.arange(n) - (n - 1) / 2
    apart = values - values.mean()
    apart = apart - along * (along @ apart) / (along @ along)
    scale = float(apart @ apart)
    follows = float(apart[1:] @ apart[:-1]) / scale if scale else 0.0
    follows = min(0.995, max(0.0, follows + (2 + 4 * follows) / n))  # about a line it is found too small by so much
    correlation = (1 + follows) / (1 - follows)
    return scale / (n - 2), correlation if n >= LEAST_INDEPENDENT * correlation else RANDOM_WALK * n
