"""The panels of an evening: each takes the evening in coarse windows and what to show, and gives lines in one unit.

A panel that finds nothing to show in a dataset is left out. Of a run of several replications what a panel shows is chosen
once, by the mean over them. To add a panel, write its function and add a line to `PANELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError, NotInRunError, nearest
from sfmodel.figures.evening import Evening
from sfmodel.figures.panel import Panel
from sfmodel.results import measures
from sfmodel.results.replications import is_replicated
from sfmodel.results.variables import FAILURES
from sfmodel.rows.rows import Row

if TYPE_CHECKING:
    import xarray as xr

_MOST_LINES = 4
_FACTORS = {"%": 100.0, "ms": 1000.0}
"""From base units, by the first word of a panel's unit: of '% of requests' it is %."""


@dataclass(frozen=True)
class Claim:
    """The range that a line is said to be in, for a while; in the panel's unit."""

    line: str
    """Name of the line."""
    start_s: float
    """From when, s since midnight of the first day."""
    end_s: float
    """Until when."""
    low: float | None
    """Lower end; none: open."""
    high: float | None
    """Upper end; none: open."""


Band = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Lower and upper edge of a band around a line, shape [time] each."""


@dataclass(frozen=True)
class Lines:
    """What a panel shows: lines by name, each shape [time], of several replications [time, replication], in one unit."""

    unit: str
    lines: dict[str, NDArray[np.float64]]
    levels: dict[str, float] = field(default_factory=dict)
    """Horizontal lines by name: limits."""
    logarithmic: bool = False
    highest: float | None = None
    """Top of the axis, where it has a natural one."""
    claims: tuple[Claim, ...] = ()
    """What the case study says of the lines."""
    bands: dict[str, Band] = field(default_factory=dict)
    """How well the lines are known, where they are means over replications."""


Draw = Callable[[Evening, Panel], "Lines | None"]


def lines_of(evening: Evening, panel: Panel) -> Lines | None:
    """What a panel shows; none: nothing."""
    shown = PANELS[panel.panel][0](evening, panel)
    if shown is None:
        return None
    log = shown.logarithmic if panel.log is None else panel.log
    return replace(shown, levels={**shown.levels, **panel.levels}, logarithmic=log)


def measured(evening: Evening, panel: Panel) -> Lines | None:
    """Lines of one's own: expressions, or rows of the platform with their ranges."""
    factor = _FACTORS.get(panel.unit.partition(" ")[0], 1.0)
    rows = {row.id: row for row in evening.rows.rows}
    lines: dict[str, NDArray[np.float64]] = {}
    claims: list[Claim] = []
    absent = 0
    for name, line in panel.lines.items():
        beside = [_row(rows, identifier, panel) for identifier in line.rows]
        measure = line.measure or beside[0].measure
        try:
            every = [_over_time(measure(windows), evening) for windows in evening.runs]
        except NotInRunError:
            lines[f"{name}: not in this run"] = np.full(evening.time_s.shape, np.nan)
            absent += 1
            continue
        values = factor * np.stack(every, axis=1)
        lines[name] = values if is_replicated(evening.ds) else values[:, 0]
        for row in beside:
            claims += _claims(evening, name, values.mean(axis=1), row, factor)
    return Lines(panel.unit, lines, claims=tuple(claims)) if len(lines) > absent else None


def _over_time(found: Any, evening: Evening) -> NDArray[np.float64]:
    """What an expression gives, a number or an array, as shape [time]."""
    return np.broadcast_to(np.asarray(getattr(found, "values", found), float), evening.time_s.shape)


def _row(rows: Mapping[str, Row], identifier: str, panel: Panel) -> Row:
    if identifier not in rows:
        where = f"panel '{panel.title or panel.panel}'"
        raise ConfigError(f"{where}: there is no row '{identifier}'; {nearest(identifier, rows)}")
    return rows[identifier]


