"""What an evening is drawn from, on paper or in a terminal: the run in coarse windows, its panels, its hours."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.figures.panel import Panel, read_panels
from sfmodel.results import measures
from sfmodel.results.replications import replications
from sfmodel.results.summary import hours_of, request_latency
from sfmodel.rows.bands import event_spans, spans
from sfmodel.rows.files import file_of
from sfmodel.rows.rows import Rows, read_rows
from sfmodel.rows.windows import Windows

if TYPE_CHECKING:
    import xarray as xr

GENERIC = (
    "demand", "response_time", "errors", "hit_rate", "utilisation", "waiting", "limiter_use", "station_time",
    "endpoint_time", "queue_length",
)  # fmt: skip
"""Panels of a platform that names none."""

_WIDTHS_S = (10, 30, 60, 300, 600, 1800, 3600, 21600)
_MOST_POINTS = 150
_MOST_TRIGGERS = 24


@dataclass(frozen=True)
class Evening:
    """What panels are made from."""

    ds: xr.Dataset
    """Dataset of the run."""
    limits_per_s: Mapping[str, float]
    """Configured rate of each limiter, 1/s, where it is one for the platform."""
    rows: Rows
    """What the platform is known to do; empty where nothing is."""
    width_s: float
    """Width of the coarse windows, s."""
    _read: dict[tuple[str, ...], xr.Dataset] = field(default_factory=dict, repr=False)

    def coarse(self, *named: str) -> xr.Dataset:
        """Coarse windows of variables, each named or with all whose names begin so (`station`), histograms left out; kept."""
        if named not in self._read:
            names = [
                str(name) for name in self.ds.data_vars if str(name) in named or str(name).partition("_")[0] in named
            ]
            counted = [name for name in names if "latency" not in self.ds.variables[name].dims]
            self._read[named] = measures.coarsen(self.ds, self.width_s, counted)
        return self._read[named]

    @cached_property
    def runs(self) -> list[Windows]:
        """The coarse windows of each replication, for expressions."""
        return [Windows(one, self.width_s, self.rows.define) for one in replications(self.ds).values()]

    @cached_property
    def latency(self) -> xr.DataArray | None:
        """Histogram of requests' response times, dimensions time and latency."""
        histogram = request_latency(self.ds)
        if histogram is None:
            return None
        return measures.coarsen(histogram.to_dataset(name="latency_counts"), self.width_s)["latency_counts"]

    @cached_property
    def windows(self) -> xr.Dataset:
        """When each coarse window begins (`time`, s since midnight) and how wide it is (`width`, s)."""
        return measures.coarsen(self.ds, self.width_s, [])

    @cached_property
    def time_s(self) -> NDArray[np.float64]:
        """Middle of each window, s since midnight, shape [time]."""
        return np.asarray(self.windows["time"].values + self.windows["width"].values / 2)

    @cached_property
    def start_s(self) -> float:
        """Start of the run, s since midnight."""
        return float(self.ds["time"].values[0])

    @cached_property
    def end_s(self) -> float:
        """End of the run, s since midnight of the first day."""
        return measures.run_end_s(self.ds)

    def spans(self, hours: tuple[float, float]) -> Iterator[tuple[float, float]]:
        """The parts of the run that lie within these hours of a day, s since midnight of the first."""
        length_s = (hours[1] - hours[0]) % measures.DAY_S or measures.DAY_S
        for day in range(-1, int(self.end_s // measures.DAY_S) + 1):
            low_s = hours[0] + day * measures.DAY_S
            if low_s < self.end_s and low_s + length_s > self.start_s:
                yield max(low_s, self.start_s), min(low_s + length_s, self.end_s)

    @cached_property
    def peaks(self) -> list[tuple[float, float]]:
        """The peak hours of the run, s since midnight of the first day."""
        hours = hours_of(self.ds, "peak")
        return [] if hours is None else list(self.spans(hours))

    @cached_property
    def triggers(self) -> list[tuple[float, float]]:
        """When events of the scenario and timed arrivals act, s since midnight of the first day, as far as the run goes; one
        without an end is a moment, and of more than _MOST_TRIGGERS none are arrivals.
        """
        written = self.ds.attrs.get("config")
        config = written if isinstance(written, dict) else {}
        found = list(spans(config))
        if len(found) > _MOST_TRIGGERS:
            found = list(event_spans(config))
        return [
            (max(low_s, self.start_s), low_s if math.isinf(high_s) else min(high_s, self.end_s))
            for low_s, high_s in found
            if low_s < self.end_s and high_s > self.start_s
        ]


def evening_of(ds: xr.Dataset, most: int = _MOST_POINTS) -> Evening:
    """Make a run coarse enough to be drawn, with so many windows at most."""
    span_s = float(ds["width"].sum())
    width_s = next((w for w in _WIDTHS_S if w >= ds.attrs["window_s"] and span_s / w <= most), _WIDTHS_S[-1])
    file = file_of("rows", ds)
    rows = read_rows(file) if file else Rows()
    return Evening(ds, limits_per_s(ds), rows, width_s)


def platform_panels(ds: xr.Dataset) -> Sequence[Panel]:
    """Panels of the platform's own file under `conf/figures`, else the generic ones."""
    path = file_of("figures", ds)
    return read_panels(path) if path else [Panel(panel=panel) for panel in GENERIC]


def title_of(ds: xr.Dataset) -> str:
    """Title of the platform, and of the scenario if there is one."""
    platform = ds.attrs.get("title") or ds.attrs.get("platform") or "platform"
    scenario = ds.attrs.get("scenario")
    return str(platform) + (f" · {scenario}" if scenario and scenario != "none" else "")


def limits_per_s(ds: xr.Dataset) -> dict[str, float]:
    """Configured rate, 1/s, of each limiter that is one for the whole platform, where the attributes tell."""
    config = ds.attrs.get("config")
    platform = config.get("platform") if isinstance(config, dict) else None
    services = (platform or {}).get("services") or {}
    limits = {}
    for service, written in services.items():
        for name, limiter in (written.get("limiters") or {}).items():
            rate_per_s = _limit_per_s(limiter)
            if rate_per_s is not None:
                limits[f"{service}.{name}"] = rate_per_s
    return limits


def _limit_per_s(limiter: Mapping[str, Any]) -> float | None:
    from sfmodel.schema.quantities import to_duration_s, to_rate_per_s

    if limiter.get("key") is not None:
        return None
    if limiter.get("rate") is not None:
        return _in_base_units(limiter["rate"], to_rate_per_s)
    return float(limiter["limit"]) / _in_base_units(limiter["window"], to_duration_s)


def _in_base_units(written: Any, convert: Callable[[Any], float]) -> float:
    """A number stands for itself: so a program that computed the platform has left it in the dataset."""
    return float(written if isinstance(written, int | float) else convert(written))
