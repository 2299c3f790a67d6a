"""What failures and time come from, cause by cause, beside how busy that was: the two rankings differ, and are shown together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import NotInRunError
from sfmodel.results import measures

if TYPE_CHECKING:
    import xarray as xr

_OF_STATIONS = (
    "station_busy", "station_queue", "station_servers", "station_arrivals", "station_rejected", "station_expired",
)  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """One cause over a period; numbers that the cause cannot have are NaN."""

    cause: str
    """A station (all its replicas), a limiter, a queue, a service, the network, or who asked."""
    failures: int
    """Requests that failed where they enter the platform, and come from it."""
    failure_share: float
    """Of all that failed; these add up to 1."""
    time_share: float
    """Of the time of all requests, that of those that it kept longest; these add up to 1."""
    busy: float
    """Share of the servers' time in use."""
    waiting: float
    """Mean number waiting."""
    refused: float
    """Share of those who came that were turned away, or left before their turn."""


def troubles(ds: xr.Dataset, windows: NDArray[np.bool_] | None = None) -> list[Trouble]:
    """Rank the causes of a period by the failures that come from them, then by the time.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    windows
        Windows of the period, shape [time]; none: all.

    Returns
    -------
    One for each cause of the platform, also where nothing comes from it.

    Raises
    ------
    NotInRunError
        The run has no causes: it was made by an older version, or has no endpoints.
    """
    failed, seconds = (_at_roots(ds, windows, name).sum(axis=0) for name in ("endpoint_causes", "endpoint_cause_time"))
    causes = [str(cause) for cause in ds["cause"].values]
    stations, limiters = _stations(ds, windows), _limiters(ds, windows)
    found = []
    for k, cause in enumerate(causes):
        busy, waiting, refused = stations.get(cause, (math.nan, math.nan, math.nan))
        refused = limiters.get(cause, refused)
        shares = (_share(failed[k], failed.sum()), _share(seconds[k], seconds.sum()))
        found.append(Trouble(cause, int(failed[k]), *shares, busy, waiting, refused))
    return sorted(found, key=lambda one: (-one.failures, -one.time_share))


def by_endpoint(ds: xr.Dataset, windows: NDArray[np.bool_] | None = None) -> dict[str, dict[str, int]]:
    """Failures of each endpoint where requests enter the platform, by cause, most first; raises as `troubles` does."""
    failed = _at_roots(ds, windows, "endpoint_causes")
    causes = [str(cause) for cause in ds["cause"].values]
    return {
        root: {causes[k]: int(row[k]) for k in np.argsort(-row, kind="stable") if row[k]}
        for root, row in zip(measures.roots(ds), failed, strict=True)
    }


def check_causes(ds: xr.Dataset) -> None:
    """Refuse a run that has no causes.

    Raises
    ------
    NotInRunError
        It was made by an older version, or has no endpoints.
    """
    if "endpoint_causes" not in ds:
        raise NotInRunError(
            "this run does not know what its failures come from: it was made by an older version; make it again"
        )


def _at_roots(ds: xr.Dataset, windows: NDArray[np.bool_] | None, name: str) -> NDArray[np.float64]:
    """Totals by endpoint where requests enter and by cause, shape [root, cause]."""
    check_causes(ds)
    folded = measures.fold(ds, windows, [name])[name]
    return np.asarray(folded.sel(endpoint=measures.roots(ds)).transpose("endpoint", "cause").values)


def _stations(ds: xr.Dataset, windows: NDArray[np.bool_] | None) -> Mapping[str, tuple[float, float, float]]:
    """(busy, waiting, refused) of each station, its replicas together."""
    if "station" not in ds.coords:
        return {}
    folded = measures.fold(ds, windows, _OF_STATIONS)
    names = np.array([str(label).partition("#")[0] for label in ds["station"].values])
    width = float(folded["width"])
    found = {}
    for name in dict.fromkeys(names.tolist()):
        own = folded.isel(station=np.flatnonzero(names == name)).sum("station")
        away = float(own["station_rejected"] + own["station_expired"])
        capacity = float(own["station_capacity"])
        busy = _share(float(own["station_busy"]), capacity) if math.isfinite(capacity) else math.nan
        waiting = _share(float(own["station_queue"]), width)
        found[name] = (busy, waiting, _share(away, float(own["station_arrivals"])))
    return found


def _limiters(ds: xr.Dataset, windows: NDArray[np.bool_] | None) -> Mapping[str, float]:
    """Share that each limiter refused, by its name among the causes."""
    from sfmodel.plan.index import limiter_cause

    if "limiter" not in ds.coords:
        return {}
    folded = measures.fold(ds, windows, ("limiter_refused", "limiter_passed"))
    shares = measures.refused_share(folded).values.tolist()
    return dict(zip(map(limiter_cause, map(str, ds["limiter"].values)), shares, strict=True))


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else math.nan
