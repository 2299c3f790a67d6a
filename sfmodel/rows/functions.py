"""The functions of an expression: what can be measured of a thing. To add one, write it and add a line to `FUNCTIONS`.

Each takes the windows and its arguments: a thing (or a series of numbers), then words and numbers as they were written.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, nearest
from sfmodel.results import measures
from sfmodel.results.variables import OUTCOMES
from sfmodel.rows.bands import FOLLOW_UP_S, recovery_s
from sfmodel.rows.windows import Thing, Windows
from sfmodel.schema.quantities import to_duration_s

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

    from sfmodel.paths.request_path import RequestPath

_PREFIX = {"endpoint": "endpoint", "call": "call", "request": "users"}


@dataclass(frozen=True)
class Function:
    """One function of the language."""

    apply: Callable[[Windows, Sequence[Any]], Any]
    """Windows and arguments → a value for each window."""
    of: tuple[str, ...]
    """What the first argument may be: dimensions, or the name of a `path` or of a `story`. All arguments are a `series`
    (a number for each window), of the run in its own windows (`run`), of the paired run alone (`base`) or of both (`pairs`)."""
    arguments: str
    """What is written behind it; empty: nothing."""
    least: int
    """How many arguments there are at least."""
    about: str
    """One line."""

    @property
    def written(self) -> str:
        """What stands between the parentheses."""
        return ", ".join(filter(None, [" or ".join(self.of), self.arguments]))

    def check(self, name: str, arguments: Sequence[ast.expr]) -> None:
        """Refuse a call with too few or too many arguments."""
        most = 99 if "…" in self.arguments else 1 + (self.arguments.count(",") + 1 if self.arguments else 0)
        if not self.least <= len(arguments) <= most:
            raise ValueError(f"{name}: expected {name}({self.written}), found {len(arguments)} arguments")


def _mean(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    thing = arguments[0]
    if thing.dim == "station":
        return measures.station_time(_station(windows, thing))
    if thing.dim == "queue":
        ds = windows.together(thing, "queue_delay", "queue_delivered")
        return ds["queue_delay"] / ds["queue_delivered"].where(ds["queue_delivered"] > 0)
    of = _PREFIX[thing.dim]
    if not _only_ok("mean", thing, arguments[1:]):
        return measures.mean_time(windows.together(thing, f"{of}_time", f"{of}_outcomes"), of)
    ds = windows.together(thing, f"{of}_time_ok", f"{of}_outcomes")
    good = ds[f"{of}_outcomes"].sel(outcome="ok")
    return ds[f"{of}_time_ok"] / good.where(good > 0)


def _quantile(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    thing, q = arguments[:2]
    if not isinstance(q, int | float):
        raise ConfigError(f"quantile: expected a probability between 0 and 1, found '{q}'")
    name = f"{_PREFIX[thing.dim]}_latency" + ("_ok" if _only_ok("quantile", thing, arguments[2:]) else "")
    return measures.quantile(windows.together(thing, name)[name], q)


def _within(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    thing = arguments[0]
    try:
        limit_s = to_duration_s(arguments[1])
    except ValueError as error:
        raise ConfigError(f"within: {error}") from None
    every = measures.ended(windows.together(thing, "endpoint_outcomes"), "endpoint")
    good = windows.together(thing, "endpoint_latency_ok")["endpoint_latency_ok"]
    share = measures.share_within(good, limit_s).fillna(0.0)
    return share * good.sum("latency") / every.where(every > 0)


def _share(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    thing, outcomes = arguments[0], arguments[1:]
    for outcome in outcomes:
        if outcome not in OUTCOMES:
            raise ConfigError(f"share: there is no outcome '{outcome}'; {nearest(str(outcome), OUTCOMES)}")
        if outcomes.count(outcome) > 1:
            raise ConfigError(f"share: '{outcome}' is named twice; leave one out")
    of = _PREFIX[thing.dim]
    shares = measures.outcome_shares(windows.together(thing, f"{of}_outcomes"), of)
    return shares.sel(outcome=list(outcomes)).sum("outcome", skipna=False)


def _hit_rate(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    names = ("cache_hits", "cache_misses", "cache_stale", "cache_coalesced")
    return measures.hit_rate(windows.together(arguments[0], *(name for name in names if name in windows.ds)))


def _refused(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    return measures.refused_share(windows.together(arguments[0], "limiter_refused", "limiter_passed"))


def _busy(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    ds = windows.together(arguments[0], "station_busy", "station_servers")
    if np.isinf(ds["station_servers"]).any():
        raise ConfigError(f"busy: {', '.join(arguments[0].labels)} has unlimited servers, so no share of them is busy")
    return measures.utilisation(ds)


def _waiting(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    thing = arguments[0]
    return measures.mean_waiting(
        windows.together(thing, "station_queue" if thing.dim == "station" else "queue_length"), thing.dim
    )


def _service_time(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    ds = _station(windows, arguments[0])
    return (ds["station_busy"] - ds["station_burnt"]) / ds["station_ends"].where(ds["station_ends"] > 0)


def _rate(windows: Windows, arguments: Sequence[Any]) -> xr.DataArray:
    series: xr.DataArray = arguments[0]
    return series / windows.seconds


def _correlation(windows: Windows, arguments: Sequence[Any]) -> float:
    pairs = np.array(np.broadcast_arrays(*arguments), float)
    pairs = pairs[:, ~np.isnan(pairs).any(axis=0)]
    if pairs.shape[1] < 2 or (np.ptp(pairs, axis=1) == 0).any():
        return np.nan
    return float(np.corrcoef(pairs)[0, 1])


def _base(windows: Windows, arguments: Sequence[Any]) -> Any:
    return np.nan if windows.base is None else arguments[0]


def _recovery(windows: Windows, arguments: Sequence[Any]) -> float:
    return np.nan if windows.pair is None else recovery_s(windows.pair, arguments)


def _delay(windows: Windows, arguments: Sequence[Any]) -> float:
    begins_s = windows.trigger_begins_s
    if begins_s is None:
        return np.nan
    ends_s = windows.ds["time"].values + windows.ds["width"].values
    since = (ends_s > begins_s) & (np.asarray(arguments[0], float) > 0)
    if since.any():
        return float(ends_s[np.argmax(since)] - begins_s)
    return np.inf if ends_s[-1] >= begins_s + FOLLOW_UP_S else np.nan


def _told(windows: Windows, arguments: Sequence[Any]) -> float:
    return np.nan if windows.told is None else windows.told(arguments[0])


def _request_time(windows: Windows, arguments: Sequence[Any]) -> NDArray[np.float64]:
    found = _taking(windows, arguments[0])
    return _UNKNOWN if found is None else found[1]["total_s"].to_numpy()


def _step_time(windows: Windows, arguments: Sequence[Any]) -> NDArray[np.float64]:
    found = _taking(windows, arguments[0])
    if found is None:
        return _UNKNOWN
    calls = [str(step.call) for step in found[0].calls]
    if arguments[1] not in calls:
        raise ConfigError(
            f"step_time: path '{arguments[0]}' has no call '{arguments[1]}'; {nearest(arguments[1], calls)}"
        )
    return found[1][f"time_{calls.index(arguments[1])}"].to_numpy()


def _in_order(windows: Windows, arguments: Sequence[Any]) -> NDArray[np.float64]:
    found = _taking(windows, arguments[0])
    if found is None:
        return _UNKNOWN
    from sfmodel.paths.requests import in_order

    return in_order(found[1], found[0]).astype(float)


def _taking(windows: Windows, name: str) -> tuple[RequestPath, pl.DataFrame] | None:
    """A path and the requests of the period that took it; none where the run has no traces."""
    if windows.requests is None:
        return None
    return windows.requests.path(name), windows.requests.took(name)


def _station(windows: Windows, thing: Thing) -> xr.Dataset:
    return windows.together(thing, "station_queue", "station_busy", "station_burnt", "station_ends")


def _only_ok(function: str, thing: Thing, words: Sequence[Any]) -> bool:
    """Whether failures are left out, which the dataset allows for endpoints."""
    if not words:
        return False
    if words[0] != "ok":
        raise ConfigError(f"{function}: expected 'ok' or nothing, found '{words[0]}'")
    if thing.dim != "endpoint":
        raise ConfigError(f"{function}: only of an endpoint are the good answers kept apart, found {thing.dim}[…]")
    return True


_TASKS = ("endpoint", "call", "request")
_UNKNOWN = np.array([np.nan])

FUNCTIONS: dict[str, Function] = {
    "mean": Function(
        _mean, (*_TASKS, "station", "queue"), "ok", 1,
        "mean duration, s; ok: good answers of an endpoint alone; at a station waiting and service, in a queue until delivery",
    ),
    "quantile": Function(_quantile, _TASKS, "0.95, ok", 2, "quantile of the duration, s; ok: good answers of an endpoint alone"),
    "within": Function(_within, ("endpoint",), "'200 ms'", 2, "share of all that ended that was good and in time"),
    "share": Function(_share, _TASKS, "timeout, rejected, …", 2, "share of what ended that ended so"),
    "hit_rate": Function(_hit_rate, ("cache",), "", 1, "share of lookups served"),
    "refused": Function(_refused, ("limiter",), "", 1, "share of attempts refused"),
    "busy": Function(_busy, ("station",), "", 1, "share of the servers' time in use"),
    "waiting": Function(_waiting, ("station", "queue"), "", 1, "mean number waiting"),
    "service_time": Function(_service_time, ("station",), "", 1, "mean time in service, s, waiting left out"),
    "rate": Function(_rate, ("series",), "", 1, "per second"),
    "request_time": Function(_request_time, ("path",), "", 1, "duration, s, of each traced request that took the path"),
    "step_time": Function(_step_time, ("path",), "'caller>target'", 2, "duration, s, of that call in each of them"),
    "in_order": Function(_in_order, ("path",), "", 1, "1 where the path's calls began in its order, else 0"),
    "correlation": Function(_correlation, ("series",), "series", 2, "Pearson's correlation of two, over the windows"),
    "base": Function(_base, ("base",), "", 1, "the same in the paired run"),
    "recovery": Function(
        _recovery, ("pairs",), "series, …", 1,
        "time, s, from the end of the trigger until all are back in the band of the paired run for five minutes",
    ),
    "delay": Function(
        _delay, ("run",), "", 1,
        "time, s, from the beginning of the trigger to the end of the first window in which it is above 0; ∞: not in half an h",
    ),
    "told": Function(_told, ("story",), "", 1, "share of a story's steps that were found in order, the longest such series"),
}  # fmt: skip
"""Every function by name."""
