"""The headline figures of a run, for any platform: of the whole run, and of normal and peak hours if it has them.

Requests are the users' where the platform has users, else those of the endpoints that no other endpoint calls.
`summarise` gives them as data (summary.json), `summary_table` as a table for a terminal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.results import measures
from sfmodel.results.variables import FAILURES

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

PERIODS = ("whole", "normal", "peak")

_BUSIEST = 5
_FACTS = ("name", "platform", "scenario", "seed", "version", "requests", "events", "wall_seconds", "compile_seconds")


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


def summarise(ds: xr.Dataset) -> dict[str, Any]:
    """Headline figures of a run: facts of the run, then for each period a mapping of key → name, value, unit.

    A figure that cannot be measured (no requests, no lookups) has the value None.
    """
    summary: dict[str, Any] = {"run": _facts(ds)}
    for name, windows in period_windows(ds).items():
        figures = period_figures(ds, windows)
        summary[name] = {f.key: {"name": f.title, "value": _finite(f.value), "unit": f.unit} for f in figures}
    return summary


def summary_table(summary: dict[str, Any], title: str = "") -> Table:
    """Lay a summary out as a table: a line for each figure, a column for each period."""
    from rich.table import Table

    periods = [name for name in PERIODS if name in summary]
    table = Table(title=title or None, title_justify="left", header_style="bold")
    table.add_column("figure")
    for name in periods:
        table.add_column({"whole": "whole run", "normal": "normal hours", "peak": "peak hours"}[name], justify="right")
    keys = dict.fromkeys(key for name in periods for key in summary[name])
    for key in keys:
        entries = [summary[name].get(key) for name in periods]
        label = next(entry["name"] for entry in entries if entry)
        table.add_row(label, *(format_value(entry["value"], entry["unit"]) if entry else "" for entry in entries))
    return table


def format_value(value: float | None, unit: str) -> str:
    """Write a value with its unit as a person would: 84 ms, 1.27 s, 3.1 %, 12.4 k."""
    if value is None or not math.isfinite(value):
        return "–"
    if unit == "s":
        if abs(value) < 0.9995:
            return f"{value * 1000:.3g} ms"
        return f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"
    if unit == "share":
        percent = 100 * value
        return f"{percent:.1f} %" if percent >= 1 or percent == 0 else f"{percent:.2g} %"
    number = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return number if unit == "1" else number + unit.removeprefix("1") if unit.startswith("1/") else f"{number} {unit}"


def period_windows(ds: xr.Dataset) -> dict[str, NDArray[np.bool_]]:
    """Windows of each period that the run covers, shape [time]: the whole run, normal hours, peak hours."""
    periods = {"whole": np.ones(ds.sizes["time"], bool)}
    for name in ("normal", "peak"):
        hours = hours_of(ds, name)
        if hours is not None:
            windows = measures.within_hours(ds, *hours)
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


def period_figures(ds: xr.Dataset, windows: NDArray[np.bool_]) -> list[Figure]:
    """Headline figures of the windows chosen, shape [time]."""
    period = measures.fold(ds, windows, [str(name) for name in ds.data_vars if not str(name).endswith(_HISTOGRAMS)])
    figures = list(_request_figures(ds, period, windows))
    for part in _PARTS:
        figures.extend(part(period))
    return figures


def request_latency(ds: xr.Dataset) -> xr.DataArray | None:
    """Histogram of response times with dimensions time and latency: users' requests, else root endpoints."""
    if "users_latency" in ds:
        return ds["users_latency"]
    entered = measures.roots(ds)
    return ds["endpoint_latency"].sel(endpoint=entered) if entered and "endpoint_latency" in ds else None


_HISTOGRAMS = ("_latency", "_latency_ok")


def _facts(ds: xr.Dataset) -> dict[str, Any]:
    facts = {name: ds.attrs[name] for name in _FACTS if name in ds.attrs}
    width = float(ds["width"].sum())
    facts["simulated"] = {"name": "Simulated time", "value": width, "unit": "s"}
    wall = facts.get("wall_seconds")
    if wall and "requests" in facts:
        facts["speed"] = {"name": "Requests per second of wall time", "value": facts["requests"] / wall, "unit": "1/s"}
    return facts


