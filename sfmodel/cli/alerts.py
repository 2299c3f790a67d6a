"""Say what alerts would have said of a run, and when; write them as rules for Prometheus, the run's series as OpenMetrics.

Objectives are YAML, conf/alerts/PLATFORM.yaml, your own ./conf before the package's: a share of the answers of some endpoints
that must be good, or good within a time, and burn-rate alerts over two windows. `promtool check rules` takes the rules;
`promtool tsdb create-blocks-from openmetrics` the series.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.cli.dates import add_date_argument
from sfmodel.cli.which_run import add_replication_argument, add_run_argument, folder_of
from sfmodel.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

    from sfmodel.alerts import Objectives


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_replication_argument(parser)
    parser.add_argument("--objectives", type=Path, metavar="FILE", help="objectives of your own")
    parser.add_argument(
        "--calm", metavar="RUN", help="run whose calmest fifth says what is usual, for cascades (default: this one)"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="write the alerts as rules for Prometheus")
    parser.add_argument("--openmetrics", type=Path, metavar="FILE", help="write the run's series as OpenMetrics text")
    parser.add_argument(
        "--every", help="time between two values of a series (default: half of the shortest window of an alert)"
    )
    add_date_argument(parser, "with --openmetrics")
    parser.add_argument("--json", action="store_true", help="print the alerts as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Print, and write what is asked for."""
    from sfmodel.alerts import alarms, evaluable, read_objectives
    from sfmodel.alerts.cascading import watch
    from sfmodel.alerts.over_seeds import detections
    from sfmodel.alerts.prometheus import rules
    from sfmodel.alerts.table import alarms_data, alarms_table, detections_data, detections_table
    from sfmodel.results.folder import find_run, open_run
    from sfmodel.results.measures import covered, run_end_s
    from sfmodel.results.replications import is_replicated, replication, seeds_of
    from sfmodel.rows.bands import first_trigger_s
    from sfmodel.stories.pair import has_scenario

    folder = folder_of(arguments)
    every = open_run(folder)
    objectives = read_objectives(arguments.objectives or objectives_file(str(every.attrs.get("platform"))))
    ds = replication(every, arguments.replication)
    calm = _usual(ds, find_run(arguments.calm, arguments.runs)) if arguments.calm else None
    trigger_s = first_trigger_s(ds) if has_scenario(ds.attrs) else None
    title = f"{folder.name}, {covered(ds)}: what alerts say"
    seen, left_out = evaluable(objectives, float(ds.attrs["window_s"]))
    if left_out:
        _tell(left_out)
    if is_replicated(every) and arguments.replication is None:
        seeds = seeds_of(every)
        every_alarm = [alarms(replication(every, seed), seen, calm) for seed in seeds]
        found = detections(every_alarm, seen, trigger_s, run_end_s(ds))
        _show(arguments, detections_data(found), detections_table(found, seen, f"{title} in {len(seeds)} evenings"))
    else:
        own = alarms(ds, seen, calm)
        _show(arguments, alarms_data(own, trigger_s), alarms_table(own, seen, trigger_s, title))
    if arguments.rules:
        usual = ds if calm is None else calm
        cascades = watch(usual, objectives.cascades) if objectives.cascades and usual.sizes["time"] else None
        _write_rules(rules(objectives, str(ds.attrs.get("platform")), cascades), arguments.rules)
    if arguments.openmetrics:
        _write_series(ds, objectives, arguments)
    return 0


def _usual(ds: xr.Dataset, folder: Path) -> xr.Dataset:
    """Run that says what is usual of another."""
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import replication

    calm = replication(open_run(folder))
    theirs, own = (str(one.attrs.get("platform")) for one in (calm, ds))
    if theirs != own:
        raise ConfigError(
            f"--calm: {folder.name} is a run of platform {theirs}, and this one is of {own}; give another"
        )
    if not calm.sizes["time"] or not calm["endpoint_arrivals"].values.any():
        raise ConfigError(
            f"--calm: nothing arrives in {folder.name}, so that it does not say what is usual; give another"
        )
    return calm


def objectives_file(platform: str) -> Path:
    """Return conf/alerts/PLATFORM.yaml, the user's own before the package's.

    Raises
    ------
    ConfigError
        There is none.
    """
    from sfmodel.rows.files import named_files

    path = named_files("alerts").get(platform)
    if path is None:
        raise ConfigError(
            f"there are no objectives for platform '{platform}': write conf/alerts/{platform}.yaml, or name a file with "
            "--objectives"
        )
    return path


def _show(arguments: argparse.Namespace, data: list[dict[str, Any]], table: Table) -> None:
    if arguments.json:
        print(json.dumps(data, indent=2))
        return
    from sfmodel.console import stdout

    stdout().print(table)


def _write_rules(rules: dict[str, Any], path: Path) -> None:
    import yaml  # type: ignore[import-untyped]

    from sfmodel.results.disk import disk_errors

    with disk_errors(path.parent, "another file"):
        path.write_text(yaml.safe_dump(rules, sort_keys=False, width=120), encoding="utf-8")
    _tell(f"{path} written: promtool check rules {path}")


def _write_series(ds: xr.Dataset, objectives: Objectives, arguments: argparse.Namespace) -> None:
    from sfmodel.alerts.openmetrics import write_openmetrics
    from sfmodel.results.disk import disk_errors
    from sfmodel.results.measures import coarsen
    from sfmodel.schema.quantities import to_duration_s

    if not ds.sizes["time"]:
        raise ConfigError("--openmetrics: the run has measured nothing, so there are no series")
    try:
        asked_s = to_duration_s(arguments.every) if arguments.every else min([60.0, *objectives.windows_s[:1]]) / 2
        every_s = max(asked_s, float(ds.attrs["window_s"]))
    except ValueError as error:
        raise ConfigError(f"--every: {error}") from None
    limits_s = [one.within for one in objectives.objectives if one.within is not None]
    path = arguments.openmetrics
    with disk_errors(path.parent, "another file"), path.open("w", encoding="utf-8") as file:
        write_openmetrics(coarsen(ds, every_s), file, arguments.date or date(1970, 1, 1), limits_s)
    _tell(f"{path} written: promtool tsdb create-blocks-from openmetrics {path} FOLDER")


def _tell(line: str) -> None:
    import sys

    print(line, file=sys.stderr)
