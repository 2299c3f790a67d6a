"""When alerts fire on a run: burn rates over two windows, as Prometheus would evaluate them at the end of each window of the run.

A budget is what an objective lets fail. Over a window it burns at the share that is not good, divided by the budget. What lies
before the run is not known; until a window is full, what there is of it counts, and what an alarm has seen of it is said: with
all of it, of usual traffic, it comes later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.objectives import Alert, Objective, Objectives, unknown_endpoint
from sfmodel.errors import ConfigError
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]


def burn_alarms(ds: xr.Dataset, objectives: Objectives) -> list[Alarm]:
    """Every time that a budget burns too fast on a run, earliest first.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    objectives
        What `read_objectives` returns.

    Raises
    ------
    ConfigError
        An objective names an endpoint that the run does not have.
    """
    wrong = unknown_endpoint(objectives, [str(label) for label in ds["endpoint"].values])
    if wrong:
        raise ConfigError(wrong)
    found = []
    for one in objectives.objectives:
        bad, total = bad_and_total(ds, one)
        for alert in one.alerts:
            found += _alarms(ds, one, alert, bad, total)
    return sorted(found, key=lambda alarm: alarm.fires_s)


def bad_and_total(ds: xr.Dataset, objective: Objective) -> tuple[Series, Series]:
    """What was not good, and all that ended, in each window, shape [time]."""
    own = ds[["endpoint_outcomes", "endpoint_latency_ok"]].sel(endpoint=list(objective.endpoints)).sum("endpoint")
    total = own["endpoint_outcomes"].sum("outcome").values.astype(float)
    if objective.within is None:
        return total - own["endpoint_outcomes"].sel(outcome="ok").values, total
    histogram = own["endpoint_latency_ok"]
    share = measures.share_within(histogram, objective.within).fillna(0.0).values
    return total - share * histogram.sum("latency").values, total


def burn_rate(ds: xr.Dataset, bad: Series, total: Series, budget: float, over_s: float) -> Series:
    """Rate at which a budget was used over the time before the end of each window, shape [time]; 0 where nothing ended."""
    ends_s = (ds["time"].values + ds["width"].values).astype(float)
    first = np.searchsorted(ds["time"].values, ends_s - over_s - 1e-6)
    last = np.arange(1, len(ends_s) + 1)
    sums = [np.concatenate([[0.0], np.cumsum(series)]) for series in (bad, total)]
    used, ended = (one[last] - one[first] for one in sums)
    return np.asarray(np.divide(used, ended, out=np.zeros_like(used), where=ended > 0) / budget)


def _alarms(ds: xr.Dataset, objective: Objective, alert: Alert, bad: Series, total: Series) -> list[Alarm]:
    long, short = (burn_rate(ds, bad, total, objective.budget, over_s) for over_s in (alert.long, alert.short))
    firing = (long > alert.burn) & (short > alert.burn)
    ends_s = (ds["time"].values + ds["width"].values).astype(float)
    found = []
    for when in measures.stretches(firing):
        ends = float(ends_s[min(when.stop, len(ends_s) - 1)])
        lasts, highest = when.stop == len(ends_s), float(long[when].max())
        fires_s = float(ends_s[when.start])
        seen_s = min(alert.long, fires_s - float(ds["time"].values[0]))
        data = {"burn": alert.burn, "long_s": alert.long, "short_s": alert.short, "highest": highest, "seen_s": seen_s}
        worst = f"burn rate {highest:.3g}" + ("" if seen_s >= alert.long else f"; saw {seen_s / 60:.0f} min")
        found.append(Alarm(objective.name, alert.said, alert.said, fires_s, ends, lasts, worst, data))
    return found
