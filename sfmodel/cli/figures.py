"""Measure what the platform is known to do on a run: each row with its range, met or not, and where it is from.

Rows are YAML, in conf/rows/<platform>.yaml (your own ./conf before the package's) or in a file of yours: an id, a
title, a measure, a period, a range, a unit and a source. A measure is arithmetic over functions of things:
mean(endpoint[web.get]), share(call['web.*>shop.search'], timeout), rate(users_requests - users_retries).
`sfmodel list measures` has all functions. The exit status is 1 if a row is not met or cannot be measured on this run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.which_run import add_run_argument, folder_of
from sfmodel.errors import ConfigError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.rows import Row, Rows


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    parser.add_argument("--rows", type=Path, metavar="FILE", help="rows of your own (default: those of the platform)")
    parser.add_argument("--only", action="append", metavar="ID", help="only these rows: P4, N*; may be repeated")
    parser.add_argument("--json", action="store_true", help="print what was measured as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from sfmodel.paths import read_requests
    from sfmodel.results.folder import open_run
    from sfmodel.rows import measure_rows, read_rows
    from sfmodel.rows.table import rows_data, rows_table, verdict

    folder = folder_of(arguments)
    ds = open_run(folder)
    rows = read_rows(arguments.rows or _rows_file(ds))
    measured = measure_rows(ds, rows, _chosen(rows, arguments.only), read_requests(folder, ds))
    if arguments.json:
        print(json.dumps(rows_data(measured), indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        Console().print(rows_table(measured, folder.name))
        print(verdict(measured))
    return 0 if all(one.met for one in measured.values()) else 1


def _rows_file(ds: xr.Dataset) -> Path:
    from sfmodel.rows.files import file_of

    path = file_of("rows", ds)
    if path is None:
        name = ds.attrs.get("platform")
        raise ConfigError(
            f"there are no rows for platform '{name}': write conf/rows/{name}.yaml, or name them with --rows"
        )
    return path


def _chosen(rows: Rows, only: list[str] | None) -> tuple[Row, ...]:
    if not only:
        return rows.every
    for pattern in only:
        if not rows.only([pattern]):
            raise ConfigError(
                f"--only: there is no row '{pattern}'; {nearest(pattern, [row.id for row in rows.every])}"
            )
    return rows.only(only)