def _claims(evening: Evening, name: str, values: NDArray[np.float64], row: Row, factor: float) -> list[Claim]:
    """The range of a row over each of its periods; one that is relative, times the line in the period it refers to."""
    if row.relative_to is not None:
        inside = np.zeros(values.shape, bool)
        for start_s, end_s in _spans(evening, row.relative_to):
            inside |= (evening.time_s >= start_s) & (evening.time_s < end_s)
        factor = float(np.nanmedian(values[inside])) if np.isfinite(values[inside]).any() else np.nan
    ends = row.bounds
    low = next((factor * ends[key] for key in ("at_least", "above") if key in ends), None)
    high = next((factor * ends[key] for key in ("at_most", "below") if key in ends), None)
    return [Claim(name, start_s, end_s, low, high) for start_s, end_s in _spans(evening, row.period)]


def _spans(evening: Evening, period: str) -> list[tuple[float, float]]:
    if period == "whole":
        return [(evening.start_s, evening.end_s)]
    return list(evening.spans(evening.rows.periods[period]))


def demand(evening: Evening, panel: Panel) -> Lines | None:
    """Requests per second that arrive, or the demand curve where nothing is counted."""
    ds = evening.coarse("users", "endpoint", "demand")
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


def response_time(evening: Evening, panel: Panel) -> Lines | None:
    """Mean, p95 and p99 of users' requests or root endpoints, or of the classes or endpoints named."""
    if evening.latency is None:
        return None
    of, dim = ("users", "request") if "request" in evening.latency.dims else ("endpoint", "endpoint")
    labels = _matching(evening.latency[dim].values, panel.show) if panel.show else list(evening.latency[dim].values)
    if not labels:
        return None
    ds = evening.coarse(of).sel({dim: labels})
    total_s, count = ds[f"{of}_time"].sum(dim), measures.ended(ds, of).sum(dim)
    tails = measures.quantile(evening.latency.sel({dim: labels}).sum(dim), [0.95, 0.99])
    mean = (total_s / count.where(count > 0)).values
    lines = {"mean": mean, "p95": tails.sel(quantile=0.95).values, "p99": tails.sel(quantile=0.99).values}
    return Lines("s", lines, logarithmic=bool(np.nanmax(mean, initial=0) > 0))


def errors(evening: Evening, panel: Panel) -> Lines | None:
    """Share of requests that failed, by kind; classes or endpoints may be named."""
    of, dim = ("users", "request") if "users_outcomes" in evening.ds else ("endpoint", "endpoint")
    ds = evening.coarse(of)
    if f"{of}_outcomes" not in ds:
        return None
    every = ds[dim].values if of == "users" else measures.roots(ds)
    labels = _matching(ds[dim].values, panel.show) if panel.show else list(every)
    outcomes = ds[f"{of}_outcomes"].sel({dim: labels}).sum(dim)
    shares = 100 * outcomes / outcomes.sum("outcome").where(outcomes.sum("outcome") > 0)
    seen = [outcome for outcome in FAILURES if float(outcomes.sel(outcome=outcome).sum()) > 0]
    lines = {outcome: shares.sel(outcome=outcome).values for outcome in seen}
    return Lines("% of requests", lines or {"none failed": np.zeros(ds.sizes["time"])})


def hit_rate(evening: Evening, panel: Panel) -> Lines | None:
    """Hit rate of each cache."""
    if "cache_hits" not in evening.ds:
        return None
    rates = 100 * measures.hit_rate(evening.coarse("cache"))
    lookups = (evening.coarse("cache")["cache_hits"] + evening.coarse("cache")["cache_misses"]).sum("time")
    return _lines("% of lookups", rates, "cache", panel.show, lookups, highest=100.0)


def utilisation(evening: Evening, panel: Panel) -> Lines | None:
    """Share of servers in use, at the busiest stations."""
    if "station_busy" not in evening.ds:
        return None
    busy = 100 * measures.utilisation(evening.coarse("station"))
    return _lines("% busy", busy, "station", panel.show, _peak(busy), highest=100.0)


def waiting(evening: Evening, panel: Panel) -> Lines | None:
    """Mean number waiting at the stations with the longest queues."""
    if "station_queue" not in evening.ds:
        return None
    queue = measures.mean_waiting(evening.coarse("station"))
    return _lines("tasks waiting", queue, "station", panel.show, _peak(queue))


def station_time(evening: Evening, panel: Panel) -> Lines | None:
    """Mean time at stations, waiting and in service: databases, for example."""
    if "station_ends" not in evening.ds:
        return None
    time_ms = 1000 * measures.station_time(evening.coarse("station"))
    return _lines("ms", time_ms, "station", panel.show, _growth(time_ms))


