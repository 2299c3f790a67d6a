"""Replications that an earlier call has finished before it failed or was interrupted: they are not made again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sfmodel.provenance import provenance
from sfmodel.results.folder import RunFolder, is_finished, is_made_of, unfinished_runs
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
        found = [seed for seed in seeds if seed not in taken and is_made_of(earlier / FOLDER / str(seed), wanted[seed])]
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
