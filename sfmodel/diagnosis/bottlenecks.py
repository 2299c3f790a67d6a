"""What a little more of each resource would change: the same hours with the same seeds, and that resource 1, 3, 10 % larger.

Runs go on from a world that they have in common, some time before the hours that are measured. Effects are paired by seed.
Of each figure the chance of an effect is judged over all runs together, as `sfmodel decide` does.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sfmodel.diagnosis.candidates import Candidate
from sfmodel.diagnosis.variants import variants
from sfmodel.errors import NotInRunError
from sfmodel.results import measures
from sfmodel.results.intervals import Interval
from sfmodel.sweeps.selection import contest

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

FACTORS = (1.01, 1.03, 1.10)
SETTLING_S = 900.0
"""From the change to what is measured, if the run has so much before."""
FOLDER = "bottlenecks"
"""Where the runs are, below the run's folder."""
FIGURES = ("failing", "p95")
"""What is measured: the share that fails, the 95 % quantile of the response time, s."""

Change = tuple[Candidate, float]
"""A resource, and how many times as much there is of it."""


@dataclass(frozen=True)
class Counterfactual:
    """What so much more of a resource changes."""

    candidate: Candidate
    factor: float
    """How many times as much there is, the least that is possible above what was asked for."""
    effects: Mapping[str, Interval]
    """Difference of each figure of `FIGURES`; its half is NaN where nothing is known of chance."""


def largest(found: Sequence[Counterfactual], resource: str) -> Counterfactual:
    """The one with most of a resource, by which it is ranked."""
    return max((one for one in found if one.candidate.name == resource), key=lambda one: one.factor)


class Counterfactuals:
    """The runs of some resources, factors and seeds, and what they show.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    windows
        The hours that are measured, shape [time].
    found
        What may be a bottleneck.
    factors
        How many times as much there is of each.
    seeds
        So many, from the run's on.
    endpoints
        What is measured, together; none: everything that enters the platform.
    """

    def __init__(
        self, ds: xr.Dataset, windows: NDArray[np.bool_], found: Sequence[Candidate], factors: Sequence[float],
        seeds: int, endpoints: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Run nothing yet."""
        self._ds, self._found = ds, list(found)
        self._endpoints = list(endpoints) or measures.roots(ds)
        if not windows.any():
            raise NotInRunError(
                "the run has no windows, so there is nothing to measure; run it for longer than one window"
            )
        first, last = np.flatnonzero(windows)[[0, -1]]
        time_s = ds["time"].values.astype(float)
        self._measured_s, self._until_s = time_s[windows], float(time_s[last] + ds["width"].values[last])
        self._at_s = max(float(time_s[0]), float(time_s[first]) - SETTLING_S)
        self._seeds = [int(ds.attrs["seed"]) + k for k in range(seeds)]
        wanted = ((one, one.possible(factor)) for one in found for factor in factors)
        self._changes: list[Change] = list(dict.fromkeys(wanted))

    @property
    def runs(self) -> dict[str, dict[str, Any]]:
        """Configuration of each run, by its name; the run itself is not made again."""
        wanted = [(change, seed) for change in (None, *self._changes) for seed in self._seeds]
        return {_name(change, seed): self._mapping(change, seed) for change, seed in wanted[1:]}

    def made(self, folder: Path, processes: int | None = None) -> list[Counterfactual]:
        """Make the runs and judge them; raises as `variants` does."""
        return self.judged(variants(self.runs, folder / FOLDER, processes))

    def judged(self, runs: Mapping[str, xr.Dataset]) -> list[Counterfactual]:
        """What the runs show, by their names; the resource first of whose most each per cent changes failures most, then p95."""
        first = _name(None, self._seeds[0])
        figures = {name: self._figures(ds) for name, ds in {first: self._ds, **runs}.items()}
        changes = [None, *self._changes]
        seen = {
            figure: {
                (_name(change), seed): figures[_name(change, seed)][figure]
                for change in changes
                for seed in self._seeds
            }
            for figure in FIGURES
        }
        contests = {
            figure: contest(values, [_name(change) for change in changes], more_is_better=False)
            for figure, values in seen.items()
        }
        found = [
            Counterfactual(one, factor, {figure: contests[figure].size(_name((one, factor))) for figure in FIGURES})
            for one, factor in self._changes
        ]
        return sorted(found, key=lambda one: (self._rank(one, found), one.factor))

    def _rank(self, one: Counterfactual, found: Sequence[Counterfactual]) -> tuple[float, ...]:
        most = largest(found, one.candidate.name)
        known = [most.effects[figure] for figure in ("failing", "p95")]
        means = [effect.mean / (most.factor - 1) for effect in known]
        sure = [mean if abs(effect.mean) > effect.half else 0.0 for mean, effect in zip(means, known, strict=True)]
        return (*sure, *means, float(self._found.index(one.candidate)))

    def _mapping(self, change: Change | None, seed: int) -> dict[str, Any]:
        config = copy.deepcopy(self._ds.attrs["config"])
        scenario = dict(config.get("scenario") or {})
        if change is not None:
            candidate, factor = change
            # acts last: what the scenario sets meanwhile is made larger, too
            scenario["events"] = [*(scenario.get("events") or []), candidate.event(factor, self._at_s)]
        return {
            **config, "scenario": scenario, "seed": seed, "replications": 1, "trace": {"one_in": 0},
            "forks": [f"{self._at_s} s"], "until": f"{self._until_s} s",
        }  # fmt: skip

    def _figures(self, ds: xr.Dataset) -> dict[str, float]:
        """Figures of the hours that are measured."""
        windows = np.isin(np.round(ds["time"].values, 6), np.round(self._measured_s, 6))
        period = measures.fold(ds, windows, ("endpoint_latency", "endpoint_outcomes")).sel(endpoint=self._endpoints)
        ended = period["endpoint_outcomes"].sum("endpoint")
        if not ended.sum():
            raise NotInRunError(
                f"nothing ended at {', '.join(self._endpoints)} in these hours; give --endpoint, or others"
            )
        return {
            "p95": float(measures.quantile(period["endpoint_latency"].sum("endpoint"), 0.95)),
            "failing": float(1 - ended.sel(outcome="ok") / ended.sum()),
        }


def _name(change: Change | None, seed: int | None = None) -> str:
    """Name of a change, or of its run with a seed."""
    what = "as-it-is"
    if change is not None:
        candidate, factor = change
        what = re.sub(r"[^\w.]+", "-", candidate.name).strip("-") + f"-{factor:g}"
    return what if seed is None else f"{what}-seed-{seed}"
