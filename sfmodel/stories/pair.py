"""Find the paired run of a run: finished, of the same platform, seeds, start and demand, and without its trigger."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfmodel.results.configurations import as_changes, differing
from sfmodel.results.folder import DATASET, finished_runs
from sfmodel.results.replications import FOLDER

EVENTS = "events"
"""What a scenario without a title is called."""

_FREE = ("name", "until", "trace", "tick", "scenario", "seed")


def find_pair(folder: Path, root: Path) -> Path | None:
    """Return the newest finished run under a root that differs from a run by its scenario alone, None if there is none.

    One that goes on as long as the run comes before those that end earlier, of which the longest is returned. A run
    without a scenario has no pair.

    Parameters
    ----------
    folder
        Folder of the run that had a trigger.
    root
        Folder of all runs.
    """
    wanted = _attributes(folder)
    if not has_scenario(wanted):
        return None
    others = [other for other in reversed(finished_runs(root)) if other.resolve() != folder.resolve()]
    ends_s = {
        other: float(found.get("until_s", 0)) for other in others if _is_pair(wanted, found := _attributes(other))
    }
    until_s = float(wanted.get("until_s", 0))
    return max(ends_s, key=lambda other: min(ends_s[other], until_s), default=None)


def has_scenario(attributes: Mapping[str, Any]) -> bool:
    """Whether a run has a scenario: a file's, or events of its own without a title."""
    return bool(scenario_title(attributes))


def scenario_title(attributes: Mapping[str, Any]) -> str:
    """Title of a run's scenario, `EVENTS` of events without one; empty: it has none."""
    config = attributes.get("config")
    scenario = config.get("scenario") if isinstance(config, Mapping) else None
    return str(attributes.get("scenario") or (EVENTS if (scenario or {}).get("events") else ""))


def beyond_the_scenario(folder: Path, other: Path) -> list[str]:
    """What a run and the one that was named for its pair differ in, beside the scenario and the platform, in words."""
    one, two = (_without_scenario(_attributes(run).get("config") or {}) for run in (folder, other))
    return as_changes(differing({**one, "platform": None}, {**two, "platform": None}))


def _is_pair(run: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if has_scenario(other) or any(run.get(key) != other.get(key) for key in ("platform", "window_s")):
        return False
    if not _seeds(run) <= _seeds(other):
        return False
    one, two = (_without_scenario(found.get("config") or {}) for found in (run, other))
    sources, known = one["platform"].pop("sources"), two["platform"].pop("sources")
    return bool(one == two and known.items() <= sources.items())


def _seeds(run: Mapping[str, Any]) -> set[int]:
    """Seeds of the replications, or of the run itself."""
    return {one.get("seed") for one in run.get(FOLDER) or [run]}


def _without_scenario(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in config.items() if key not in _FREE}
    platform = dict(kept.get("platform") or {})
    return {**kept, "platform": {**platform, "sources": dict(platform.get("sources") or {})}}


def _attributes(folder: Path) -> Mapping[str, Any]:
    try:
        described = json.loads((folder / DATASET / "zarr.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    found: Mapping[str, Any] = described.get("attributes") or {}
    return found
