"""The panels an evening is drawn from: each takes an axis, the evening in coarse windows, and the labels to show.

A panel that finds nothing to show in a dataset is left out. To add one, write its function and add a line to `PANELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.figures.style import BLACK, line_style, logarithmic
from sfmodel.results import measures
from sfmodel.results.variables import FAILURES

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

_MOST_LINES = 4


@dataclass(frozen=True)
class Panel:
    """One panel of a figure, as a YAML file names it."""

    panel: str
    """Name in `PANELS`."""
    title: str = ""
    """Above the panel; empty: the panel's own."""
    show: list[str] = field(default_factory=list)
    """Labels to show; none: those that stand out."""


@dataclass(frozen=True)
class Evening:
    """What panels draw from."""

    coarse: xr.Dataset
    """Coarse windows, without histograms."""
    latency: xr.DataArray | None
    """Histogram of requests' response times, dimensions time and latency."""
    limits_per_s: Mapping[str, float]
    """Configured rate of each limiter, 1/s, where it is one for the platform."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Middle of each window, s since midnight, shape [time]."""
        return np.asarray(self.coarse["time"].values + self.coarse["width"].values / 2)


@dataclass(frozen=True)
class Lines:
    """What a panel shows: lines by name, each shape [time], in one unit."""

    unit: str
    lines: dict[str, NDArray[np.float64]]
    levels: dict[str, float] = field(default_factory=dict)
    """Horizontal lines by name: limits."""
    logarithmic: bool = False
    highest: float | None = None
    """Top of the axis, where it has a natural one."""


Draw = Callable[[Evening, Sequence[str]], "Lines | None"]


def plot(axes: Axes, time_s: NDArray[np.float64], shown: Lines) -> None:
    """Plot the lines of a panel."""
    for number, (name, values) in enumerate(shown.lines.items()):
        axes.plot(time_s, values, label=name, **line_style(number, len(time_s)))
    for name, level in shown.levels.items():
        axes.axhline(level, color=BLACK, linewidth=1.0, linestyle=(0, (2, 2)), label=name)
    if shown.logarithmic:
        axes.set_yscale("log")
        logarithmic(axes.yaxis)
    else:
        top = max(shown.highest or 0.0, axes.get_ylim()[1])
        axes.set_ylim(0, top if top > 0 else 1)


