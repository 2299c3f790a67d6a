"""Draw the curves of a run as SVG and PNG."""

from __future__ import annotations

import argparse
from pathlib import Path

from sfmodel.cli.which_run import add_run_argument, folder_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from sfmodel.figures import FIGURES, FORMATS

    add_run_argument(parser)
    named = "; ".join(f"{name}: {title}" for name, title in FIGURES.items())
    parser.add_argument("--figure", action="append", help=f"only this figure, may be repeated. {named}")
    parser.add_argument(
        "--format", action="append", help=f"svg, png or pdf, may be repeated (default: {' and '.join(FORMATS)})"
    )
    parser.add_argument("-o", "--output", type=Path, help="folder for the files (default: figures/ in the run's)")


def execute(arguments: argparse.Namespace) -> int:
    """Draw the figures and name their files."""
    from sfmodel.figures import FORMATS, draw
    from sfmodel.results.folder import FIGURES, open_run

    folder = folder_of(arguments)
    output = arguments.output or folder / FIGURES
    for path in draw(open_run(folder), output, arguments.figure, arguments.format or FORMATS):
        print(path)
    return 0
