"""Say where time goes: how busy and how full each station is, what requests wait for, and what held workers do meanwhile.

Utilisation, saturation and errors of the stations; rate, errors and duration of the services; whether the run's meters agree
with each other, by the operational laws; along the critical path of the requests that were traced, which service took the time,
and how; and what the holders of a station do while they hold it. The exit status is 1 where a law is violated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.cli.period import add_period_arguments, period_of
from sfmodel.cli.which_run import add_replication_argument, add_run_argument, folder_of, replication_of
from sfmodel.errors import ConfigError, RunError, RunNotFoundError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.diagnosis.timelines import Traces


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    add_period_arguments(parser)
    parser.add_argument(
        "--endpoint", metavar="NAME", help="all that the time of requests to this service.endpoint goes to"
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was found as JSON, with a series for each window"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Divide the time and print it."""
    from sfmodel.diagnosis import profile_tables as tables
    from sfmodel.diagnosis.critical_path import paths_of
    from sfmodel.diagnosis.held_time import held_of
    from sfmodel.diagnosis.laws import operational_laws
    from sfmodel.diagnosis.use_red import services_red, stations_use
    from sfmodel.diagnosis.waits import Waits
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import replication

    folder = folder_of(arguments)
    ds = replication(open_run(folder), arguments.replication)
    period, windows = period_of(arguments, ds)
    _check_endpoint(arguments.endpoint, ds)
    traces, missing = _traces(replication_of(folder, arguments.replication), ds)
    stations, services, laws = stations_use(ds, windows), services_red(ds, windows), operational_laws(ds, traces)
    paths, held = [], []
    if traces is not None:
        waits = Waits(ds, traces.scripts)
        paths, held = paths_of(traces, waits, ds, windows), held_of(traces, waits, ds, windows)
        missing = missing or _none_there(paths, arguments.endpoint, period)
    if arguments.json:
        found: dict[str, Any] = {
            "period": period, "stations": tables.stations_data(stations), "services": tables.services_data(services),
            "laws": tables.laws_data(laws), "critical_path": tables.paths_data(paths), "held": tables.held_data(held),
            "missing": missing,
        }  # fmt: skip
        print(json.dumps(found, indent=2))
    else:
        from sfmodel.console import stdout

        console, where = stdout(), f"{folder.name}, {period}"
        if stations:
            console.print(tables.stations_table(stations, f"{where}: utilisation, saturation, errors"))
        console.print(tables.services_table(services, "Rate, errors, duration"))
        if laws:
            console.print(tables.laws_table(laws, "Operational laws"))
        print(f"{tables.laws_sentence(laws)}\n")
        if missing:
            print(f"What requests and held workers wait for is not known: {missing}.")
        else:
            console.print(tables.paths_table(paths, "Where the time of requests goes", arguments.endpoint))
            if held:
                console.print(tables.held_table(held, "What held workers do"))
    if not all(one.holds for one in laws):
        said = tables.laws_sentence(laws).rstrip(".")
        raise RunError(
            f"{folder.name}: {said[:1].lower()}{said[1:]}. The data were "
            "changed, or tasks never end: do not rely on them before it is known why."
        )
    return 0


def _traces(folder: Path, ds: xr.Dataset) -> tuple[Traces | None, str]:
    """The traced requests of a run; none, and why."""
    from sfmodel.diagnosis.scripts import scripts_of
    from sfmodel.diagnosis.timelines import Traces
    from sfmodel.paths.requests import read_spans

    try:
        return Traces(read_spans(folder), scripts_of(ds)), ""
    except RunNotFoundError as error:
        return None, str(error)


def _none_there(paths: Any, endpoint: str | None, period: str) -> str:
    """Why there is nothing to divide, if there is nothing."""
    if not paths:
        return f"no request that was traced begins in {period}; trace more, with a smaller trace.one_in, or name other hours"
    if endpoint is not None and endpoint not in [one.endpoint for one in paths]:
        found = nearest(endpoint, [one.endpoint for one in paths])
        return f"no request to {endpoint} that was traced begins in {period}; {found}"
    return ""


def _check_endpoint(name: str | None, ds: xr.Dataset) -> None:
    endpoints = [str(label) for label in ds["endpoint"].values] if "endpoint" in ds.coords else []
    if name is not None and name not in endpoints:
        raise ConfigError(f"profile: --endpoint: there is no endpoint '{name}'; {nearest(name, endpoints)}")