def demand(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Requests per second that arrive, or the demand curve where nothing is counted."""
    ds = evening.coarse
    if "users_requests" in ds:
        made = measures.rate(ds, "users_requests").sum("request")
        again = measures.rate(ds, "users_retries").sum("request") if "users_retries" in ds else None
        lines = {"all requests": made.values}
        if again is not None and float(again.max()) > 0:
            lines["first attempts"] = (made - again).values
        return Lines("requests/s", lines)
    entered = measures.roots(ds)
    if entered and "endpoint_arrivals" in ds:
        return Lines(
            "requests/s",
            {"arrivals": measures.rate(ds, "endpoint_arrivals").sel(endpoint=entered).sum("endpoint").values},
        )
    return Lines("× normal", {"demand": ds["demand"].values}) if "demand" in ds else None


def response_time(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Mean, p95 and p99 of users' requests or root endpoints, or of the classes or endpoints named."""
    if evening.latency is None:
        return None
    of, dim = ("users", "request") if "request" in evening.latency.dims else ("endpoint", "endpoint")
    labels = _matching(evening.latency[dim].values, show) if show else list(evening.latency[dim].values)
    if not labels:
        return None
    ds = evening.coarse.sel({dim: labels})
    total_s, count = ds[f"{of}_time"].sum(dim), measures.ended(ds, of).sum(dim)
    tails = measures.quantile(evening.latency.sel({dim: labels}).sum(dim), [0.95, 0.99])
    mean = (total_s / count.where(count > 0)).values
    lines = {"mean": mean, "p95": tails.sel(quantile=0.95).values, "p99": tails.sel(quantile=0.99).values}
    return Lines("s", lines, logarithmic=bool(np.nanmax(mean, initial=0) > 0))


def errors(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Share of requests that failed, by kind; classes or endpoints may be named."""
    ds = evening.coarse
    of, dim = ("users", "request") if "users_outcomes" in ds else ("endpoint", "endpoint")
    if f"{of}_outcomes" not in ds:
        return None
    every = ds[dim].values if of == "users" else measures.roots(ds)
    labels = _matching(ds[dim].values, show) if show else list(every)
    outcomes = ds[f"{of}_outcomes"].sel({dim: labels}).sum(dim)
    shares = 100 * outcomes / outcomes.sum("outcome").where(outcomes.sum("outcome") > 0)
    seen = [outcome for outcome in FAILURES if float(outcomes.sel(outcome=outcome).sum()) > 0]
    lines = {outcome: shares.sel(outcome=outcome).values for outcome in seen}
    return Lines("% of requests", lines or {"none failed": np.zeros(ds.sizes["time"])})


def hit_rate(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Hit rate of each cache."""
    if "cache_hits" not in evening.coarse:
        return None
    rates = 100 * measures.hit_rate(evening.coarse)
    lookups = (evening.coarse["cache_hits"] + evening.coarse["cache_misses"]).sum("time")
    return _lines("% of lookups", rates, "cache", show, lookups.values, highest=100.0)


def utilisation(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Share of servers in use, at the busiest stations."""
    if "station_busy" not in evening.coarse:
        return None
    busy = 100 * measures.utilisation(evening.coarse)
    return _lines("% busy", busy, "station", show, _peak(busy), highest=100.0)


def waiting(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Mean number waiting at the stations with the longest queues."""
    if "station_queue" not in evening.coarse:
        return None
    queue = measures.mean_waiting(evening.coarse)
    return _lines("tasks waiting", queue, "station", show, _peak(queue))


def station_time(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Mean time at stations, waiting and in service: databases, for example."""
    if "station_ends" not in evening.coarse:
        return None
    time_ms = 1000 * measures.station_time(evening.coarse)
    return _lines("ms", time_ms, "station", show, _growth(time_ms))


def endpoint_time(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Mean duration of endpoints; none named: of those that slow down most."""
    if "endpoint_time" not in evening.coarse:
        return None
    time_ms = 1000 * measures.mean_time(evening.coarse, "endpoint")
    return _lines("ms", time_ms, "endpoint", show, _growth(time_ms))


def limiter_use(evening: Evening, show: Sequence[str]) -> Lines | None:
    """What asked and what passed, per minute, at the limiter that refuses most, against its limit."""
    ds = evening.coarse
    if "limiter_passed" not in ds:
        return None
    labels = _matching(ds["limiter"].values, show)
    if not labels:
        refused = measures.refused_share(measures.fold(ds, names=["limiter_passed", "limiter_refused"]))
        labels = [str(ds["limiter"].values[int(np.argmax(np.nan_to_num(refused.values)))])]
    lines, levels = {}, {}
    for label in labels[:2]:
        passed = 60 * measures.rate(ds, "limiter_passed").sel(limiter=label)
        refused = 60 * measures.rate(ds, "limiter_refused").sel(limiter=label)
        lines[f"{label} asked"], lines[f"{label} passed"] = (passed + refused).values, passed.values
        if label in evening.limits_per_s:
            levels[f"limit {60 * evening.limits_per_s[label]:g}/min"] = 60 * evening.limits_per_s[label]
    return Lines("per minute", lines, levels)


def queue_length(evening: Evening, show: Sequence[str]) -> Lines | None:
    """Mean number of messages waiting in queues with consumers."""
    if "queue_length" not in evening.coarse:
        return None
    length = measures.mean_waiting(evening.coarse, "queue")
    return _lines("messages waiting", length, "queue", show, _peak(length))


def counters(evening: Evening, show: Sequence[str]) -> Lines | None:
    """What was added to the platform's counters, per hour."""
    names = [name for name in show if name in evening.coarse]
    if not names:
        return None
    unit = evening.coarse[names[0]].attrs.get("units", "1")
    return Lines(f"{unit}/h", {name: 3600 * measures.rate(evening.coarse, name).values for name in names})


PANELS: dict[str, tuple[Draw, str]] = {
    "demand": (demand, "Demand"),
    "response_time": (response_time, "Response time"),
    "errors": (errors, "Errors by kind"),
    "hit_rate": (hit_rate, "Cache hit rate"),
    "utilisation": (utilisation, "Busiest stations"),
    "waiting": (waiting, "Longest queues"),
    "limiter_use": (limiter_use, "Use of the limit"),
    "station_time": (station_time, "Time at the stations that slow down most"),
    "endpoint_time": (endpoint_time, "Endpoints that slow down most"),
    "queue_length": (queue_length, "Messages waiting"),
    "counters": (counters, "Counters"),
}
"""Every panel: its function and its title."""


def _lines(
    unit: str, array: xr.DataArray, dim: str, show: Sequence[str], rank: NDArray[Any], highest: float | None = None
) -> Lines | None:
    """A line for each label named, else for the few that rank highest; replicas of one name are averaged."""
    labels = [str(label) for label in array[dim].values]
    if show:
        chosen = {
            name: [label for label in labels if label.partition("#")[0] == name or label == name] for name in show
        }
    else:
        order = np.argsort(-np.nan_to_num(rank, nan=-1.0), kind="stable")
        chosen = {labels[k]: [labels[k]] for k in order[:_MOST_LINES] if np.nan_to_num(rank[k]) > 0}
    lines = {name: array.sel({dim: found}).mean(dim).values for name, found in chosen.items() if found}
    return Lines(unit, lines, highest=highest) if lines else None


def _matching(labels: NDArray[np.str_], show: Sequence[str]) -> list[str]:
    """Labels named: by the whole label, or by what stands before # or behind the first dot (every class of a name)."""
    names = set(show)
    return [str(x) for x in labels if names & {str(x), str(x).partition("#")[0], str(x).partition(".")[2]}]


def _peak(array: xr.DataArray) -> NDArray[np.float64]:
    """Highest value of each label over time."""
    return np.asarray(array.fillna(0.0).max("time").values)


def _growth(array: xr.DataArray) -> NDArray[np.float64]:
    """How much each label grows over the evening: its highest value less its lowest, NaN windows aside."""
    return np.asarray((array.max("time") - array.min("time")).values)