def endpoint_time(evening: Evening, panel: Panel) -> Lines | None:
    """Mean duration of endpoints; none named: of those that slow down most."""
    if "endpoint_time" not in evening.ds:
        return None
    time_ms = 1000 * measures.mean_time(evening.coarse("endpoint"), "endpoint")
    return _lines("ms", time_ms, "endpoint", panel.show, _growth(time_ms))


def limiter_use(evening: Evening, panel: Panel) -> Lines | None:
    """What asked and what passed, per minute, at the limiter that refuses most, against its limit."""
    ds = evening.coarse("limiter")
    if "limiter_passed" not in ds:
        return None
    labels = _matching(ds["limiter"].values, panel.show)
    if not labels:
        refused = measures.refused_share(measures.fold(ds, names=["limiter_passed", "limiter_refused"]))
        labels = list(_ranked(refused, "limiter"))[:1]
    lines, levels = {}, {}
    for label in labels[:2]:
        passed = 60 * measures.rate(ds, "limiter_passed").sel(limiter=label)
        refused = 60 * measures.rate(ds, "limiter_refused").sel(limiter=label)
        name = panel.show.get(label) or label
        lines[f"{name} asked"], lines[f"{name} passed"] = (passed + refused).values, passed.values
        if label in evening.limits_per_s:
            levels[f"limit {60 * evening.limits_per_s[label]:g}/min"] = 60 * evening.limits_per_s[label]
    return Lines("per minute", lines, levels)


def queue_length(evening: Evening, panel: Panel) -> Lines | None:
    """Mean number of messages waiting in queues with consumers."""
    if "queue_length" not in evening.ds:
        return None
    length = measures.mean_waiting(evening.coarse("queue"), "queue")
    return _lines("messages waiting", length, "queue", panel.show, _peak(length))


def counters(evening: Evening, panel: Panel) -> Lines | None:
    """What was added to the platform's counters, per hour."""
    names = [name for name in panel.show if name in evening.ds]
    if not names:
        return None
    ds = evening.coarse(*names)
    unit = ds[names[0]].attrs.get("units", "1")
    return Lines(f"{unit}/h", {panel.show[name] or name: 3600 * measures.rate(ds, name).values for name in names})


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
    "measures": (measured, "Measures"),
}
"""Every panel: its function and its title."""


def _lines(
    unit: str, array: xr.DataArray, dim: str, show: Mapping[str, str], rank: xr.DataArray, highest: float | None = None
) -> Lines | None:
    """A line for each label named, else for the few whose rank is highest and above 0; replicas of one name are averaged."""
    labels = [str(label) for label in array[dim].values]
    if show:
        chosen = {
            title or name: [label for label in labels if label.partition("#")[0] == name or label == name]
            for name, title in show.items()
        }
    else:
        first = list(_ranked(rank, dim).items())[:_MOST_LINES]
        chosen = {label: [label] for label, height in first if height > 0}
    ordered = array.transpose("time", ..., dim)
    lines = {name: ordered.sel({dim: found}).mean(dim).values for name, found in chosen.items() if found}
    return Lines(unit, lines, highest=highest) if lines else None


def _ranked(rank: xr.DataArray, dim: str) -> dict[str, float]:
    """Labels of a dimension with their rank, the highest first; the mean over replications, one that has none counts as 0."""
    heights = rank.fillna(0.0).mean([other for other in rank.dims if other != dim]).values
    return {str(rank[dim].values[k]): float(heights[k]) for k in np.argsort(-heights, kind="stable")}


def _matching(labels: NDArray[np.str_], show: Iterable[str]) -> list[str]:
    """Labels named: by the whole label, or by what stands before # or behind the first dot (every class of a name)."""
    names = set(show)
    return [str(x) for x in labels if names & {str(x), str(x).partition("#")[0], str(x).partition(".")[2]}]


def _peak(array: xr.DataArray) -> xr.DataArray:
    """Highest value of each label over time."""
    return array.fillna(0.0).max("time")


def _growth(array: xr.DataArray) -> xr.DataArray:
    """How much each label grows over the evening: its highest value less its lowest, NaN windows aside."""
    return array.max("time") - array.min("time")
