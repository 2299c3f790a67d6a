"""A folder of its own for what a command is about to make."""

from __future__ import annotations

import time
from pathlib import Path

from sfmodel.results.disk import disk_errors


def fresh_folder(kind: str) -> Path:
    """Make `runs/KIND-DATE-TIME`, at once, with a number where there is one: two commands may begin in the same second.

    Raises
    ------
    RunError
        The disk is full, or may not be written.
    """
    named = Path("runs") / time.strftime(f"{kind}-%Y%m%d-%H%M%S")
    with disk_errors(named):
        named.parent.mkdir(exist_ok=True)
        folder, number = named, 1
        while True:
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
                folder = named.with_name(f"{named.name}-{number}")
            else:
                return folder
