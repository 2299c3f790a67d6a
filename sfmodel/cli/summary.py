"""Print the headline figures of a run: of the whole run, of its normal and peak hours, of each class of requests."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sfmodel.cli.which_run import add_run_argument, folder_of
from sfmodel.errors import ConfigError, RunError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    parser.add_argument("--json", action="store_true", help="print summary.json itself")
    parser.add_argument(
        "--verify", action="store_true", help="compute the digest of the data again; exit status 1 if it is another one"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the figures that were written with the run; measure them again where they cannot be read."""
    from sfmodel.results.folder import check_run, open_run
    from sfmodel.results.summary import classes_table, notes, read_summary, summarise, summary_table

    folder = folder_of(arguments)
    check_run(folder)
    if arguments.verify and arguments.json:
        raise ConfigError(
            "summary: --verify says whether the digest is right, --json prints what was written; give one of them"
        )
    summary = read_summary(folder) or summarise(open_run(folder))
    if arguments.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        return 0
    from sfmodel.console import stdout

    console = stdout()
    console.print(summary_table(summary, folder.name, console.width))
    for note in notes(summary):
        print(note)
    classes = classes_table(summary)
    if classes is not None:
        console.print(classes)
    data = _verified(folder) if arguments.verify else summary["run"].get("digest")
    print(f"in {folder}" + (f", data sha256 {data}" if data else "") + (", computed again" if arguments.verify else ""))
    return 0


def _verified(folder: Path) -> str:
    """The digest of what is there, which is the one that was written with it."""
    from sfmodel.results.digest import digest
    from sfmodel.results.folder import open_run

    ds = open_run(folder)
    found, written = digest(ds), ds.attrs.get("digest")
    if written is None:
        raise RunError(
            f"{folder}: no digest was written with this run, which an older version made; that of its data is {found}"
        )
    if found != written:
        raise RunError(
            f"{folder}: the data are not those that were written: their digest is {found}, with them stands {written}. The "
            "files were changed or damaged; make the run again"
        )
    return found
