"""What can be computed from a dataset: coarser windows, quantiles, means, shares, rates. Each result carries its unit.

The measures take a dataset at any width of window: as recorded, made coarser by `coarsen`, or a whole period folded
into one by `fold`. Variables without a time dimension pass through unchanged. Histograms are read a slab at a time, so
that a day of them need not fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.errors import ConfigError
from sfmodel.results.variables import LATENCY_BINS, LATENCY_EDGES, LATENCY_FLOOR_S, LATENCY_RATIO

if TYPE_CHECKING:
    import xarray as xr

DAY_S = 86400.0

_SLAB_BYTES = 1 << 26
_WHOLE_CHUNKS = 60
_QUANTILE_ROWS = 4096
_REDUCE = {"sum": np.add, "max": np.maximum}


def coarsen(ds: xr.Dataset, width_s: float, names: Iterable[str] | None = None) -> xr.Dataset:
    """Join windows into coarser ones, aligned to multiples of their width since midnight.

    Counts and integrals are summed, states taken from the last window, maxima from the highest. Where there are
    stations, `station_capacity` (server s) is added: servers × width, summed.

    Parameters
    ----------
    ds
        Dataset of a run.
    width_s
        Width of the new windows, s; at least that of the old ones.
    names
        Variables to keep; none: all.
    """
    group = np.floor(ds["time"].values / width_s + 1e-9)
    first = np.flatnonzero(np.diff(group, prepend=-np.inf)) if group.size else np.zeros(0, int)
    return _join(ds, first, names, {"time": ("time", ds["time"].values[first], ds["time"].attrs)})


def fold(ds: xr.Dataset, windows: NDArray[np.bool_] | None = None, names: Iterable[str] | None = None) -> xr.Dataset:
    """Fold a period into a single window without a time dimension, its width the sum of those of its windows.

    Parameters
    ----------
    ds
        Dataset of a run.
    windows
        Which windows belong to the period, shape [time]; none: all.
    names
        Variables to keep; none: all.
    """
    chosen = np.arange(ds.sizes["time"]) if windows is None else np.flatnonzero(windows)
    if not chosen.size:
        return _empty_fold(ds, names)
    contiguous = chosen[-1] - chosen[0] + 1 == chosen.size
    period = ds.isel(time=slice(chosen[0], chosen[-1] + 1) if contiguous else chosen)
    joined = _join(period, np.zeros(1, int), names)
    return joined.isel(time=0, drop=True).assign_coords(width=joined["width"].variable.isel(time=0))


def within_hours(ds: xr.Dataset, start_s: float, end_s: float) -> NDArray[np.bool_]:
    """Which windows lie within the hours from `start_s` to `end_s` (s since midnight) of any day, shape [time]."""
    length = (end_s - start_s) % DAY_S or DAY_S
    since = (ds["time"].values - start_s) % DAY_S
    return np.asarray(since + ds["width"].values <= length + 1e-9)


def is_multiple(length_s: float, width_s: float) -> bool:
    """Whether a time is made of whole windows of this width, one at least."""
    parts = length_s / width_s
    return parts >= 1 - 1e-9 and abs(parts - round(parts)) <= 1e-9


def stretches(windows: NDArray[np.bool_]) -> list[slice]:
    """Stretches of windows that are chosen, shape [time]: each from its first window to behind its last."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], windows.astype(np.int8), [0]])))
    return [slice(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]


def settled(ds: xr.Dataset) -> NDArray[np.bool_]:
    """Which windows come after the run's start-up transient, shape [time]."""
    if not ds.sizes["time"]:
        return np.zeros(0, bool)
    return np.asarray(ds["time"].values + 1e-9 >= ds["time"].values[0] + transient_s(ds))


def run_end_s(ds: xr.Dataset) -> float:
    """End of the last window, s since midnight of day 1."""
    return float(ds["time"].values[-1] + ds["width"].values[-1])


def transient_s(ds: xr.Dataset) -> float:
    """Length of the start-up transient of a run, s, of replications that of their mean; 0: none."""
    return float(ds.attrs.get("transient_s") or 0.0)


def covered(ds: xr.Dataset) -> str:
    """From when to when a run was measured: 15:30 to 24:00."""
    if not ds.sizes["time"]:
        return "no time at all"
    start_s, last = float(ds["time"].values[0]), ds.isel(time=-1)
    return f"{clock(start_s)} to {clock(float(last['time'] + last['width']))}"


def quantile(histogram: xr.DataArray, q: float | Sequence[float]) -> xr.DataArray:
    """Quantile of durations, in s, from their histogram, within 2 %; NaN where there are none.

    Within a bin the quantile is interpolated on the logarithmic scale as far as the neighbouring bins say that the
    durations are spread out; where all lie in one bin (a constant) it is the bin's centre.

    Parameters
    ----------
    histogram
        Counts with a dimension `latency`, such as `ds.endpoint_latency`, summed over whatever belongs together.
    q
        Probability, or several, which then become the dimension `quantile`.

    Raises
    ------
    ConfigError
        It is no histogram of a run, or a probability lies outside of 0 and 1.
    """
    import xarray as xr

    if histogram.sizes.get("latency") != LATENCY_BINS:
        found = ", ".join(str(dim) for dim in histogram.dims) or "no dimension"
        raise ConfigError(
            f"quantile: expected a histogram such as ds.endpoint_latency, with all {LATENCY_BINS} bins of the dimension "
            f"latency, found {histogram.name or 'an array'} with {found}"
        )
    if not all(0 <= probability <= 1 for probability in np.ravel(q)):
        raise ConfigError(f"quantile: expected a probability between 0 and 1, found {q}")
    counts = histogram.transpose(..., "latency")
    rows = counts.values.reshape(-1, LATENCY_BINS)
    probabilities = np.atleast_1d(np.asarray(q, float))
    values = np.empty((len(rows), len(probabilities)))
    for start in range(0, len(rows), _QUANTILE_ROWS):
        part = slice(start, start + _QUANTILE_ROWS)
        values[part] = quantiles_s(rows[part].astype(float), probabilities)
    dims = counts.dims[:-1]
    coords = {name: found for name, found in counts.coords.items() if "latency" not in found.dims}
    shaped = values.reshape(*counts.shape[:-1], len(probabilities))
    result = xr.DataArray(shaped, coords, (*dims, "quantile")).assign_coords(quantile=probabilities)
    return _named(result if np.ndim(q) else result.isel(quantile=0), "s", "Quantile of the response time")


def share_within(histogram: xr.DataArray, limit_s: float) -> xr.DataArray:
    """Share of the durations in a histogram that are at most `limit_s`; NaN where there are none."""
    below = np.clip((np.log(limit_s / LATENCY_EDGES[:-1])) / np.log(LATENCY_RATIO), 0, 1)
    share = _ratio((histogram * _along_latency(below)).sum("latency"), histogram.sum("latency"))
    return _named(share, "1", f"Share within {limit_s:g} s")


def ended(ds: xr.Dataset, of: str) -> xr.DataArray:
    """What ended, of all outcomes together; `of` is endpoint, call or users."""
    return _named(ds[f"{of}_outcomes"].sum("outcome"), "1", "Ended")


def mean_time(ds: xr.Dataset, of: str) -> xr.DataArray:
    """Mean duration, s, failures included, of what ended; `of` is endpoint, call or users."""
    return _named(_ratio(ds[f"{of}_time"], ended(ds, of)), "s", "Mean response time")


def outcome_shares(ds: xr.Dataset, of: str) -> xr.DataArray:
    """Share of each outcome in what ended; `of` is endpoint, call or users."""
    return _named(_ratio(ds[f"{of}_outcomes"], ended(ds, of)), "1", "Share of what ended")


def failure_share(ds: xr.Dataset, of: str) -> xr.DataArray:
    """Share of what ended with another outcome than ok; `of` is endpoint, call or users."""
    failed = 1 - outcome_shares(ds, of).sel(outcome="ok", drop=True)
    return _named(failed, "1", "Share that failed")


def hit_rate(ds: xr.Dataset) -> xr.DataArray:
    """Share of lookups of each cache that were served from it: hits, stale entries, coalesced lookups."""
    served = ds["cache_hits"] + sum(ds[name] for name in ("cache_stale", "cache_coalesced") if name in ds)
    return _named(_ratio(served, served + ds["cache_misses"]), "1", "Hit rate")


def utilisation(ds: xr.Dataset) -> xr.DataArray:
    """Share of the servers' time in use, at each station; NaN without servers and where they are unlimited."""
    capacity = ds["station_capacity"] if "station_capacity" in ds else _capacity(ds)
    return _named(_ratio(ds["station_busy"], capacity.where(np.isfinite(capacity), 0.0)), "1", "Utilisation")


def mean_waiting(ds: xr.Dataset, of: str = "station") -> xr.DataArray:
    """Mean number waiting at each station, or (`of` queue) of messages in each queue."""
    integral = ds["station_queue" if of == "station" else "queue_length"]
    return _named(_ratio(integral, ds["width"]), "1", "Mean number waiting")


def mean_wait(ds: xr.Dataset) -> xr.DataArray:
    """Mean wait, s, of the tasks whose service began, at each station."""
    return _named(_ratio(ds["station_wait"], ds["station_starts"]), "s", "Mean wait")


def station_time(ds: xr.Dataset) -> xr.DataArray:
    """Mean time, s, that a task spends at each station, waiting and in service, by Little's law."""
    present = ds["station_queue"] + ds["station_busy"] - ds.get("station_burnt", 0.0)
    return _named(_ratio(present, ds["station_ends"]), "s", "Mean time at the station")


def refused_share(ds: xr.Dataset) -> xr.DataArray:
    """Share of what came to each limiter that it refused."""
    refused = ds["limiter_refused"]
    return _named(_ratio(refused, refused + ds["limiter_passed"]), "1", "Share refused")


def rate(ds: xr.Dataset, name: str) -> xr.DataArray:
    """Per second: a variable that is summed over windows, divided by their width."""
    variable = ds[name]
    unit = variable.attrs.get("units", "1")
    return _named(_ratio(variable, ds["width"]), f"{unit}/s", f"{variable.attrs.get('long_name', name)}, per second")


def roots(ds: xr.Dataset) -> list[str]:
    """Endpoints where requests enter the platform: those that no other endpoint calls."""
    named = ds.attrs.get("root_endpoints")
    if named:
        return [str(name) for name in named]
    callees: Iterable[Any] = (
        ds["edge_to"].values if "edge_to" in ds else ds["call"].values if "call" in ds.coords else []
    )
    called = {str(label).rpartition(">")[2].partition("#")[0] for label in callees}
    endpoints = [str(label) for label in ds["endpoint"].values] if "endpoint" in ds.coords else []
    return [label for label in endpoints if label not in called]


def _join(
    ds: xr.Dataset, first: NDArray[np.int64], names: Iterable[str] | None, time: Mapping[str, Any] | None = None
) -> xr.Dataset:
    """Reduce runs of windows, which begin at the indices `first`, by the kind of each variable."""
    import xarray as xr

    chosen = [str(name) for name in (ds.data_vars if names is None else dict.fromkeys(names)) if name in ds.data_vars]
    joined: dict[str, Any] = {}
    for name in chosen:
        variable = ds[name].variable
        timed = "time" in variable.dims
        joined[name] = (variable.dims, _joined(variable, first), variable.attrs) if timed else variable
    if "station_servers" in chosen and "station_capacity" not in ds:
        capacity = _capacity(ds)
        joined["station_capacity"] = (capacity.dims, _joined(capacity.variable, first), capacity.attrs)
    dims = {dim for found in joined.values() for dim in (found[0] if isinstance(found, tuple) else found.dims)}
    coords = {dim: ds[dim].variable for dim in ds.coords if dim in dims and dim != "time"}
    width = (("time",), _joined(ds["width"].variable, first), ds["width"].attrs)
    return xr.Dataset(joined, {**(time or {}), **coords, "width": width}, ds.attrs)


def _joined(variable: Any, first: NDArray[np.int64]) -> NDArray[Any]:
    """Values of one variable, time first, reduced over runs of windows; read a slab at a time."""
    last = np.append(first[1:], variable.sizes["time"])
    kind = variable.attrs.get("kind", "last")
    if kind == "last":
        chosen = last - 1 if first.size else first
        if variable.nbytes <= _SLAB_BYTES:  # whole, which is read much faster than single windows
            return np.asarray(variable.values[chosen])
        return np.asarray(variable.isel(time=chosen).values)
    dtype = np.int64 if variable.dtype.kind in "iu" else variable.dtype
    out = np.zeros((len(first), *variable.shape[1:]), dtype)
    height = _slab_windows(variable)
    for start in range(0, variable.sizes["time"], height):
        stop = min(start + height, variable.sizes["time"])
        slab = variable.isel(time=slice(start, stop)).values
        low, high = np.searchsorted(first, start, "right") - 1, np.searchsorted(first, stop, "left")
        edges = np.maximum(first[low:high], start) - start
        if len(edges) == 1:  # much faster than reduceat
            part = _REDUCE[kind].reduce(slab, axis=0, dtype=dtype, keepdims=True)
        else:
            part = _REDUCE[kind].reduceat(slab, edges, axis=0, dtype=dtype)
        out[low:high] = _REDUCE[kind](out[low:high], part)
    return out


def _slab_windows(variable: Any) -> int:
    """Windows that are read at once: some 64 MB, in whole chunks of a histogram."""
    window = max(1, variable.nbytes // max(1, variable.sizes["time"]))
    return int(max(1, _SLAB_BYTES // window // _WHOLE_CHUNKS) * _WHOLE_CHUNKS)


def _empty_fold(ds: xr.Dataset, names: Iterable[str] | None) -> xr.Dataset:
    """A period without windows: every count is 0."""
    empty = ds.isel(time=slice(0, 0))
    return _join(empty, np.zeros(0, int), names).sum("time", keep_attrs=True).assign_coords(width=0.0)


def _capacity(ds: xr.Dataset) -> xr.DataArray:
    """Server s offered by each station in each window; a change of servers counts for its whole window."""
    capacity = ds["station_servers"] * ds["width"]
    capacity.attrs = {"units": "s", "long_name": "Server time offered", "kind": "sum"}
    return capacity


def quantiles_s(counts: NDArray[np.float64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """As `quantile`, of plain arrays."""
    # r = histograms, l = latency bins, p = probabilities: counts[r, l] → seconds[r, p]
    cumulative = np.cumsum(counts, axis=1)
    target = probabilities * cumulative[:, -1:]
    seconds = np.empty(target.shape)
    row = np.arange(len(counts))
    for p in range(len(probabilities)):
        found = np.argmax((cumulative >= target[:, p, None]) & (counts > 0), axis=1)
        here = np.maximum(counts[row, found], 1e-300)
        inside = np.clip(1 - (cumulative[row, found] - target[:, p]) / here, 0, 1)
        below = np.where(found > 0, counts[row, found - 1], 0)
        above = np.where(found < LATENCY_BINS - 1, counts[row, np.minimum(found + 1, LATENCY_BINS - 1)], 0)
        spread = np.minimum(1, (below + above) / (2 * here))
        seconds[:, p] = LATENCY_FLOOR_S * LATENCY_RATIO ** (found + 0.5 + (inside - 0.5) * spread)
    seconds[cumulative[:, -1] <= 0] = np.nan
    return seconds


def _along_latency(values: NDArray[np.float64]) -> xr.DataArray:
    import xarray as xr

    return xr.DataArray(values, dims="latency")


def _ratio(above: xr.DataArray, below: xr.DataArray) -> xr.DataArray:
    """Quotient that is NaN, silently, where the divisor is 0."""
    return above / below.where(below > 0)


def _named(array: xr.DataArray, unit: str, long_name: str) -> xr.DataArray:
    named = array.copy(deep=False)
    named.attrs = {"units": unit, "long_name": long_name}
    return named
