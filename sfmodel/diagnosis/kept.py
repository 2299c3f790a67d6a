"""What a diagnosis that takes runs has found, kept beside them in the run's folder: others read it, and make no runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sfmodel.results.disk import disk_errors, write_whole

FOUND = "found.json"


def keep(folder: Path, found: Any) -> None:
    """Write what was found, as JSON holds it, beside the runs in a folder.

    Raises
    ------
    RunError
        The disk is full, or the folder may not be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FOUND, json.dumps(found, indent=1, ensure_ascii=False))


def kept(folder: Path) -> Any | None:
    """What was found last; none: nothing was, or it cannot be read."""
    try:
        return json.loads((folder / FOUND).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
