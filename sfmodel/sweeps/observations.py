"""What the runs of a sweep show: the headline figures of each point and seed, as its summary has them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sfmodel.errors import ConfigError, RunError
from sfmodel.results.comparison import value_of
from sfmodel.results.folder import SUMMARY
from sfmodel.results.replications import FOLDER
from sfmodel.results.summary import PERIODS
from sfmodel.sweeps.points import Point
from sfmodel.sweeps.record import finished_runs_of, recorded_sweep

SEED = "seed"

USUAL = ("response_mean", "response_p95", "failed")
"""Figures of a platform without aims."""

MOST = 5
"""Figures that are shown unless more are asked for."""


@dataclass(frozen=True)
class Observation:
    """One run of a sweep, or one replication of it."""

    values: Mapping[str, str]
    """Label of each swept parameter but the seed."""
    seed: int
    figures: Mapping[str, float]
    """Of the period, by key; NaN: not shown."""


@dataclass(frozen=True)
class Observations:
    """All runs of a sweep that are finished."""

    every: list[Observation]
    points: list[Mapping[str, str]]
    """Values of every point, as of an observation, also of those that are not finished."""
    figures: Mapping[str, tuple[str, str]]
    """Title and unit of each figure that any of them shows, by key."""
    missing: list[str]
    """Names of the points that are not finished."""
    period: str
    """Which was read."""


def observe(folder: Path, period: str | None = None) -> Observations:
    """Read what the runs of a sweep show in a period; none: peak hours if they have any, else the whole run.

    Raises
    ------
    ConfigError
        No run has that period; replications of different points are of the same seed.
    RunError
        No run is finished; a summary is damaged.
    """
    sweep = recorded_sweep(folder)
    runs = finished_runs_of(sweep, folder)
    finished = [(point, run) for point in sweep.points if (run := runs[point.name])]
    if not finished:
        raise RunError(
            f"none of the {len(sweep.points)} runs of the sweep in {folder} is finished; go on with it first"
        )
    summaries = [(point, seed, summary) for point, run in finished for seed, summary in _summaries(run)]
    chosen = period or ("peak" if all("peak" in summary for _, _, summary in summaries) else "whole")
    if not any(chosen in summary for _, _, summary in summaries):
        raise ConfigError(f"period: the runs have no '{chosen}'; there are {', '.join(_periods(summaries[0][2]))}")
    figures: dict[str, tuple[str, str]] = {}
    for _, _, summary in summaries:
        entries = summary.get(chosen, {})
        figures |= {key: (entry["name"].strip(), entry["unit"]) for key, entry in entries.items() if key not in figures}
    every = [
        Observation(_without_seed(point), seed, {key: value_of(summary, chosen, key) for key in figures})
        for point, seed, summary in summaries
    ]
    _check_once(every)
    missing = [name for name, run in runs.items() if run is None]
    return Observations(every, [_without_seed(point) for point in sweep.points], figures, missing, chosen)


def judged_by(platform: str, figures: Mapping[str, tuple[str, str]]) -> list[str]:
    """Of the figures that runs show, those that changes of a platform are judged by: its aims, where runs show any."""
    from sfmodel.aims import aims_of

    aims = [aim.id for aim in aims_of(platform).aims]
    return ([key for key in aims if key in figures] or [key for key in USUAL if key in figures])[:MOST]


def _without_seed(point: Point) -> dict[str, str]:
    return {key: label for key, label in point.values.items() if key != SEED}


def _check_once(every: Sequence[Observation]) -> None:
    """Refuse a seed that two runs of a point have: replications of seeds that are too close."""
    counts = Counter((*one.values.items(), (SEED, str(one.seed))) for one in every)
    for run, count in counts.items():
        if count > 1:
            where = ",".join(f"{key}={label}" for key, label in run)
            raise ConfigError(
                f"{where} is there {count} times, since replications go on from each seed: "
                "sweep over seeds that are at least as far apart as there are replications, or over seeds alone"
            )


def _summaries(run: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Seed and summary of each replication of a run, or of the run."""
    replications = sorted((run / FOLDER).glob("*/" + SUMMARY))
    for path in replications or [run / SUMMARY]:
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
            yield int(summary["run"].get("seed", 0)), summary
        except (OSError, ValueError, KeyError, TypeError):
            raise RunError(f"{path} cannot be read; remove {run} and go on with the sweep: it is made again") from None


def _periods(summary: Mapping[str, Any]) -> list[str]:
    return [name for name in PERIODS if name in summary]
