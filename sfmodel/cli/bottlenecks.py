"""Say what more of each resource would change: the same hours, the same seeds, and that resource 1, 3 and 10 % larger.

Stations are made faster, those that are held get more servers, limiters let more through. Ranked by the change in failures,
then in p95, beside how busy each is: the two rankings differ. What may be chance is in parentheses.
"""

from __future__ import annotations

import argparse
import json

from sfmodel.cli.numbers import positive
from sfmodel.cli.period import add_period_arguments, period_of
from sfmodel.cli.which_run import add_run_argument, folder_of
from sfmodel.errors import ConfigError, nearest

MOST = 1000.0
"""Largest factor."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_period_arguments(parser)
    parser.add_argument("--of", metavar="NAMES", help="stations and limiters, comma-separated (default: see --most)")
    parser.add_argument(
        "--most", type=positive, default=6, metavar="N",
        help="so many of those that are busiest or that most comes from (default: 6)",
    )  # fmt: skip
    parser.add_argument("--factors", default="1.1", metavar="F,F", help="how many times as much (default: 1.1)")
    parser.add_argument("--seeds", type=positive, default=2, metavar="N", help="seeds, from the run's on (default: 2)")
    parser.add_argument(
        "--endpoint", metavar="NAME", help="what is measured (default: everything that enters the platform)"
    )
    parser.add_argument(
        "--processes", type=positive, metavar="N", help="runs at a time (default: as many as there are cores)"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Make the runs, rank what they show and print it."""
    from sfmodel.diagnosis import troubles
    from sfmodel.diagnosis.bottleneck_table import bottlenecks_data, bottlenecks_table
    from sfmodel.diagnosis.bottlenecks import FOLDER, Counterfactuals
    from sfmodel.diagnosis.candidates import candidates, named
    from sfmodel.diagnosis.kept import keep
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import replication
    from sfmodel.running import checked

    folder = folder_of(arguments)
    ds = replication(open_run(folder), None)
    period, windows = period_of(arguments, ds)
    run, found = checked({**ds.attrs["config"], "replications": 1}), troubles(ds, windows)
    chosen = named(run, found, _names(arguments.of)) if arguments.of else candidates(run, found, arguments.most)
    if arguments.endpoint is not None and arguments.endpoint not in ds["endpoint"].values:
        raise ConfigError(
            f"--endpoint: there is no endpoint '{arguments.endpoint}'; {nearest(arguments.endpoint, ds['endpoint'].values)}"
        )
    if not chosen:
        raise ConfigError("there is no station or limiter with something to have more of in this run")
    counterfactuals = Counterfactuals(
        ds,
        windows,
        chosen,
        _factors(arguments.factors),
        arguments.seeds,
        [arguments.endpoint] if arguments.endpoint else [],
    )
    judged = counterfactuals.made(folder, arguments.processes)
    about = {"period": period, "seeds": arguments.seeds, "endpoint": arguments.endpoint}
    found_data = {**about, "bottlenecks": bottlenecks_data(judged)}
    keep(folder / FOLDER, ds, found_data)
    if arguments.json:
        print(json.dumps(found_data, indent=2))
        return 0
    from sfmodel.console import stdout

    seeds = f"{arguments.seeds} seeds" if arguments.seeds > 1 else "one seed, so that nothing is known of chance"
    title = f"{folder.name}, {period}, {seeds}: what more of a resource changes"
    stdout().print(bottlenecks_table(judged, title))
    return 0


def _factors(text: str) -> list[float]:
    try:
        found = [float(one) for one in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(1 < one <= MOST for one in found):
        raise ConfigError(f"--factors: expected numbers above 1, up to {MOST:g}, such as 1.01,1.03,1.1, found '{text}'")
    return sorted(set(found))


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
