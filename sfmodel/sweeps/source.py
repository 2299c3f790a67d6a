"""Which data make a figure of a sweep: one digest of the digests of its finished runs, whatever order they ended in."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

from sfmodel.results.digest import digest_of
from sfmodel.results.folder import open_run
from sfmodel.results.summary import read_summary
from sfmodel.sweeps.record import finished_runs_of, recorded_sweep


def source_of(folder: Path) -> str:
    """Say the sweep, how many of its runs are finished, and the SHA-256 of lines `name digest` of these, sorted by name.

    Raises
    ------
    RunError
        What is recorded of the sweep is damaged.
    """
    sweep = recorded_sweep(folder)
    runs = {name: path for name, path in finished_runs_of(sweep, folder).items() if path is not None}
    lines = [f"{name} {_digest(path)}\n" for name, path in sorted(runs.items())]
    total = hashlib.sha256("".join(lines).encode()).hexdigest()
    return f"sfmodel {version('sfmodel')}, sweep {folder.name}, {len(runs)} of {len(sweep.points)} runs, data sha256 {total}"


def _digest(run: Path) -> str:
    """As its summary says; of an older run, or one whose summary cannot be read, that of its data."""
    written = (read_summary(run) or {}).get("run", {}).get("digest")
    return str(written or digest_of(open_run(run)))
