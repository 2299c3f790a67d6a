"""Means of configured durations, and durations as people write them."""

from __future__ import annotations

from sfmodel.plan.series import durations_s
from sfmodel.schema.durations import Distribution


def mean_s(distribution: Distribution | None) -> float:
    """Return the mean of a distribution in seconds; 0 for none."""
    if distribution is None:
        return 0.0
    for value in (distribution.constant, distribution.exponential):
        if value is not None:
            return value + distribution.plus
    for shape in (distribution.lognormal, distribution.gamma, distribution.hyperexponential):
        if shape is not None:
            return shape.mean + distribution.plus
    return _recorded_mean_s(distribution) + distribution.plus


def _recorded_mean_s(distribution: Distribution) -> float:
    recorded = distribution.empirical
    if recorded is None:
        return 0.0
    return float(durations_s(recorded.file, recorded.column, recorded.unit, recorded.scale, "time.empirical").mean())


def written(seconds: float) -> str:
    """Return a duration as people write it: 120 ms, 2.5 s, 10 min."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= size * (2 if size > 1 else 1):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs" if seconds else "0 s"
