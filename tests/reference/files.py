"""Columns of CSV and Parquet files."""

from __future__ import annotations

import numpy as np
import polars


def column(path: str, name: str) -> np.ndarray:
    """One column; timestamps become seconds since 1970."""
    frame = polars.read_parquet(path) if path.endswith(".parquet") else polars.read_csv(path, try_parse_dates=True)
    values = frame[name]
    if values.dtype in (polars.Datetime, polars.Date):
        return values.cast(polars.Datetime("us")).to_physical().to_numpy() / 1e6
    return values.cast(polars.Float64).to_numpy()


def is_timestamp(path: str, name: str) -> bool:
    """Whether a column holds timestamps."""
    frame = polars.read_parquet(path) if path.endswith(".parquet") else polars.read_csv(path, try_parse_dates=True)
    return frame[name].dtype in (polars.Datetime, polars.Date)
