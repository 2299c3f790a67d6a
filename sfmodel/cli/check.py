"""Check claims on runs: each passes, fails, or is undecided.

A claim is YAML: what is said, a measure with its range as in rows (`sfmodel figures`), and where: of runs with which scenario,
interventions or values. Runs that differ by their seed are taken together: a claim passes where the 95 % interval of its mean
lies in the range, fails where it lies outside, and is undecided where it lies across an end. The exit status is 0 if all pass,
1 if one fails, 3 if none fails and one is undecided or is made of none of the runs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.errors import ConfigError, RowError, RunNotFoundError, nearest

if TYPE_CHECKING:
    from sfmodel.claims import Given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("claims", help="file of claims, or a platform's by its name")
    parser.add_argument("run", nargs="*", default=["latest"], help="runs or sweeps, folders or names (default: latest)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--json", action="store_true", help="print what was checked as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Check and print."""
    from sfmodel.claims import check, read_claims
    from sfmodel.claims.reports import claims_data, claims_table, write_junit

    path = _claims_file(arguments.claims)
    claims = read_claims(path)
    runs = [run for text in arguments.run for run in _runs(text, arguments.runs)]
    try:
        checked, unchecked = check(claims, runs)
    except RowError as error:
        raise RowError(f"{path}: {error}") from None
    if arguments.junit:
        write_junit(checked, unchecked, path.stem, arguments.junit)
    if arguments.json:
        print(json.dumps(claims_data(checked, unchecked), indent=2, ensure_ascii=False))
    else:
        from sfmodel.console import stdout

        console = stdout()
        console.print(claims_table(checked, f"{path.stem}: what is claimed"))
        if unchecked:
            print("Not checked, since none of these runs is one of which it is claimed:")
        for claim in unchecked:
            print(f"  {claim.say}")
    verdicts = {one.verdict for one in checked}
    return 1 if "fail" in verdicts else 3 if unchecked or "undecided" in verdicts else 0


def _claims_file(wanted: str) -> Path:
    from sfmodel.rows.files import named_files

    known = named_files("claims")
    path = known.get(wanted) or Path(wanted)
    if not path.is_file():
        raise ConfigError(
            f"there is no file of claims '{wanted}', and no platform with claims of that name, which stand in "
            f"conf/claims/{wanted}.yaml (docs/what-a-run-shows.md); {nearest(wanted, known)}"
        )
    return path


def _runs(text: str, root: Path) -> Iterator[Given]:
    """A run, or each finished run of a sweep."""
    from sfmodel.claims import Given
    from sfmodel.results.folder import find_run
    from sfmodel.sweeps import find_sweep, recorded_sweep
    from sfmodel.sweeps.record import finished_runs_of

    try:
        folder = find_sweep(text, root) if text != "latest" else None
    except RunNotFoundError:
        folder = None
    if folder is None:
        run = find_run(text, root)
        yield Given(run.name, run, root)
        return
    sweep = recorded_sweep(folder)
    runs = finished_runs_of(sweep, folder)
    for point in sweep.points:
        run_of_point = runs[point.name]
        if run_of_point is None:
            print(f"sfmodel: {folder.name}: {point.name} is not finished, and left out", file=sys.stderr)
        else:
            group = ",".join(f"{key}={value}" for key, value in point.values.items() if key != "seed")
            yield Given(": ".join(filter(None, (folder.name, group))), run_of_point, folder)
