"""The headline figures of a run, for any platform: of the whole run, and of normal and peak hours if it has them.

Requests are the users' where the platform has users, else those of the endpoints that no other endpoint calls.
`summarise` gives them as data (summary.json), `summary_table` and `classes_table` as tables for a terminal.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.results import measures
from sfmodel.results.intervals import LEVEL
from sfmodel.results.replications import is_replicated, replications, seeds_of, written_seeds
from sfmodel.results.summary_over_seeds import combine
from sfmodel.results.variables import FAILURES

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

PERIODS = {"whole": "whole run", "normal": "normal hours", "peak": "peak hours"}
"""Every period of a summary, and how it is called."""

WIDE = 110
"""Columns from which on a table has room for means and intervals side by side."""

_BUSIEST = 5
_MANY = 0.01
"""Share of requests refused from which on it is said that response times are theirs too."""
_OF_USERS = {
    "users_retries": "Requests made again by users",
    "users_abandoned": "Requests abandoned by users",
    "users_given_up": "Requests given up",
    "views": "Views",
    "views_lost": "Views lost",
}
"""Totals of users: variable → title."""
_FACTS = (
    "name",
    "platform",
    "scenario",
    "seed",
    "version",
    "digest",
    "requests",
    "events",
    "wall_seconds",
    "compile_seconds",
)


@dataclass(frozen=True)
class Figure:
    """One headline figure of one period."""

    key: str
    """Name in summary.json."""
    title: str
    """Name in a table."""
    value: float
    """Value; NaN where there is nothing to measure."""
    unit: str
    """Unit of the value: `share` is out of 1."""


def summarise(ds: xr.Dataset, stations: Mapping[str, Collection[str]] | None = None) -> dict[str, Any]:
    """Headline figures of a run: facts of the run, then for each period a mapping of key → name, value, unit.

    A figure that cannot be measured (no requests, no lookups) has the value None. Under `classes` are, for each period
    and class of requests (or endpoint where requests enter): requests, share that was ok, mean, p95 and p99 in s. Of
    several replications the values are means, and the figures have intervals, as `combine` says.

    Parameters
    ----------
    ds
        Dataset of a run, plain or of several replications.
    stations
        Stations that are shown, by period; none: the busiest, of several replications those that are in any.
    """
    stations = busiest(ds) if stations is None else stations
    if is_replicated(ds):
        return combine([summarise(one, stations) for one in replications(ds).values()], _facts(ds))
    summary: dict[str, Any] = {"run": _facts(ds), "classes": {}}
    for name, windows in period_windows(ds).items():
        latency = _folded_latency(ds, windows)
        figures = period_figures(ds, windows, latency, stations.get(name, ()))
        summary[name] = {f.key: {"name": f.title, "value": _finite(f.value), "unit": f.unit} for f in figures}
        summary["classes"][name] = _classes(ds, windows, latency)
    return summary


def read_summary(folder: Path) -> dict[str, Any] | None:
    """The summary that was written with a run; none: it is missing, cut short or of another kind."""
    from sfmodel.results.folder import SUMMARY

    try:
        found = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "whole" in found else None


def summary_table(summary: dict[str, Any], title: str = "", width: int = WIDE) -> Table:
    """Lay a summary out as a table: a line for each figure, a column for each period.

    Of several replications a figure is its mean ± half of its interval, which in a narrow table is below the mean.
    """
    from rich.table import Table

    periods = [name for name in PERIODS if name in summary]
    table = Table(title=title or None, title_justify="left", header_style="bold")
    table.add_column("figure")
    for name in periods:
        table.add_column(PERIODS[name], justify="right", no_wrap=True)
    keys = dict.fromkeys(key for name in periods for key in summary[name])
    for key in keys:
        entries = [summary[name].get(key) for name in periods]
        label = next(entry["name"] for entry in entries if entry)
        table.add_row(label, *(_cell(entry, " " if width >= WIDE else "\n") if entry else "" for entry in entries))
    return table


def _cell(entry: dict[str, Any], between: str) -> str:
    value, high = entry["value"], entry.get("high")
    if value is None or high is None:
        return format_value(value, entry["unit"])
    return format_interval(value, high - value, entry["unit"], between)


def notes(summary: dict[str, Any]) -> list[str]:
    """Sentences that belong below the table."""
    seeds, left_out = (summary["run"].get(key) for key in ("seeds", "transient"))
    lines = []
    if seeds:
        over = f"{len(seeds)} replications, seeds {written_seeds(seeds)}"
        lines.append(f"Means over {over}, ± half of their {LEVEL:.0%} intervals.")
    if left_out:
        lines.append(f"Left out: the start-up transient, the first {format_value(left_out['value'], 's')} of the run.")
    refused = {name: _refused(summary[name]) for name in PERIODS if name in summary}
    most = max(refused, key=lambda name: refused[name])
    if refused[most] >= _MANY:
        share = f"{format_value(refused[most], 'share')} in the {PERIODS[most]}"
        lines.append(f"Response times are of all requests, also of those refused at once, which are quick: {share}.")
    return lines


def _refused(figures: Mapping[str, Any]) -> float:
    """Share of requests refused, most of them as soon as they came."""
    return math.fsum(
        figures.get(f"failed_{outcome}", {}).get("value") or 0.0 for outcome in ("rejected", "throttled", "open")
    )


def classes_table(summary: dict[str, Any]) -> Table | None:
    """Lay out the classes of requests, of the peak hours if the run has any, else of the whole run; none: no requests."""
    from rich.table import Table

    classes = summary.get("classes", {})
    period = "peak" if "peak" in classes else "whole"
    if not classes.get(period):
        return None
    table = Table(title=f"Requests by class, {PERIODS[period]}", title_justify="left", header_style="bold")
    table.add_column("class")
    for name in ("requests", "ok", "mean", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for label, found in classes[period].items():
        durations = (format_value(found[name], "s") for name in ("mean", "p95", "p99"))
        ok = f"{math.floor(1e4 * found['ok']) / 100:.2f} %"  # 100 % means all of them
        table.add_row(label, format_value(found["requests"], "1"), ok, *durations)
    return table


def format_value(value: float | None, unit: str) -> str:
    """Write a value with its unit as a person would: 84 ms, 1.27 s, 3.1 %, 12.4 k."""
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "s":
        if abs(value) < 0.9995:
            return f"{value * 1000:.3g} ms"
        return f"{value:.3g} s" if value < 999.5 else f"{value:,.0f} s"
    if unit == "share":
        percent = 100 * value
        return f"{percent:.1f} %" if percent >= 1 or percent == 0 else f"{percent:.2g} %"
    number = f"{value:,.0f}" if abs(value) >= 999.5 or value == int(value) else f"{value:.3g}"
    return number if unit == "1" else number + unit.removeprefix("1") if unit.startswith("1/") else f"{number} {unit}"


def format_interval(mean: float, half: float, unit: str, between: str = " ") -> str:
    """Write a mean and half of its interval in the unit of the mean, to two digits of the half: 110.2 ± 1.3 ms."""
    factor, name = _scale(mean, unit)
    mean, half = mean * factor, half * factor
    digits = max(0, 1 - math.floor(math.log10(half))) if 0 < half < 10 else 0
    digits = min(digits, 9) if half else _digits_of(mean)
    return f"{mean:,.{digits}f}{between}± {half:,.{digits}f}{name}"


def _scale(mean: float, unit: str) -> tuple[float, str]:
    """Factor and unit in which a person would write a value."""
    if unit == "s":
        return (1000.0, " ms") if abs(mean) < 0.9995 else (1.0, " s")
    if unit == "share":
        return 100.0, " %"
    large = (1e-6, " M") if abs(mean) >= 1e6 else (1.0, "")
    return large[0], large[1] + ("" if unit == "1" else unit[1:] if unit.startswith("1/") else f" {unit}")


def _digits_of(value: float) -> int:
    """Digits behind the point that a value known exactly needs, of three."""
    return 0 if value == int(value) else max(0, 2 - math.floor(math.log10(abs(value))))


def busiest(*runs: xr.Dataset) -> dict[str, list[str]]:
    """Stations that are among those with the highest utilisation in any of the runs, by period, each run's busiest first."""
    found: dict[str, dict[str, None]] = {}
    for one in (one for ds in runs for one in replications(ds).values()):
        for name, windows in period_windows(one).items():
            found.setdefault(name, {}).update(dict.fromkeys(_busiest(one, windows)))
    return {name: list(stations) for name, stations in found.items()}


