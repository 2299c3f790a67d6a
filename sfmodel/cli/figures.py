"""Print the case study's figures: what each should be, what was measured, met or not."""

from __future__ import annotations

import argparse

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the table; figures that are not met are findings, not failures of the command."""
    from rich.console import Console

    from sfmodel.results.case_study import figures_table
    from sfmodel.results.folder import open_run

    Console().print(figures_table(open_run(folder_of(arguments))))
    return 0
