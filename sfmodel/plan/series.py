"""Columns of numbers and times from CSV and Parquet files, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, nearest
from sfmodel.plan.tables import read_table
from sfmodel.schema.files import find_file
from sfmodel.schema.quantities import to_duration_s

if TYPE_CHECKING:
    import polars as pl


def _column(file: str, column: str, key: str) -> pl.Series:
    path = find_file(file)
    if path is None:
        raise ConfigError(f"{key}.file: there is no file '{file}', in the working directory or in the package's conf/")
    try:
        frame = read_table(path)
    except Exception as error:  # Polars raises many kinds, and errors of the disk
        first = str(error).splitlines()[0]
        raise ConfigError(f"{key}: cannot read '{file}' as CSV or Parquet: {first}") from None
    if column not in frame.columns:
        is_data = all(name[:1].isdigit() for name in frame.columns)
        hint = "its first line should name the columns" if is_data else nearest(column, frame.columns)
        raise ConfigError(f"{key}: '{file}' has no column '{column}'; {hint}")
    if not len(frame):
        raise ConfigError(f"{key}: '{file}' has no rows")
    return frame[column]


def numbers(file: str, column: str, key: str) -> NDArray[np.float64]:
    """Finite numbers of a column; `key` is the configuration key that an error names."""
    import polars as pl

    series = _column(file, column, key)
    if not series.dtype.is_numeric() and series.dtype not in (pl.String, pl.Null):
        raise ConfigError(f"{key}: column '{column}' of '{file}' holds {series.dtype}, expected numbers")
    values = series.cast(pl.Float64, strict=False).to_numpy()
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ConfigError(
            f"{key}: row {bad[0] + 1} of column '{column}' in '{file}' is no number{_found(series[int(bad[0])])}; "
            f"{len(bad)} such rows; fill or remove them"
        )
    return values


def _found(value: object) -> str:
    return f" ('{value}')" if isinstance(value, str) else ""


def durations_s(file: str, column: str, unit: str, scale: float, key: str) -> NDArray[np.float64]:
    """Recorded durations in seconds, sorted."""
    values = numbers(file, column, key) * to_duration_s(f"1 {unit}") * scale
    if values.min() < 0:
        raise ConfigError(f"{key}: column '{column}' of '{file}' holds a negative duration ({values.min():g} s)")
    return np.sort(values)


def times_s(file: str, column: str, key: str) -> tuple[NDArray[np.float64], bool]:
    """Times of a column, strictly after one another or equal, and whether they are timestamps (s since 1970, UTC)."""
    import polars as pl

    series = _column(file, column, key)
    stamped = series.dtype in (pl.Datetime, pl.Date)
    if series.dtype == pl.String:
        raise ConfigError(
            f"{key}: column '{column}' of '{file}' holds text such as '{series[0]}', expected timestamps "
            "(YYYY-MM-DD HH:MM:SS) or seconds"
        )
    if series.null_count() and series.dtype.is_temporal():
        raise ConfigError(
            f"{key}: column '{column}' of '{file}' has {series.null_count()} empty times; fill or remove them"
        )
    if stamped:
        values = series.cast(pl.Datetime("us")).dt.epoch("us").to_numpy().astype(np.float64) * 1e-6
    elif series.dtype in (pl.Time, pl.Duration):
        values = series.cast(pl.Duration("us")).dt.total_microseconds().to_numpy().astype(np.float64) * 1e-6
    else:
        values = numbers(file, column, key)
    back = np.flatnonzero(np.diff(values) < 0)
    if len(back):
        raise ConfigError(
            f"{key}: time runs backwards in '{file}' at row {back[0] + 2} of column '{column}'; sort the file"
        )
    return values, stamped


def has_zone(file: str, column: str, key: str) -> bool:
    """Whether a column holds timestamps with a time zone, or with their distance from UTC."""
    return getattr(_column(file, column, key).dtype, "time_zone", None) is not None
