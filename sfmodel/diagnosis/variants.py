"""Runs that are a run under diagnosis but for one thing: so many at a time, kept in its folder, and made once."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfmodel.errors import RunError
from sfmodel.provenance import provenance
from sfmodel.replications.until import made_until
from sfmodel.results.folder import is_finished, open_run

if TYPE_CHECKING:
    import xarray as xr


def variants(
    mappings: Mapping[str, Mapping[str, Any]], root: Path, processes: int | None = None
) -> dict[str, xr.Dataset]:
    """Make the runs that are not there yet; datasets of all, under the names of their configurations.

    Parameters
    ----------
    mappings
        Configuration of each, by a name; the folder's has behind it what says of which code and configuration it is.
    root
        Where they are kept.
    processes
        Runs at a time; none: as many as there are cores and memory for.

    Raises
    ------
    RunError
        A run failed; the others are kept.
    """
    wanted = {name: {**mapping, "name": f"{name}-{mark_of(mapping)}"} for name, mapping in mappings.items()}
    folders = {name: root / str(mapping["name"]) for name, mapping in wanted.items()}
    missing = {name: mapping for name, mapping in wanted.items() if not is_finished(folders[name])}
    if missing:
        _make(missing, root, processes)
    return {name: open_run(folder) for name, folder in folders.items()}


def mark_of(mapping: Mapping[str, Any]) -> str:
    """Say of which code, data and configuration a run is, in eight digits."""
    from sfmodel.running import checked

    written = {key: value for key, value in checked(mapping).written.items() if key != "name"}
    made_of = json.dumps([written, provenance(written)], sort_keys=True, default=str)
    return hashlib.sha256(made_of.encode()).hexdigest()[:8]


def _make(missing: Mapping[str, Mapping[str, Any]], root: Path, processes: int | None) -> None:
    from rich.console import Console
    from rich.progress import Progress

    names, failed = list(missing), list[str]()
    with Progress(console=Console(stderr=True), transient=True) as bars:
        tasks = [bars.add_task(name, total=1.0) for name in names]

        def report_of(k: int) -> Callable[[float, str], None]:
            return lambda share, state: bars.update(tasks[k], completed=share)

        mappings, reports = dict(enumerate(missing.values())), {k: report_of(k) for k in range(len(names))}
        for k, reason in made_until(mappings, root, processes, math.inf, bars.console.print, reports):
            bars.update(tasks[k], completed=1.0)
            if reason is not None:
                failed.append(f"{names[k]}: {reason}")
    if failed:
        raise RunError("\n".join(failed))
