"""Confidence intervals over independent replications, at 95 % unless said otherwise: of a mean Student's t, of a share exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
"""Level of every interval."""


@dataclass(frozen=True)
class Interval:
    """The mean of a sample and how well it is known."""

    mean: float
    """Mean of the values; NaN where they are infinite of both signs."""
    half: float
    """Half of the width of the interval; NaN: it is not known, of fewer than two values or where one is not finite."""
    n: int
    """Number of values."""

    @property
    def ends(self) -> tuple[float, float] | None:
        """Lower and upper end; none: not known."""
        return None if math.isnan(self.half) else (self.mean - self.half, self.mean + self.half)

    @property
    def is_found(self) -> bool | None:
        """Whether the mean, of differences, is more than chance at this level; none: nothing can be said of one value."""
        if self.ends is None:
            return False if self.mean == 0 else None
        return not self.ends[0] <= 0 <= self.ends[1]


def interval(values: Sequence[float], level: float = LEVEL) -> Interval:
    """Mean of independent values of one distribution, and its interval at this level.

    Parameters
    ----------
    values
        At least one, in any unit.
    level
        Probability that the interval holds the true mean, where the values are normal.
    """
    mean, half = mean_and_half(np.asarray(values, float), level)
    return Interval(float(mean), float(half), len(values))


def mean_and_half(values: NDArray[np.float64], level: float = LEVEL) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of values[n, …] over n, and half of the width of their intervals; NaN where `Interval.half` is."""
    n = len(values)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = values - values[0]  # of equal values the mean is exactly theirs, and the deviation 0
        finite = np.isfinite(values).all(axis=0)
        mean = np.where(finite, values[0] + apart.mean(axis=0), values.mean(axis=0))
        if n < 2:
            return mean, np.full(mean.shape, np.nan)
        return mean, student_quantile((1 + level) / 2, n - 1) * apart.std(axis=0, ddof=1) / math.sqrt(n)


def welch(a: Sequence[float], b: Sequence[float], level: float = LEVEL) -> Interval:
    """Mean of b less mean of a, of independent samples, and its interval: Welch, Biometrika 34 (1947).

    Parameters
    ----------
    a, b
        At least two values each, in the same unit.
    level
        Probability that the interval holds the true difference, where the values are normal.
    """
    samples = [np.asarray(values, float) for values in (a, b)]
    squares = [float(values.var(ddof=1)) / len(values) for values in samples]
    difference = float(samples[1].mean() - samples[0].mean())
    if not sum(squares) > 0:
        return Interval(difference, 0.0 if sum(squares) == 0 else math.nan, len(a) + len(b))
    # Satterthwaite's degrees of freedom
    freedom = sum(squares) ** 2 / sum(s * s / (len(v) - 1) for s, v in zip(squares, samples, strict=True))
    half = student_quantile((1 + level) / 2, max(1.0, freedom)) * math.sqrt(sum(squares))
    return Interval(difference, half, len(a) + len(b))


def share_ends(chosen: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """Ends of the interval of a share, by Clopper and Pearson (Biometrika 26, 1934): it holds it as often as said, or more.

    Parameters
    ----------
    chosen, of
        How many, of how many independent ones; of none nothing is known: 0 to 1.
    level
        Probability, at least, that the interval holds the true share.
    """
    from scipy.stats import binomtest

    if not of:
        return 0.0, 1.0
    ends = binomtest(chosen, of).proportion_ci(level, method="exact")
    return float(ends.low), float(ends.high)


def student_quantile(p: float, freedom: float) -> float:
    """Quantile of Student's t, p in (0, 1)."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, p))
