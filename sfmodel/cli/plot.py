"""Draw the curves of a run as SVG and PNG, or in the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sfmodel.cli.which_run import add_run_argument, folder_of
from sfmodel.errors import ConfigError

if TYPE_CHECKING:
    import xarray as xr

USUAL = "peak_hours"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    from sfmodel.figures import FIGURES, FORMATS

    add_run_argument(parser)
    named = "; ".join(f"{name}: {title}" for name, title in FIGURES.items())
    parser.add_argument(
        "--figure", action="append", help=f"may be repeated; all: every one. {named} (default: {USUAL})"
    )
    parser.add_argument(
        "--format", action="append", help=f"svg, png or pdf, may be repeated (default: {' and '.join(FORMATS)})"
    )
    parser.add_argument("--terminal", action="store_true", help="draw the evening here instead, as text")
    parser.add_argument("-o", "--output", type=Path, help="folder for the files (default: figures/ in the run's)")


def execute(arguments: argparse.Namespace) -> int:
    """Draw the figures and name their files."""
    from sfmodel.figures import FORMATS, draw
    from sfmodel.results.folder import FIGURES, open_run

    folder = folder_of(arguments)
    if arguments.terminal:
        given = [name for name in ("figure", "format", "output") if getattr(arguments, name)]
        if given:
            raise ConfigError(
                f"plot: --terminal draws the evening here, and takes no --{given[0]}; leave out one of them"
            )
        return _in_terminal(open_run(folder))
    output = arguments.output or folder / FIGURES
    names = None if "all" in (arguments.figure or ()) else arguments.figure or [USUAL]
    for path in draw(open_run(folder), output, names, arguments.format or FORMATS):
        print(path)
    return 0


def _in_terminal(ds: xr.Dataset) -> int:
    """Print the panels in the width of the terminal; without colours where the output is no terminal."""
    from sfmodel.console import stdout
    from sfmodel.figures.terminal import terminal_panels

    console = stdout()
    colour = console.color_system is not None
    for panel in terminal_panels(ds, width=max(40, min(console.width, 140)), colour=colour):
        print(panel, end="\n\n")
    return 0