def _busiest(ds: xr.Dataset, windows: NDArray[np.bool_]) -> list[str]:
    if "station_busy" not in ds:
        return []
    busy = np.nan_to_num(measures.utilisation(measures.fold(ds, windows, _OF_STATIONS)).values)
    order = np.argsort(-busy, kind="stable")[:_BUSIEST]
    return [str(ds["station"].values[k]) for k in order if busy[k] > 0]


def period_windows(ds: xr.Dataset) -> dict[str, NDArray[np.bool_]]:
    """Windows of each period that the run covers, shape [time]: the whole run, normal hours, peak hours.

    A start-up transient belongs to none of them.
    """
    settled = measures.settled(ds)
    periods = {"whole": settled}
    for name in ("normal", "peak"):
        hours = hours_of(ds, name)
        if hours is not None:
            windows = measures.within_hours(ds, *hours) & settled
            if windows.any():
                periods[name] = windows
    return periods


def hours_of(ds: xr.Dataset, name: str) -> tuple[float, float] | None:
    """Start and end, s since midnight, of the `normal` or `peak` hours named by the demand; none: not named."""
    hours = ds.attrs.get(f"{name}_hours")
    if hours is None:
        config = ds.attrs.get("config")
        demand = config.get("demand") if isinstance(config, dict) else None
        hours = demand.get(f"{name}_hours") if isinstance(demand, dict) else None
    if not hours:
        return None
    from sfmodel.schema.quantities import to_clock_s

    start, end = (to_clock_s(value) if isinstance(value, str) else float(value) for value in hours)
    return start, end


