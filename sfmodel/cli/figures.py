"""Measure what the platform is known to do on a run: each row with its range, met or not, and where it is from.

Rows are YAML (your own ./conf before the package's): conf/rows/<platform>.yaml, and for a run with a scenario
conf/rows/<platform>/<scenario>.yaml. A row has an id, a title, a measure, a period, a range, a unit and a source. A
measure is arithmetic over functions of things: mean(endpoint[web.get]), share(call['web.*>shop.search'], timeout),
rate(users_requests - users_retries); `sfmodel list measures` has all functions. Of a run with replications the mean over
them is judged. Rows under conf/rows that name what the run does not have are marked n/a; in a file of your own that is
a mistake. The exit status is 1 if a row is not met or cannot be measured on this run.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.which_run import add_against_argument, add_run_argument, base_of, folder_of
from sfmodel.errors import ConfigError, RunNotFoundError, nearest

if TYPE_CHECKING:
    import xarray as xr

    from sfmodel.rows import Measured, Row, Rows
    from sfmodel.rows.over_seeds import OverSeeds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    add_against_argument(parser)
    parser.add_argument(
        "--rows",
        metavar="FILE",
        help="rows of your own, or by name another file of the platform, or another platform's",
    )
    parser.add_argument("--only", action="append", metavar="ID", help="only these rows: P4, N*; may be repeated")
    parser.add_argument("--json", action="store_true", help="print what was measured as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    from sfmodel.results.folder import open_run
    from sfmodel.results.replications import is_replicated
    from sfmodel.rows import read_rows
    from sfmodel.rows.files import is_of_a_platform
    from sfmodel.rows.over_seeds import over_seeds

    folder = folder_of(arguments)
    ds = open_run(folder)
    file = _rows_file(arguments.rows, ds)
    rows = read_rows(file)
    if not rows.every:
        raise ConfigError(f"{file}: there are no rows in it; write some, such as 'rows: [{{id: A, measure: …}}]'")
    chosen = _chosen(rows, arguments.only)
    pair = _pair(arguments, folder, rows, chosen)
    base = None if pair is None else open_run(pair)
    every = list(_of_each(folder, ds, rows, chosen, base, strict=not is_of_a_platform("rows", file)))
    name = folder.name if pair is None else f"{folder.name} beside {pair.name}"
    if not is_replicated(ds):
        return _print_one(every[0], ds, name, arguments.json)
    return _print_over_seeds(over_seeds(every), ds, name, arguments.json)


def _of_each(
    folder: Path, ds: xr.Dataset, rows: Rows, chosen: tuple[Row, ...], base: xr.Dataset | None, *, strict: bool
) -> Iterator[dict[str, Measured]]:
    """What each replication shows, beside the one of the pair with its seed."""
    from sfmodel.paths import read_requests
    from sfmodel.results import replications
    from sfmodel.rows import measure_rows
    from sfmodel.stories import teller

    for seed, one in replications.replications(ds).items():
        beside = None if base is None else replications.beside(base, seed)
        requests = read_requests(replications.folder_of(folder, ds, seed), one)
        told = teller(one, beside)
        yield measure_rows(one, rows, chosen, requests=requests, base=beside, told=told, strict=strict)


def _print_one(measured: dict[str, Measured], ds: xr.Dataset, name: str, as_json: bool) -> int:
    from sfmodel.results.measures import covered
    from sfmodel.rows.table import rows_data, rows_table, verdict

    if as_json:
        print(json.dumps(rows_data(measured), indent=2, ensure_ascii=False))
    else:
        from sfmodel.console import stdout

        console = stdout()
        console.print(rows_table(measured, f"{name}, {covered(ds)}", console.width))
        console.print(verdict(measured) + _left_out(ds), markup=False, highlight=False)
    return _status(measured)


def _print_over_seeds(measured: dict[str, OverSeeds], ds: xr.Dataset, name: str, as_json: bool) -> int:
    from sfmodel.results.measures import covered
    from sfmodel.results.replications import seeds_of, written_seeds
    from sfmodel.rows.over_seeds import seeds_data, seeds_table
    from sfmodel.rows.table import verdict

    seeds, means = seeds_of(ds), {name: one.mean for name, one in measured.items()}
    if as_json:
        print(json.dumps(seeds_data(measured, seeds), indent=2, ensure_ascii=False))
    else:
        from sfmodel.console import stdout

        console = stdout()
        console.print(seeds_table(measured, f"{name}, {covered(ds)}, seeds {written_seeds(seeds)}"))
        console.print(verdict(means) + _left_out(ds), markup=False, highlight=False)
    return _status(means)


def _status(measured: dict[str, Measured]) -> int:
    from sfmodel.rows.table import judged

    return 0 if all(one.met for one in judged(measured).values()) else 1


def _left_out(ds: xr.Dataset) -> str:
    """Say that a start-up transient was left out; empty: there was none."""
    from sfmodel.results.measures import transient_s
    from sfmodel.results.summary import format_value

    length_s = transient_s(ds)
    return (
        f"\nLeft out: the start-up transient, the first {format_value(length_s, 's')} of the run." if length_s else ""
    )


def _rows_file(wanted: str | None, ds: xr.Dataset) -> Path:
    from sfmodel.rows.files import file_of, named_files, names_of, needed_file, scenario_of

    if wanted is None:
        scenario = scenario_of(ds)
        return (scenario and file_of("rows", ds, scenario)) or needed_file("rows", ds)
    path = file_of("rows", ds, wanted) or named_files("rows").get(wanted) or Path(wanted)
    if not path.is_file():
        names = [*names_of("rows", ds), *named_files("rows")]
        raise ConfigError(f"--rows: there is no file '{wanted}', and no rows of that name; {nearest(wanted, names)}")
    return path


def _pair(arguments: argparse.Namespace, folder: Path, rows: Rows, chosen: tuple[Row, ...]) -> Path | None:
    """Folder of the paired run where a row needs it; none where there is none and none was named."""
    if arguments.against is None and not any(row.measure.is_beside for row in chosen):
        return None
    if arguments.against is None and rows.beside:
        print(
            f"sfmodel: these rows are measured beside a run of the same seed, sfmodel run {shlex.join(rows.beside)}; "
            "name that run with --against; rows beside it are left out",
            file=sys.stderr,
        )
        return None
    try:
        return base_of(arguments, folder)
    except RunNotFoundError as error:
        if arguments.against is not None:
            raise
        print(f"sfmodel: {error}; rows beside it are left out", file=sys.stderr)
        return None


def _chosen(rows: Rows, only: list[str] | None) -> tuple[Row, ...]:
    if not only:
        return rows.every
    for pattern in only:
        if not rows.only([pattern]):
            raise ConfigError(
                f"--only: there is no row '{pattern}'; {nearest(pattern, [row.id for row in rows.every])}"
            )
    return rows.only(only)
