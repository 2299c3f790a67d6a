"""Utilisation, saturation and errors of each station (USE), and rate, errors and duration of each service (RED), by window.

USE is Gregg's ("Thinking Methodically about Performance", ACM Queue 10(12), 2012), RED Wilkie's ("The RED Method", 2018). All
replicas of a station are taken together. A window's worst is the one with most waiting, or the busiest where nobody waits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.scene import places, service_of
from sfmodel.errors import NotInRunError
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]
_STATION = (
    "station_busy", "station_queue", "station_queue_max", "station_servers", "station_rejected", "station_expired",
)  # fmt: skip


@dataclass(frozen=True)
class StationUse:
    """One station over a period, and in each of its windows; what it cannot have is NaN."""

    station: str
    utilisation: float
    """Share of the servers' time in use; NaN where they are unlimited."""
    highest_utilisation: float
    """That of its busiest window, among those that begin and end with as many servers; NaN where there is none."""
    waiting: float
    """Mean number waiting."""
    saturated: float
    """Share of the windows in which somebody waited or was turned away."""
    refused: int
    """Tasks turned away by a full queue, or by who guards it."""
    gave_up: int
    """Tasks that left the queue since their patience or deadline had passed."""
    worst_s: float
    """Begin of its worst window, s since midnight of day 1."""
    time_s: Series
    """Begin of each window of the period, s since midnight of day 1; all series have shape [time]."""
    utilisation_in: Series
    waiting_in: Series
    refused_in: Series
    gave_up_in: Series


@dataclass(frozen=True)
class ServiceRed:
    """One service over a period, all its endpoints together, and in each of its windows; what it cannot have is NaN."""

    service: str
    rate: float
    """Tasks that ended, 1/s."""
    failing: float
    """Share of them that failed, but for those that their caller cancelled."""
    timed_out: int
    """Calls to it that its callers gave up at their timeout."""
    mean_s: float
    p95_s: float
    worst_s: float
    """Begin of the window in which most failed, or, where none did, the slowest; s since midnight of day 1."""
    time_s: Series
    """Begin of each window of the period, s since midnight of day 1; all series have shape [time]."""
    rate_in: Series
    failing_in: Series
    timed_out_in: Series
    mean_s_in: Series


def stations_use(ds: xr.Dataset, windows: NDArray[np.bool_] | None = None) -> list[StationUse]:
    """Utilisation, saturation and errors of every station, in the order of the dataset.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    windows
        Windows of the period, shape [time]; none: all.

    Raises
    ------
    NotInRunError
        The run lacks a meter: it was made by an older version.
    """
    if "station" not in ds.coords:
        return []
    _needs(ds, _STATION)
    period = ds if windows is None else ds.isel(time=np.flatnonzero(windows))
    values = {name: period[name].values.astype(float) for name in _STATION}
    names = [str(label).partition("#")[0] for label in ds["station"].values]
    servers = ds["station_servers"].values
    settled = np.concatenate((np.ones((min(1, len(servers)), len(names)), bool), servers[1:] == servers[:-1]))
    settled = settled if windows is None else settled[windows]
    width_s, time_s = period["width"].values.astype(float), period["time"].values.astype(float)
    return [
        _station(
            name,
            {key: found[:, own] for key, found in values.items()},
            np.all(settled[:, own], axis=1),
            width_s,
            time_s,
        )
        for name in dict.fromkeys(names)
        for own in [places(names, name)]
    ]


def services_red(ds: xr.Dataset, windows: NDArray[np.bool_] | None = None) -> list[ServiceRed]:
    """Rate, errors and duration of every service, in the order of the dataset; raises as `stations_use` does."""
    if "endpoint" not in ds.coords:
        return []
    _needs(ds, ("endpoint_outcomes", "endpoint_time", "endpoint_latency"))
    chosen = np.ones(ds.sizes["time"], bool) if windows is None else windows
    period = ds.isel(time=np.flatnonzero(chosen))
    owner = [service_of(str(label)) for label in ds["endpoint"].values]
    latency = measures.fold(ds, chosen, ("endpoint_latency",))["endpoint_latency"]
    outcomes, seconds = period["endpoint_outcomes"], period["endpoint_time"].values.astype(float)
    every = outcomes.sum("outcome").values.astype(float)
    counted = every - outcomes.sel(outcome="cancelled").values
    failed = counted - outcomes.sel(outcome="ok").values
    timed_out = _timed_out(period)
    width_s, time_s = period["width"].values.astype(float), period["time"].values.astype(float)
    found = []
    for name in dict.fromkeys(owner):
        own = places(owner, name)
        ended, count, bad, spent = (array[:, own].sum(axis=1) for array in (every, counted, failed, seconds))
        late = timed_out.get(name, np.zeros(len(time_s)))
        failing_in, mean_in = _ratio(bad, count), _ratio(spent, ended)
        found.append(ServiceRed(
            name, _whole(ended, width_s), _whole(bad, count), int(late.sum()), _whole(spent, ended),
            float(measures.quantile(latency.isel(endpoint=own).sum("endpoint"), 0.95)),
            _worst(time_s, failing_in if bad.any() else mean_in), time_s, _ratio(ended, width_s), failing_in, late, mean_in,
        ))  # fmt: skip
    return found


def _station(
    name: str, own: dict[str, Series], settled: NDArray[np.bool_], width_s: Series, time_s: Series
) -> StationUse:
    busy, queue, refused, gave_up = (
        own[f"station_{what}"].sum(axis=1) for what in ("busy", "queue", "rejected", "expired")
    )
    capacity = own["station_servers"].sum(axis=1) * width_s
    capacity = np.where(np.isfinite(capacity), capacity, 0.0)
    utilisation, waiting = _ratio(busy, capacity), _ratio(queue, width_s)
    queued = (own["station_queue_max"].max(axis=1, initial=0.0) > 0) | (queue > 0)
    saturated = queued | (refused > 0) | (gave_up > 0)
    known = capacity > 0
    highest = float(utilisation[known & settled].max()) if (known & settled).any() else math.nan
    return StationUse(
        name, _whole(busy[known], capacity[known]), highest,
        _whole(queue, width_s), float(saturated.mean()) if len(time_s) else math.nan, int(refused.sum()), int(gave_up.sum()),
        _worst(time_s, waiting if queue.any() else utilisation), time_s, utilisation, waiting, refused, gave_up,
    )  # fmt: skip


def _timed_out(period: xr.Dataset) -> dict[str, Series]:
    """Calls that timed out in each window, by the service that is called."""
    if "edge_to" not in period or "call_timeouts" not in period:
        return {}
    owner = [service_of(str(label)) for label in period["edge_to"].values]
    timeouts = period["call_timeouts"].values.astype(float)
    return {name: timeouts[:, places(owner, name)].sum(axis=1) for name in dict.fromkeys(owner)}


def _worst(time_s: Series, series: Series) -> float:
    known = np.flatnonzero(~np.isnan(series))
    return float(time_s[known[np.argmax(series[known])]]) if known.size else math.nan


def _needs(ds: xr.Dataset, names: Sequence[str]) -> None:
    lacking = [name for name in names if name not in ds]
    if lacking:
        raise NotInRunError(f"this run has no {lacking[0]}: it was made by an older version; make it again")


def _whole(part: Series, whole: Series) -> float:
    return float(part.sum() / whole.sum()) if whole.sum() > 0 else math.nan


def _ratio(part: Series, whole: Series) -> Series:
    return np.divide(part, whole, out=np.full(len(part), math.nan), where=whole > 0)
