"""Say where a run hurts: who dragged down whom, what its failures come from, what kept the others, how busy that was.

A cascade is a service in trouble, beside the calmest fifth of the run, and those that wait for it or fail with it. Under it
stands who acts on whom, with the share of the trouble, or of the further calls, that comes this way. Whether that is so can be
tried: --ablate runs the time of the cascade again with the same seed for each edge, and without what makes it.

Each failed request counts for one cause, at the end of the chain of who waited for whom: through calls, retries, open
breakers, and workers that are held. The shares add up to all of them. A request that was answered counts, with its time,
for what kept it longest.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from sfmodel.cli.which_run import add_replication_argument, add_run_argument, folder_of
from sfmodel.clock import clock
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    parser.add_argument("--period", metavar="NAME", help="whole, normal or peak (default: peak, if the run has it)")
    parser.add_argument(
        "--hours", nargs=2, metavar=("FROM", "TO"), help="between two times of the day, such as 21:00 21:30"
    )
    parser.add_argument(
        "--ablate", action="store_true", help="cut each edge for one run with the same seed, and say what is left of it"
    )
    parser.add_argument(
        "--processes", type=int, metavar="N", help="runs at a time (default: as many as there are cores)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Rank the causes and print them."""
    from sfmodel.diagnosis import by_endpoint, cascades, troubles
    from sfmodel.diagnosis.ablation import Ablations
    from sfmodel.diagnosis.ablation_runs import ablated
    from sfmodel.diagnosis.cascade_table import ablations_data, cascades_data, cascades_table
    from sfmodel.diagnosis.table import endpoints_table, troubles_data, troubles_table
    from sfmodel.results import measures
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import replication

    folder = folder_of(arguments)
    ds = replication(open_run(folder), arguments.replication)
    period, windows = _period(arguments, ds)
    found, failures, spread = troubles(ds, windows), by_endpoint(ds, windows), cascades(ds)
    cuts = ablated(Ablations(ds, spread), folder, arguments.processes) if arguments.ablate and spread else []
    if arguments.json:
        causes = {"causes": troubles_data(found), "endpoints": failures}
        print(
            json.dumps(
                {"cascades": cascades_data(spread), "ablations": ablations_data(cuts), "period": period, **causes},
                indent=2,
            )
        )
        return 0
    from rich.console import Console

    console = Console()
    if spread:
        console.print(cascades_table(spread, f"{folder.name}, {measures.covered(ds)}: who drags down whom", cuts))
    else:
        print(f"{folder.name}, {measures.covered(ds)}: no cascade.")
    console.print(
        troubles_table(found, f"{folder.name}, {period}: what failures and time come from, and how busy it was")
    )
    if sum(one.failures for one in found):
        console.print(endpoints_table(failures, "What the failed requests come from"))
    else:
        print("No request failed.")
    return 0


def _period(arguments: argparse.Namespace, ds: xr.Dataset) -> tuple[str, NDArray[np.bool_]]:
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
