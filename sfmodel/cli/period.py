"""The arguments that say which hours of a run are looked at."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sfmodel.clock import clock
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray


def add_period_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare --period and --hours."""
    parser.add_argument("--period", metavar="NAME", help="whole, normal or peak (default: peak, if the run has it)")
    parser.add_argument(
        "--hours", nargs=2, metavar=("FROM", "TO"), help="between two times of the day, such as 21:00 21:30"
    )


def period_of(arguments: argparse.Namespace, ds: xr.Dataset) -> tuple[str, NDArray[np.bool_]]:
    """Name of the period, and its windows, shape [time]."""
    from sfmodel.results import measures
    from sfmodel.results.summary import PERIODS, period_windows
    from sfmodel.schema.quantities import to_clock_s

    if arguments.hours is not None:
        if arguments.period is not None:
            raise ConfigError("--hours and --period both say when; leave one of them out")
        try:
            from_s, to_s = map(to_clock_s, arguments.hours)
        except ValueError as error:
            raise ConfigError(f"--hours: {error}") from None
        if from_s >= to_s and ds.sizes["time"] and measures.run_end_s(ds) <= measures.DAY_S:
            raise ConfigError(
                f"--hours: {arguments.hours[0]} is not before {arguments.hours[1]}, and the run does not go on past midnight; "
                "give the earlier time first"
            )
        windows = measures.within_hours(ds, from_s, to_s)
        if not windows.any():
            raise ConfigError(
                f"--hours: the run has nothing between {clock(from_s)} and {clock(to_s)}; it was measured {measures.covered(ds)}"
            )
        return f"{clock(from_s)} to {clock(to_s)}", windows
    periods = period_windows(ds)
    name = arguments.period or ("peak" if "peak" in periods else "whole")
    if name not in periods:
        raise ConfigError(f"--period: the run has no period '{name}'; {nearest(name, list(periods))}")
    return PERIODS[name], periods[name]
