"""Columns of CSV and Parquet files."""

from __future__ import annotations

import numpy as np
import polars

from sfmodel.schema.files import find_file


def series(path: str, name: str) -> polars.Series:
    """One column as it is in the file."""
    file = find_file(path)
    if path.endswith(".parquet"):
        return polars.read_parquet(file)[name]
    return polars.read_csv(file, try_parse_dates=True)[name]


def column(path: str, name: str) -> np.ndarray:
    """One column; timestamps become seconds since 1970."""
    values = series(path, name)
    if is_timestamp(path, name):
        return values.cast(polars.Datetime("us")).to_physical().to_numpy() / 1e6
    return values.cast(polars.Float64).to_numpy()


def is_timestamp(path: str, name: str) -> bool:
    """Whether a column holds timestamps."""
    return series(path, name).dtype in (polars.Datetime, polars.Date)
