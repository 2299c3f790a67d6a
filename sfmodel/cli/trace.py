"""Print a request of a run, step by step, or export all that were traced for a tracing tool.

The paths of a platform are YAML, in conf/paths/<platform>.yaml: of the requests that took one, the one nearest the
median is told in the path's own words.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.dates import add_date_argument
from sfmodel.cli.which_run import add_replication_argument, add_run_argument, folder_of, replication_of
from sfmodel.errors import ConfigError, RunNotFoundError, nearest

if TYPE_CHECKING:
    from datetime import date

    import xarray as xr

    from sfmodel.paths import RequestPath


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    from sfmodel.results.traces import PATHS

    parser.add_argument(
        "--path",
        metavar="PATH|REQUEST",
        help=f"a path of the platform, one of {', '.join(PATHS)}, or a request's identifier or its beginning "
        "(default: slow)",
    )
    parser.add_argument("--endpoint", help="only requests to this service.endpoint")
    parser.add_argument(
        "--otlp",
        type=Path,
        metavar="FILE",
        help="write spans to a new file as OpenTelemetry JSON: of all requests, of those to --endpoint, of all that took "
        "a path of the platform, or of the one request that --path names",
    )
    add_date_argument(parser, "with --otlp")


def execute(arguments: argparse.Namespace) -> int:
    """Find the request, and print or export it."""
    from sfmodel.paths import read_paths
    from sfmodel.results.folder import open_run
    from sfmodel.results.traces import (
        EPOCH,
        PATHS,
        NoSuchRequestError,
        export_traces,
        find_request,
        requests_to,
        trace_tree,
    )
    from sfmodel.rows.files import file_of

    if arguments.date is not None and arguments.otlp is None:
        raise ConfigError("trace: --date is the date of day 1 in a file; name the file with --otlp")
    folder = replication_of(folder_of(arguments), arguments.replication)
    day = arguments.date or EPOCH
    ds = open_run(folder)
    _check_endpoint(arguments.endpoint, ds)
    file = file_of("paths", ds)
    paths = read_paths(file) if file else {}
    path = paths.get(arguments.path)
    try:
        if arguments.otlp is not None and arguments.path is None:
            wanted = None if arguments.endpoint is None else requests_to(folder, arguments.endpoint)
            print(export_traces(folder, arguments.otlp, wanted, day))
            return 0
        if path is not None:
            return _told(folder, ds, path, arguments.otlp, day)
        found = find_request(folder, arguments.path, arguments.endpoint, [*paths, *PATHS])
    except NoSuchRequestError as error:
        raise RunNotFoundError(f"{error}; {_what_to_do(ds, path)}") from None
    if arguments.otlp is not None:
        print(export_traces(folder, arguments.otlp, [found], day))
        return 0
    from sfmodel.console import stdout

    stdout().print(trace_tree(folder, found), soft_wrap=True)
    return 0


def _check_endpoint(name: str | None, ds: xr.Dataset) -> None:
    endpoints = [str(label) for label in ds["endpoint"].values]
    if name is not None and name not in endpoints:
        raise ConfigError(f"trace: --endpoint: there is no endpoint '{name}'; {nearest(name, endpoints)}")


def _what_to_do(ds: xr.Dataset, path: RequestPath | None) -> str:
    """Say which requests were looked at, and how to get others."""
    from sfmodel.clock import clock
    from sfmodel.results.measures import covered, within_hours
    from sfmodel.rows.files import scenario_of

    config = ds.attrs.get("config")
    trace = config.get("trace") if isinstance(config, dict) else None
    sampled = f"one request in {trace['one_in']:,}" if trace and trace.get("one_in") else "some requests"
    looked = f"this run traced {sampled} from {covered(ds)}"
    if path is not None and path.hours is not None and not within_hours(ds, *path.hours).any():
        start, until = (clock(time_s) for time_s in path.hours)
        return f"{looked}, and the path is one of {start} to {until}: run those hours, with start={start} until={until}"
    if path is not None and path.scenario not in (None, scenario_of(ds)):
        return f"{looked}, and the path is one of scenario={path.scenario}: name a run of it"
    return f"{looked}: trace more of them, with a smaller trace.one_in, or run longer"


def _told(folder: Path, ds: xr.Dataset, path: RequestPath, output: Path | None, day: date) -> int:
    """Tell the request that stands for a path, or export all that took it."""
    from rich.text import Text

    from sfmodel.console import stdout
    from sfmodel.paths import read_requests
    from sfmodel.paths.telling import choose, tell_path
    from sfmodel.results.traces import export_traces, heading, nothing_traced, written

    requests = read_requests(folder, ds)
    if requests is None:
        raise nothing_traced(folder)
    chosen = choose(requests, path)
    if output is not None:
        print(export_traces(folder, output, chosen.every, day))
        return 0
    *steps, last = tell_path(requests, path, chosen.trace, ds)
    lines = [(path.title, "bold"), *((step, "") for step in steps), (last, "bold")]
    n = len(chosen.every)
    head = f"{heading(requests.root(chosen.trace))}; {n:,} traced request{'s' * (n > 1)} took this path"
    console = stdout()
    for line, style in [*lines, (f"{head}, median {written(chosen.median_s)}", "dim")]:
        console.print(Text(line, style=style), soft_wrap=True)
    return 0
