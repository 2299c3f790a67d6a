"""What a trigger does to an objective: how much more of what is asked is not answered well than in the run without it.

Of what arrives from the trigger's beginning on until the run ends, that is good which is answered well within it; the rest is
not, also what is never answered. Beside it stands the same share of the paired run, of the same seed. Where nothing arrives any
more though it does in the paired run, all that is asked fails before it gets there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.alerts.burning import bad_and_total
from sfmodel.alerts.objectives import Objective
from sfmodel.results.intervals import LEVEL, student_quantile

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Harm:
    """What a trigger does on one seed."""

    bad: float
    """Share of what arrives from its beginning on that is not answered well."""
    usual: float
    """The same of the paired run."""
    after: float
    """How much more than in the paired run is bad long after its end; NaN: the run does not go on so long, or nothing arrives."""

    @property
    def excess(self) -> float:
        """How much more is bad than in the paired run."""
        return self.bad - self.usual


@dataclass(frozen=True)
class Goodput:
    """What arrives, and what is answered well, in the windows of a run; every array has shape [time]."""

    time_s: Series
    """Beginning of each window, s since midnight."""
    arrived: Series
    good: Series

    def bad_from(self, from_s: float) -> float:
        """Share of what arrives from a time on that is not answered well until the run ends; NaN: nothing arrives."""
        windows = self.time_s >= from_s - 1e-6
        arrived = self.arrived[windows].sum()
        return float(1 - self.good[windows].sum() / arrived) if arrived else math.nan


def goodput(ds: xr.Dataset, objective: Objective) -> Goodput:
    """How a run of one replication meets an objective."""
    bad, total = bad_and_total(ds, objective)
    arrived = ds["endpoint_arrivals"].sel(endpoint=list(objective.endpoints)).sum("endpoint").values
    return Goodput(ds["time"].values.astype(float), arrived.astype(float), total - bad)


def harm(one: Goodput, paired: Goodput, at_s: float, after_s: float) -> Harm | None:
    """Judge a run beside its pair; none: nothing arrives in the pair, so that there is nothing to judge by.

    Parameters
    ----------
    one, paired
        Of runs with the same windows.
    at_s
        When the trigger begins, s since midnight.
    after_s
        From when on it should be over.
    """
    usual = paired.bad_from(at_s)
    if math.isnan(usual):
        return None
    return Harm(_bad(one, at_s), usual, _bad(one, after_s) - paired.bad_from(after_s))


def _bad(one: Goodput, from_s: float) -> float:
    """Share of what is asked from a time on that is not answered well: all of it, where nothing arrives any more."""
    bad = one.bad_from(from_s)
    return 1.0 if math.isnan(bad) else bad


def by_chance(excesses: Sequence[float]) -> float:
    """How much of an excess may be chance: of runs whose change is too small to do anything, by Student's t about 0."""
    squares = [excess * excess for excess in excesses]
    if not squares:
        return 0.0
    return student_quantile((1 + LEVEL) / 2, len(squares)) * math.sqrt(math.fsum(squares) / len(squares))