def period_figures(
    ds: xr.Dataset, windows: NDArray[np.bool_], latency: xr.DataArray | None, stations: Collection[str]
) -> list[Figure]:
    """Headline figures of the windows chosen, shape [time], whose response times are the histogram `latency`."""
    period = measures.fold(ds, windows, [str(name) for name in ds.data_vars if not str(name).endswith(_HISTOGRAMS)])
    figures = list(_request_figures(period, latency))
    for part in (_user_figures, _cache_figures, _limiter_figures):
        figures.extend(part(period))
    figures.extend(_station_figures(period, stations))
    figures.extend(_queue_figures(period))
    figures.extend(_counter_figures(ds, period, windows))
    return [*_aims(ds, windows), *figures]


def possible_figures(labels: Mapping[str, Sequence[str]], counters: Mapping[str, str]) -> dict[str, str]:
    """Headline figures that runs may show, but for aims: key → unit; some only of what happens, such as kinds of failure.

    Parameters
    ----------
    labels
        Names of things, by dimension, as a plan has them.
    counters
        The platform's own counters: name → unit.
    """
    of_requests = {"requests": "1", "request_rate": "1/s", "failed": "share"}
    response = {f"response_{which}": "s" for which in ("mean", "p50", "p95", "p99")}
    failures = {f"failed_{outcome}": "share" for outcome in FAILURES}
    of_things = {
        f"{begin}.{label}": unit
        for thing, begin, unit in (
            ("cache", "hit_rate", "share"), ("limiter", "refused", "share"), ("station", "busy", "share"),
            ("station", "waiting", "1"), ("queue", "longest", "1"),
        )
        for label in labels.get(thing, ())
    }  # fmt: skip
    return {**of_requests, **response, **failures, **dict.fromkeys(_OF_USERS, "1"), **of_things, **counters}


