"""Draw the curves of a run as PNG or SVG."""

from __future__ import annotations

import argparse
from pathlib import Path

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_run_argument(parser)
    parser.add_argument("-o", "--output", type=Path, help="folder for the figures (default: figures/ in the run's)")
    parser.add_argument("--format", choices=("png", "svg"), default="png", help="file format (default: png)")


def execute(arguments: argparse.Namespace) -> int:
    """Write the figures and name them."""
    from sfmodel.figures import plot_run
    from sfmodel.results.folder import FIGURES, open_run

    folder = folder_of(arguments)
    for path in plot_run(open_run(folder), arguments.output or folder / FIGURES, arguments.format):
        print(path)
    return 0
