"""Two runs side by side: the difference of every headline figure, and whether it is more than chance.

Runs with the same seeds share all chance but what their difference causes, so their differences are taken seed by seed; the
interval of the mean difference is Student's. Where they have no two seeds in common it is Welch's interval of the
difference of two means. Of a single pair there is no interval, and nothing that could be called an effect.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.clock import clock
from sfmodel.errors import ConfigError
from sfmodel.results.configurations import as_changes, differing, in_words
from sfmodel.results.intervals import LEVEL, Interval, interval, welch
from sfmodel.results.measures import transient_s
from sfmodel.results.replications import replications, written_seeds
from sfmodel.results.summary import PERIODS, busiest, summarise
from sfmodel.results.summary_over_seeds import in_order

if TYPE_CHECKING:
    import xarray as xr

_NO_CAUSE = ("name", "seed", "until", "trace", "tick")
"""Keys of a configuration that make no difference over the same time and seeds."""


@dataclass(frozen=True)
class Effect:
    """One figure of two runs."""

    key: str
    """As in summary.json."""
    title: str
    unit: str
    """`share` is out of 1."""
    a: float
    """Mean over the seeds of the first run."""
    b: float
    """Of the second."""
    difference: Interval
    """Second less first, in the unit of the figure; its half is NaN where it is not known."""

    @property
    def is_found(self) -> bool | None:
        """Whether the difference is more than chance at this level; none: nothing can be said of one pair."""
        return self.difference.is_found

    @property
    def relative(self) -> float:
        """Difference as a share of the first; NaN where that is 0."""
        return self.difference.mean / self.a if self.a else math.nan


@dataclass(frozen=True)
class Comparison:
    """All figures of two runs over the time that both have."""

    effects: Mapping[str, list[Effect]]
    """By period: whole, normal, peak."""
    paired: list[int]
    """Seeds that both have."""
    seeds: tuple[list[int], list[int]]
    """Seeds of each."""
    begins_s: float
    """Begin of what both have, s since midnight."""
    ends_s: float
    differ_in: Mapping[str, tuple[str, str]]
    """Keys of the configuration in which they differ → the values of both, in words."""


def compare(a: xr.Dataset, b: xr.Dataset) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    a, b
        Datasets, plain or of several replications.

    Raises
    ------
    ConfigError
        They have no time in common, or other windows.
    """
    differ_in = differing(*_configurations(a, b))
    a, b, edges = _over_the_same_time(a, b)
    stations = busiest(a, b)
    every = [{seed: summarise(one, stations) for seed, one in replications(ds).items()} for ds in (a, b)]
    both = [seed for seed in every[0] if seed in every[1]]
    effects = {period: list(_effects(period, every[0], every[1], both)) for period in PERIODS}
    found = {period: some for period, some in effects.items() if some}
    return Comparison(found, both, (list(every[0]), list(every[1])), *edges, differ_in)


def _configurations(a: xr.Dataset, b: xr.Dataset) -> Iterator[dict[str, Any]]:
    """What could make a difference; of other interventions the names, since what they change is the platform."""
    names = [list(ds.attrs.get("interventions") or []) for ds in (a, b)]
    for ds, own in zip((a, b), names, strict=True):
        config = {key: value for key, value in ds.attrs.get("config", {}).items() if key not in _NO_CAUSE}
        yield (
            config
            if names[0] == names[1]
            else {"intervention": own} | {key: value for key, value in config.items() if key != "intervention"}
        )


def _over_the_same_time(a: xr.Dataset, b: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset, tuple[float, float]]:
    """Both runs in the windows that both have, without the longer of their start-up transients."""
    widths = [float(ds.attrs["window_s"]) for ds in (a, b)]
    if widths[0] != widths[1]:
        raise ConfigError(
            f"the runs have windows of {widths[0]:g} s and {widths[1]:g} s; compare runs with the same window"
        )
    common = np.intersect1d(a["time"].values, b["time"].values)
    if not common.size:
        raise ConfigError(
            "the runs have no time in common, so there is nothing to compare; compare runs of the same hours"
        )
    begins = [float(ds["time"].values[0]) + transient_s(ds) for ds in (a, b)]
    left_out_s = max(0.0, max(begins) - float(common[0]))
    cut = []
    for ds in (a, b):
        part = ds.isel(time=np.isin(ds["time"].values, common))
        part.attrs = {**ds.attrs, "transient_s": left_out_s}
        cut.append(part)
    end_s = float(common[-1]) + min(float(ds["width"].values[-1]) for ds in cut)
    return cut[0], cut[1], (float(common[0]) + left_out_s, end_s)


def _effects(
    period: str, a: Mapping[int, dict[str, Any]], b: Mapping[int, dict[str, Any]], both: list[int]
) -> Iterator[Effect]:
    """Figures that each replication of both runs shows."""
    every = [summary[period] for run in (a, b) for summary in run.values() if period in summary]
    for key in in_order(every):
        entry = next(found[key] for found in every if key in found)
        before, after = ({seed: value_of(one, period, key) for seed, one in run.items()} for run in (a, b))
        if not any(math.isnan(value) for value in (*before.values(), *after.values())):
            yield Effect(key, entry["name"].strip(), entry["unit"], *_difference(before, after, both))


def _difference(
    before: Mapping[int, float], after: Mapping[int, float], both: list[int]
) -> tuple[float, float, Interval]:
    """Both means and the difference: seed by seed, else of independent samples, else of one pair."""
    if both and (len(both) > 1 or min(len(before), len(after)) == 1):
        before, after = ({seed: run[seed] for seed in both} for run in (before, after))
        known = interval([after[seed] - before[seed] for seed in both])
    elif min(len(before), len(after)) > 1:
        known = welch(list(before.values()), list(after.values()))
    else:
        known = interval([_mean(after) - _mean(before)])
    return _mean(before), _mean(after), known


def _mean(values: Mapping[int, float]) -> float:
    return math.fsum(values.values()) / len(values)


def value_of(summary: Mapping[str, Any], period: str, key: str) -> float:
    """Return a figure of one run's summary; NaN: it is not shown. A kind of failure that is not named did not happen."""
    entry = summary.get(period, {}).get(key)
    if entry is None:
        return 0.0 if key.startswith("failed_") and period in summary else math.nan
    return math.nan if entry["value"] is None else float(entry["value"])


def said(comparison: Comparison) -> str:
    """How the intervals came about, in a sentence."""
    over = f"from {clock(comparison.begins_s)} to {clock(comparison.ends_s)}"
    n = len(comparison.paired)
    if n > 1:
        return f"Mean differences over {n} seeds that both have, {over}, ± half of their {LEVEL:.0%} intervals."
    if min(map(len, comparison.seeds)) > 1:
        sizes = " and ".join(str(len(seeds)) for seeds in comparison.seeds)
        return f"Differences of means over {sizes} seeds, {over}, ± half of their {LEVEL:.0%} intervals (Welch's)."
    return f"One pair, {over}: what is chance cannot be told from an effect; run both with replications=3 or more."


def said_to_differ(comparison: Comparison) -> str:
    """What the runs differ in, in a sentence."""
    a, b = map(written_seeds, comparison.seeds)
    chance = "" if comparison.paired else f" No seed is in both, {a} and {b}: chance differs, too."
    if not comparison.differ_in:
        return f"They differ in nothing but what chance, the end and tracing may be.{chance}"
    return f"They differ in {in_words(as_changes(comparison.differ_in))}.{chance}"