def _aims(ds: xr.Dataset, windows: NDArray[np.bool_]) -> Iterator[Figure]:
    """What the platform's operators judge it by."""
    from sfmodel.aims import measured  # written in the language of rows, which is built upon results

    for name, (aim, value) in measured(ds, windows).items():
        yield Figure(name, aim.title, value, aim.unit)


def request_latency(ds: xr.Dataset) -> xr.DataArray | None:
    """Histogram of response times with dimensions time and latency: users' requests, else root endpoints."""
    if "users_latency" in ds:
        return ds["users_latency"]
    entered = measures.roots(ds)
    return ds["endpoint_latency"].sel(endpoint=entered) if entered and "endpoint_latency" in ds else None


_HISTOGRAMS = ("_latency", "_latency_ok")
_OF_STATIONS = ("station_busy", "station_servers")
_OF_REQUESTS = ("users_outcomes", "users_time", "endpoint_outcomes", "endpoint_time", "edge_to")


def _facts(ds: xr.Dataset) -> dict[str, Any]:
    facts = {name: ds.attrs[name] for name in _FACTS if name in ds.attrs}
    if is_replicated(ds):
        facts["seeds"] = seeds_of(ds)
    width = float(ds["width"].sum())
    facts["simulated"] = {"name": "Simulated time", "value": width, "unit": "s"}
    transient_s = measures.transient_s(ds)
    if transient_s:
        facts["transient"] = {"name": "Start-up transient, left out", "value": transient_s, "unit": "s"}
    wall = facts.get("wall_seconds")
    if wall and "requests" in facts:
        facts["speed"] = {"name": "Requests per second of wall time", "value": facts["requests"] / wall, "unit": "1/s"}
    return facts


def _folded_latency(ds: xr.Dataset, windows: NDArray[np.bool_]) -> xr.DataArray | None:
    """Histogram of the response times of a period, for each class or endpoint."""
    histogram = request_latency(ds)
    return histogram if histogram is None else measures.fold(histogram.to_dataset(name="counts"), windows)["counts"]


def _classes(
    ds: xr.Dataset, windows: NDArray[np.bool_], latency: xr.DataArray | None
) -> dict[str, dict[str, float | None]]:
    """What `classes` of a summary holds for one period; classes without requests are left out."""
    of, inside = _requests(measures.fold(ds, windows, _OF_REQUESTS))
    if inside is None or latency is None:
        return {}
    dim = latency.dims[0]
    tails = measures.quantile(latency, [0.95, 0.99])
    columns = {
        "requests": measures.ended(inside, of),
        "ok": measures.outcome_shares(inside, of).sel(outcome="ok"),
        "mean": measures.mean_time(inside, of),
        "p95": tails.sel(quantile=0.95),
        "p99": tails.sel(quantile=0.99),
    }
    values = {name: column.values for name, column in columns.items()}
    return {
        str(label): {name: _finite(float(column[k])) for name, column in values.items()}
        for k, label in enumerate(latency[dim].values)
        if values["requests"][k]
    }


