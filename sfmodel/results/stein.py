"""How many replications an interval of a wanted width needs: Stein's procedure in two stages.

The first n₀ values give the variance s²; with N = max(n₀, ⌈(t s / h)²⌉) values in all, t the quantile of Student's t with
n₀ − 1 degrees of freedom, the mean of all N is within t s / √N ≤ h of the truth with at least the wanted probability, exactly,
where the values are normal (Stein, Annals of Mathematical Statistics 16, 1945). Looking after each value whether the interval
of the moment is narrow enough would stop at lucky moments, and cover too seldom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfmodel.results.intervals import LEVEL, Interval, student_quantile


@dataclass(frozen=True)
class Stage:
    """What the first stage says of chance."""

    deviation: float
    """Standard deviation of a value, in its unit."""
    freedom: int
    """Degrees of freedom that it was found with."""
    values: int
    """How many values there were."""

    def reach(self, level: float = LEVEL) -> float:
        """Half of the interval of a single value."""
        return student_quantile((1 + level) / 2, self.freedom) * self.deviation

    def needed(self, half: float, level: float = LEVEL) -> int:
        """Number of values in all, so that half of the interval of their mean is at most `half`, > 0, in their unit."""
        return max(self.values, math.ceil((self.reach(level) / half) ** 2))

    def interval(self, values: Sequence[float], level: float = LEVEL) -> Interval:
        """Mean of all values, those of the first stage among them, and its interval."""
        return Interval(math.fsum(values) / len(values), self.reach(level) / math.sqrt(len(values)), len(values))


def stage_of(first: NDArray[np.float64]) -> Stage:
    """What values of a first stage say, at least two; shape [value]."""
    return Stage(float(np.std(first, ddof=1)), len(first) - 1, len(first))
