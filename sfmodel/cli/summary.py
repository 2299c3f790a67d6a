"""Print the headline figures of a run: of the whole run, of its normal and peak hours, of each class of requests."""

from __future__ import annotations

import argparse
import json

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    parser.add_argument("--json", action="store_true", help="print summary.json itself")


def execute(arguments: argparse.Namespace) -> int:
    """Print the figures that were written with the run; measure them again where they cannot be read."""
    from sfmodel.results.folder import check_run, open_run
    from sfmodel.results.summary import classes_table, notes, read_summary, summarise, summary_table

    folder = folder_of(arguments)
    check_run(folder)
    summary = read_summary(folder) or summarise(open_run(folder))
    if arguments.json:
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        return 0
    from rich.console import Console

    console = Console()
    console.print(summary_table(summary, folder.name, console.width))
    for note in notes(summary):
        print(note)
    classes = classes_table(summary)
    if classes is not None:
        console.print(classes)
    data = summary["run"].get("digest")
    print(f"in {folder}" + (f", data sha256 {data}" if data else ""))
    return 0
