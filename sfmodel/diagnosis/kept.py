"""What a diagnosis that takes runs has found, kept beside them in the run's folder: others read it, and make no runs.

With it stands of which data it was found, so that it is not taken for what is true of another replication or a later run.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.results.disk import disk_errors, write_whole

if TYPE_CHECKING:
    import xarray as xr

FOUND = "found.json"


def keep(folder: Path, ds: xr.Dataset, found: Any) -> None:
    """Write what was found in the dataset of one replication, as JSON holds it, beside the runs in a folder.

    Raises
    ------
    RunError
        The disk is full, or the folder may not be written.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FOUND, json.dumps({**_data_of(ds), "found": found}, indent=1, ensure_ascii=False))


def kept(folder: Path, ds: xr.Dataset) -> Any | None:
    """What was found last in these data; none: nothing was, or it cannot be read."""
    try:
        written = json.loads((folder / FOUND).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_of_these = isinstance(written, dict) and all(written.get(name) == one for name, one in _data_of(ds).items())
    return written.get("found") if is_of_these else None


def _data_of(ds: xr.Dataset) -> dict[str, Any]:
    """What tells the data of one replication from others: the seed, the digest and the version of the program."""
    return {name: ds.attrs.get(name) for name in ("seed", "digest", "sources")}
