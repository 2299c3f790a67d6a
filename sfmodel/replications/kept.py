"""Replications that an earlier call has finished before it failed or was interrupted: they are not made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfmodel.errors import RunError
from sfmodel.provenance import provenance
from sfmodel.results.folder import DATASET, RunFolder, check_run, is_finished, unfinished_runs
from sfmodel.results.replications import FOLDER


def take_over(folder: RunFolder, seeds: Sequence[int], written: Mapping[str, Any]) -> dict[int, Path]:
    """Move finished replications of the same configuration from unfinished runs into this one.

    Parameters
    ----------
    folder
        The run that is being made.
    seeds
        Seeds that are wanted.
    written
        Its configuration.

    Returns
    -------
    seed → the folder that each was in.
    """
    taken: dict[int, Path] = {}
    made_of = provenance(written)
    wanted = {seed: {"config": {**written, "seed": seed, "name": str(seed)}, **made_of} for seed in seeds}
    for earlier in unfinished_runs(folder.root):
        found = [seed for seed in seeds if seed not in taken and _fits(earlier / FOLDER / str(seed), wanted[seed])]
        (folder.path / FOLDER).mkdir(exist_ok=True)
        moved = [seed for seed in found if _moved(earlier / FOLDER / str(seed), folder.path / FOLDER / str(seed))]
        taken |= dict.fromkeys(moved, earlier)
        if moved and not any(map(is_finished, (earlier / FOLDER).glob("*"))):
            shutil.rmtree(earlier, ignore_errors=True)
    return taken


def _moved(source: Path, target: Path) -> bool:
    """Move a folder, unless another process took it meanwhile."""
    try:
        source.rename(target)
    except FileNotFoundError:
        return False
    return True


def _fits(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether a replication is finished, whole, and has these attributes."""
    if not is_finished(folder):
        return False
    try:
        check_run(folder)
        attrs = json.loads((folder / DATASET / "zarr.json").read_text(encoding="utf-8"))["attributes"]
    except (RunError, OSError):  # it is damaged, or was taken by another process meanwhile
        return False
    return all(attrs.get(key) == value for key, value in json.loads(json.dumps(wanted, default=str)).items())
