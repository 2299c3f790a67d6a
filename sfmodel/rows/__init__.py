"""Rows: what a platform is known to do, measured on a run."""

from sfmodel.rows.measuring import Measured, measure_rows
from sfmodel.rows.rows import Row, Rows, read_rows

__all__ = ["Measured", "Row", "Rows", "measure_rows", "read_rows"]
