"""The series of a run as OpenMetrics text, cumulative as a service exposes them, with a time for each window.

`promtool tsdb create-blocks-from openmetrics` makes a database of it, in which rules and dashboards can be tried.
Source: OpenMetrics 1.0, https://prometheus.io/docs/specs/om/open_metrics_spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray

from sfmodel.results.variables import LATENCY_EDGES, LATENCY_RATIO

if TYPE_CHECKING:
    import xarray as xr

TASKS = "sfmodel_endpoint_tasks"
GOOD = "sfmodel_endpoint_good_seconds"
ENDED = {"endpoint": TASKS, "call": "sfmodel_calls"}
"""What ended of endpoints, and of call sites."""
SECONDS = {"endpoint": "sfmodel_endpoint_seconds", "call": "sfmodel_call_seconds"}
"""Time that it took."""
BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper ends of the buckets, s; those of objectives come besides."""

_ABOUT = {"endpoint": "Tasks", "call": "Calls"}
_GAUGES = {
    "station_waiting": ("sfmodel_station_waiting", "Tasks waiting"),
    "station_in_service": ("sfmodel_station_in_service", "Tasks in service"),
    "station_servers": ("sfmodel_station_servers", "Servers"),
    "breaker_state": ("sfmodel_breaker_state", "Circuit breaker: 0 closed, 1 open, 2 half open"),
}
_COUNTERS = {
    "station_rejected": ("sfmodel_station_rejected", "Tasks turned away by a full queue"),
    "limiter_refused": ("sfmodel_limiter_refused", "Tasks that the limiter refused"),
    "call_retries": ("sfmodel_call_retries", "Attempts after the first"),
    "cache_hits": ("sfmodel_cache_hits", "Lookups that found a current entry"),
    "cache_misses": ("sfmodel_cache_misses", "Lookups that found none"),
    "endpoint_time": (SECONDS["endpoint"], "Time of the tasks that ended"),
    "call_time": (SECONDS["call"], "Time of the calls that ended"),
}


def bound(limit_s: float) -> str:
    """How the upper end of a bucket is written."""
    return repr(float(limit_s))


def write_openmetrics(ds: xr.Dataset, file: TextIO, day: date, limits_s: Sequence[float] = ()) -> None:
    """Write the series of a run.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    file
        Where to.
    day
        Date of day 1, UTC.
    limits_s
        Upper ends of buckets that there shall be besides `BOUNDS_S`, s.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    ends_s = ds["time"].values + ds["width"].values
    times = [f"{midnight + time_s:.3f}" for time_s in [ds["time"].values[0], *ends_s]]
    for lines in (
        _tasks(ds, "endpoint", times),
        _tasks(ds, "call", times),
        _latencies(ds, times, sorted({*BOUNDS_S, *limits_s})),
        *_plain(ds, times),
    ):
        file.writelines(f"{line}\n" for line in lines)
    file.write("# EOF\n")


def _tasks(ds: xr.Dataset, of: str, times: Sequence[str]) -> Iterator[str]:
    metric = ENDED[of]
    yield f"# TYPE {metric} counter"
    yield f"# HELP {metric} {_ABOUT[of]} that ended, by outcome"
    outcomes = ds[f"{of}_outcomes"].transpose(of, "outcome", "time")
    values = _from_zero(outcomes.values)
    for e, label in enumerate(ds[of].values):
        for o, outcome in enumerate(ds["outcome"].values):
            if outcome == "ok" or values[e, o, -1]:
                yield from _samples(f'{metric}_total{{{of}="{label}",outcome="{outcome}"}}', values[e, o], times)


def _latencies(ds: xr.Dataset, times: Sequence[str], bounds_s: Sequence[float]) -> Iterator[str]:
    yield f"# TYPE {GOOD} histogram"
    yield f"# HELP {GOOD} Tasks that ended ok, by duration"
    below = np.clip(np.log(np.asarray(bounds_s)[:, None] / LATENCY_EDGES[:-1]) / np.log(LATENCY_RATIO), 0, 1)
    for e, endpoint in enumerate(ds["endpoint"].values):
        counts = ds["endpoint_latency_ok"].isel(endpoint=e).transpose("time", "latency").values
        within = np.rint(_from_zero((counts @ below.T).T)).astype(np.int64)
        total, seconds = _from_zero(counts.sum(axis=1)), _from_zero(ds["endpoint_time_ok"].isel(endpoint=e).values)
        for k, limit_s in enumerate(bounds_s):
            yield from _samples(f'{GOOD}_bucket{{endpoint="{endpoint}",le="{bound(limit_s)}"}}', within[k], times)
        yield from _samples(f'{GOOD}_bucket{{endpoint="{endpoint}",le="+Inf"}}', total, times)
        yield from _samples(f'{GOOD}_count{{endpoint="{endpoint}"}}', total, times)
        yield from _samples(f'{GOOD}_sum{{endpoint="{endpoint}"}}', seconds, times)


def _plain(ds: xr.Dataset, times: Sequence[str]) -> Iterator[Iterator[str]]:
    for found, kind in ((_COUNTERS, "counter"), (_GAUGES, "gauge")):
        for name, (metric, about) in found.items():
            if name in ds:
                yield _of_one(ds[name], metric, kind, about, times)


def _of_one(series: xr.DataArray, metric: str, kind: str, about: str, times: Sequence[str]) -> Iterator[str]:
    yield f"# TYPE {metric} {kind}"
    yield f"# HELP {metric} {about}"
    (dim,) = (str(dim) for dim in series.dims if dim != "time")
    values = series.transpose(dim, "time").values
    for k, label in enumerate(series[dim].values):
        labels = f'{{{dim}="{label}"}}'
        if kind == "counter":
            yield from _samples(f"{metric}_total{labels}", _from_zero(values[k]), times)
        else:
            yield from _samples(f"{metric}{labels}", values[k], times[1:])


def _from_zero(series: NDArray[Any]) -> NDArray[Any]:
    """Cumulative values, last dimension time: 0 at the beginning of the run, then at the end of each window."""
    before = [(0, 0)] * (series.ndim - 1)
    return np.pad(np.cumsum(series, axis=-1), [*before, (1, 0)])


def _samples(series: str, values: NDArray[np.generic], times: Sequence[str]) -> Iterator[str]:
    return (f"{series} {value} {time}" for value, time in zip(values.tolist(), times, strict=True))
