"""Where the tables of the command line go."""

from __future__ import annotations

import os

from rich.console import Console

PIPED = 160
"""Columns where there is no terminal that says how many it has."""


def stdout() -> Console:
    """Standard output: as wide as the terminal, or as COLUMNS says; in a pipe or file wide enough for every table."""
    console = Console()
    return console if console.is_terminal or os.environ.get("COLUMNS") else Console(width=PIPED)
