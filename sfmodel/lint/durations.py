"""Means of configured durations, and durations as people write them."""

from __future__ import annotations

import csv

from sfmodel.schema.durations import Distribution
from sfmodel.schema.files import find_file
from sfmodel.schema.quantities import to_duration_s


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
    """Mean of a recorded column; a file that is not CSV is read with Polars."""
    recorded = distribution.empirical
    path = find_file(recorded.file) if recorded else None
    if recorded is None or path is None:
        return 0.0
    values = column(str(path), recorded.column)
    unit_s = to_duration_s(f"1 {recorded.unit}")
    return sum(values) / len(values) * unit_s * recorded.scale if values else 0.0


def column(path: str, name: str) -> list[float]:
    """Return a column of numbers of a CSV or Parquet file."""
    if path.endswith(".parquet"):
        import polars

        return [float(v) for v in polars.read_parquet(path, columns=[name])[name] if v is not None]
    with open(path, encoding="utf-8", newline="") as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def written(seconds: float) -> str:
    """Return a duration as people write it: 120 ms, 2.5 s, 10 min."""
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= size * (2 if size > 1 else 1):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs" if seconds else "0 s"
