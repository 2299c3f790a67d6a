"""The argument that names a run: a folder, a name, or `latest`."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Declare RUN and where runs are looked for."""
    parser.add_argument("run", nargs="?", default="latest", help="folder or name of a run (default: latest)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")


def folder_of(arguments: argparse.Namespace) -> Path:
    """Return the folder of the run that was asked for."""
    from sfmodel.results.folder import find_run

    return find_run(arguments.run, arguments.runs)