def _request_figures(ds: xr.Dataset, period: xr.Dataset, windows: NDArray[np.bool_]) -> Iterator[Figure]:
    """Requests, rate, response times, and failures by kind."""
    of, inside = _requests(period)
    if inside is None:
        return
    outcomes = inside[f"{of}_outcomes"].sum("request" if of == "users" else "endpoint")
    answered = float(outcomes.sum())
    seconds = float(period["width"])
    yield Figure("requests", "Requests answered", answered, "1")
    yield Figure("request_rate", "Requests answered per second", answered / seconds if seconds else math.nan, "1/s")
    total_s = float(inside[f"{of}_time"].sum())
    yield Figure("response_mean", "Response time, mean", total_s / answered if answered else math.nan, "s")
    for percent, value in zip((50, 95, 99), _quantiles(ds, windows), strict=True):
        yield Figure(f"response_p{percent}", f"Response time, p{percent}", value, "s")
    failed = answered - float(outcomes.sel(outcome="ok"))
    yield Figure("failed", "Requests failed", failed / answered if answered else math.nan, "share")
    for outcome in FAILURES:
        count = float(outcomes.sel(outcome=outcome))
        if count:
            yield Figure(f"failed_{outcome}", f"  {outcome}", count / answered, "share")


def _requests(period: xr.Dataset) -> tuple[str, xr.Dataset | None]:
    if "users_outcomes" in period:
        return "users", period
    entered = measures.roots(period)
    if entered and "endpoint_outcomes" in period:
        return "endpoint", period.sel(endpoint=entered)
    return "endpoint", None


def _quantiles(ds: xr.Dataset, windows: NDArray[np.bool_]) -> list[float]:
    histogram = request_latency(ds)
    if histogram is None:
        return [math.nan] * 3
    narrow = histogram.to_dataset(name="latency_counts")
    folded = measures.fold(narrow, windows)["latency_counts"]
    counts = folded.sum([dim for dim in folded.dims if dim != "latency"])
    return [float(value) for value in measures.quantile(counts, [0.5, 0.95, 0.99]).values]


def _user_figures(period: xr.Dataset) -> Iterator[Figure]:
    titles = {
        "users_retries": "Requests made again by users",
        "users_abandoned": "Requests abandoned by users",
        "users_given_up": "Requests given up",
        "views": "Views",
        "views_lost": "Views lost",
    }
    for name, title in titles.items():
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


def _station_figures(period: xr.Dataset) -> Iterator[Figure]:
    """Utilisation and queue of the busiest stations."""
    if "station_busy" not in period:
        return
    busy, waiting = measures.utilisation(period), measures.mean_waiting(period)
    order = np.argsort(-np.nan_to_num(busy.values), kind="stable")
    for station in period["station"].values[order[:_BUSIEST]]:
        if float(busy.sel(station=station)) > 0:
            yield Figure(f"busy.{station}", f"Busy, {station}", float(busy.sel(station=station)), "share")
            yield Figure(f"waiting.{station}", "  waiting there, mean", float(waiting.sel(station=station)), "1")


def _queue_figures(period: xr.Dataset) -> Iterator[Figure]:
    if "queue_length_max" not in period:
        return
    for queue in period["queue"].values:
        longest = float(period["queue_length_max"].sel(queue=queue))
        yield Figure(f"longest.{queue}", f"Longest queue, {queue}", longest, "1")


def _counter_figures(period: xr.Dataset) -> Iterator[Figure]:
    from sfmodel.results.variables import VARIABLES

    for name, variable in period.data_vars.items():
        if name not in VARIABLES and not variable.dims and variable.attrs.get("kind") == "sum":
            title = str(variable.attrs.get("long_name", name))
            yield Figure(str(name), title, float(variable), str(variable.attrs.get("units", "1")))


_PARTS: tuple[Callable[[xr.Dataset], Iterator[Figure]], ...] = (
    _user_figures,
    _cache_figures,
    _limiter_figures,
    _station_figures,
    _queue_figures,
    _counter_figures,
)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