def _request_figures(period: xr.Dataset, latency: xr.DataArray | None) -> Iterator[Figure]:
    """Requests, rate, response times, and failures by kind."""
    of, inside = _requests(period)
    if inside is None:
        return
    outcomes = inside[f"{of}_outcomes"].sum("request" if of == "users" else "endpoint")
    ended = float(outcomes.sum())
    seconds = float(period["width"])
    yield Figure("requests", "Requests ended", ended, "1")
    yield Figure("request_rate", "Requests ended per second", ended / seconds if seconds else math.nan, "1/s")
    total_s = float(inside[f"{of}_time"].sum())
    yield Figure("response_mean", "Response time, mean", total_s / ended if ended else math.nan, "s")
    for percent, value in zip((50, 95, 99), _quantiles(latency), strict=True):
        yield Figure(f"response_p{percent}", f"Response time, p{percent}", value, "s")
    failed = ended - float(outcomes.sel(outcome="ok"))
    yield Figure("failed", "Requests failed", failed / ended if ended else math.nan, "share")
    for outcome in FAILURES:
        count = float(outcomes.sel(outcome=outcome))
        if count:
            yield Figure(f"failed_{outcome}", f"  {outcome}", count / ended, "share")


def _requests(period: xr.Dataset) -> tuple[str, xr.Dataset | None]:
    if "users_outcomes" in period:
        return "users", period
    entered = measures.roots(period)
    if entered and "endpoint_outcomes" in period:
        return "endpoint", period.sel(endpoint=entered)
    return "endpoint", None


def _quantiles(latency: xr.DataArray | None) -> list[float]:
    if latency is None:
        return [math.nan] * 3
    counts = latency.sum([dim for dim in latency.dims if dim != "latency"])
    return [float(value) for value in measures.quantile(counts, [0.5, 0.95, 0.99]).values]


def _user_figures(period: xr.Dataset) -> Iterator[Figure]:
    for name, title in _OF_USERS.items():
        if name in period:
            yield Figure(name, title, float(period[name].sum()), "1")


def _cache_figures(period: xr.Dataset) -> Iterator[Figure]:
    if "cache_hits" not in period:
        return
    rates = measures.hit_rate(period)
    for cache in period["cache"].values:
        yield Figure(f"hit_rate.{cache}", f"Hit rate, {cache}", float(rates.sel(cache=cache)), "share")


def _limiter_figures(period: xr.Dataset) -> Iterator[Figure]:
    if "limiter_passed" not in period:
        return
    shares = measures.refused_share(period)
    for limiter in period["limiter"].values:
        yield Figure(f"refused.{limiter}", f"Refused by {limiter}", float(shares.sel(limiter=limiter)), "share")


def _station_figures(period: xr.Dataset, stations: Collection[str]) -> Iterator[Figure]:
    """Utilisation and queue."""
    there = set(period["station"].values.tolist()) if "station_busy" in period else set()
    shown = [station for station in stations if station in there]
    if not shown:
        return
    busy, waiting = measures.utilisation(period), measures.mean_waiting(period)
    for station in shown:
        yield Figure(f"busy.{station}", f"Busy, {station}", float(busy.sel(station=station)), "share")
        yield Figure(f"waiting.{station}", "  waiting there, mean", float(waiting.sel(station=station)), "1")


def _queue_figures(period: xr.Dataset) -> Iterator[Figure]:
    if "queue_length_max" not in period:
        return
    for queue in period["queue"].values:
        longest = float(period["queue_length_max"].sel(queue=queue))
        yield Figure(f"longest.{queue}", f"Longest queue, {queue}", longest, "1")


def _counter_figures(ds: xr.Dataset, period: xr.Dataset, windows: NDArray[np.bool_]) -> Iterator[Figure]:
    """What was added to each counter; of a counter that does not begin at 0, its total at the end of the period."""
    from sfmodel.results.variables import VARIABLES

    totals = ds.attrs.get("counter_totals", {})
    later = slice(int(np.flatnonzero(windows)[-1]) + 1 if windows.any() else 0, None)
    for name, variable in period.data_vars.items():
        if name not in VARIABLES and not variable.dims and variable.attrs.get("kind") == "sum":
            title = str(variable.attrs.get("long_name", name))
            value = totals[name] - float(ds[name][later].sum()) if name in totals else float(variable)
            yield Figure(str(name), title, value, str(variable.attrs.get("units", "1")))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
