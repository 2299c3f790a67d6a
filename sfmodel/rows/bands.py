"""A run beside its pair: the same seed, start and platform, without the trigger.

Until the trigger both are the same to the last bit. Afterwards they also differ by chance, since a request that takes
another way draws its own numbers. So a symptom is judged against a band: from the lowest to the highest value of the
paired run within five minutes before and after, widened by a quarter of its width on either side.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.errors import ConfigError
from sfmodel.results.measures import run_end_s
from sfmodel.rows.windows import Windows
from sfmodel.schema.quantities import to_clock_s, to_duration_s

if TYPE_CHECKING:
    import xarray as xr

Direction = Literal["up", "down", "either"]

HALF_BAND_S = 300.0
WIDENED = 0.25
RECOVERED_S = 300.0
"""Recovered is who is back inside the band for so long."""
FOLLOW_UP_S = 1800.0
"""Who has not begun to recover so long after the trigger's end does not; of a run that ends before, nobody knows."""


@dataclass(frozen=True)
class Pair:
    """A run and its pair over the windows that both have."""

    run: Windows
    base: Windows
    begins_s: float
    """When the trigger begins, s since midnight of day 1."""
    ends_s: float
    """When it ends."""

    @property
    def time_s(self) -> NDArray[np.float64]:
        """Start of each window, s since midnight of day 1."""
        return np.asarray(self.run.ds["time"].values, float)

    @property
    def end_s(self) -> float:
        """When the shorter of both ends, s since midnight of day 1."""
        return run_end_s(self.run.ds)

    @property
    def is_triggered(self) -> bool:
        """Whether both go on until the trigger begins."""
        return self.end_s > self.begins_s


def paired(ds: xr.Dataset, base: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Return the windows that a run and its pair have in common.

    Raises
    ------
    ConfigError
        They differ in platform, seed, start or window, so that nothing follows from their difference.
    """
    starts_s = [float(one["time"].values[0]) for one in (ds, base)]
    seconds = any(time_s % 60 for time_s in starts_s)
    facts = {
        "platform": (ds.attrs.get("platform"), base.attrs.get("platform")),
        "seed": (ds.attrs.get("seed"), base.attrs.get("seed")),
        "start": tuple(clock(time_s, seconds) for time_s in starts_s),
        "window": tuple(f"{one.attrs['window_s']:g} s" for one in (ds, base)),
    }
    for what, (found, expected) in facts.items():
        if found != expected:
            raise ConfigError(
                f"--against: expected a run of the same platform, seed, start and window; {what} is {found} here "
                f"and {expected} there"
            )
    windows = min(ds.sizes["time"], base.sizes["time"])
    return ds.isel(time=slice(windows)), base.isel(time=slice(windows))


def make_pair(ds: xr.Dataset, base: xr.Dataset, defined: Mapping[str, Any]) -> Pair | None:
    """Put a run beside its pair; none where the run has no trigger that its pair does not have.

    Raises
    ------
    ConfigError
        They are no pair.
    """
    run, other = paired(ds, base)
    found = trigger_s(run, other)
    width_s = float(ds.attrs["window_s"])
    if found is None:
        return None
    return Pair(Windows(run, width_s, defined), Windows(other, width_s, defined), *found)


def trigger_s(ds: xr.Dataset, base: xr.Dataset) -> tuple[float, float] | None:
    """When what only the run has begins, and when its first part ends, s since midnight; none: it has nothing of its own.

    That is the first event of its scenario, or the first arrival of a source that its pair does not have.
    """
    found = sorted(spans(_config(ds), _config(base)))
    return found[0] if found else None


def first_trigger_s(ds: xr.Dataset) -> float | None:
    """When the trigger of a run without a pair begins, s since midnight: its scenario's first event; if the scenario has none,
    the first timed arrival while the run lasts. None: there is neither."""
    config = _config(ds)
    events = sorted(event_spans(config))
    begin_s = float(ds["time"].values[0]) if ds.sizes["time"] else math.inf
    found = events or [one for one in sorted(spans(config)) if begin_s <= one[0] < run_end_s(ds)]
    return found[0][0] if found else None


def event_spans(config: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> Iterator[tuple[float, float]]:
    """Beginning and end, s since midnight, of every event of a scenario that another has not; inf: it has no end."""
    known = _events(other or {})
    yield from (_span(event, math.inf) for event in _events(config) if event not in known)


def spans(config: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> Iterator[tuple[float, float]]:
    """Beginning and end, s since midnight, of every event and every timed arrival that another configuration has not."""
    yield from event_spans(config, other)
    sources, others = ((c or {}).get("platform", {}).get("sources") or {} for c in (config, other))
    for name, source in sources.items():
        if name not in others:
            for spike in source.get("spikes") or []:
                yield _span(spike, 60.0)
            for at in source.get("at") or []:
                yield _span({"at": at}, 0.0)


def onset_s(
    pair: Pair,
    values: NDArray[np.float64],
    base: NDArray[np.float64],
    direction: Direction = "either",
    reaches: float | None = None,
    lasting_s: float = 30.0,
) -> float:
    """Time of the first window, at or after the trigger, in which a symptom shows; NaN: it does not.

    Parameters
    ----------
    pair
        Run and pair.
    values, base
        The measure in each window of either, shape [time].
    direction
        On which side of the band.
    reaches
        The symptom is that it reaches this value (from the side of the direction), not that it leaves the band.
    lasting_s
        It must last so long, s; the first window of that time is its onset.
    """
    low, high = band(base, round(HALF_BAND_S / pair.run.width_s))
    if reaches is None:
        sides = {"up": values > high, "down": values < low}
        shows = sides.get(direction, (values > high) | (values < low))
    else:
        shows = values <= reaches if direction == "down" else values >= reaches
    width_s = pair.run.width_s
    first = _first(_lasting(shows & (pair.time_s + width_s > pair.begins_s), max(1, round(lasting_s / width_s))))
    return math.nan if first is None else float(pair.time_s[first])


def recovery_s(pair: Pair, measures: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Time, s, from the end of the trigger until all measures are back in their bands for five minutes.

    Five minutes in which there is nothing to measure are none in which it is back, unless the paired run has nothing either.
    inf: never, within half an hour at least; NaN: not while the run lasts, which is less, or the trigger has no end.
    """
    inside = pair.time_s + 1e-9 >= pair.ends_s
    half, lasting = (round(length_s / pair.run.width_s) for length_s in (HALF_BAND_S, RECOVERED_S))
    silent = np.zeros(pair.time_s.shape, bool)
    for values, base in measures:
        low, high = band(base, half)
        inside = inside & ~((values < low) | (values > high))
        silent = silent | (_lasting(np.isnan(values), lasting) & ~_lasting(np.isnan(base), lasting))
    first = _first(_lasting(inside, lasting) & ~silent)
    if first is None:
        return math.inf if pair.end_s >= pair.ends_s + FOLLOW_UP_S + RECOVERED_S else math.nan
    return float(pair.time_s[first] - pair.ends_s)


def band(base: NDArray[np.float64], half: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value within `half` windows of each, widened; shape [time] each; NaN where there is none."""
    padded = np.pad(np.asarray(base, float), half, constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    low = np.where(np.isnan(around), np.inf, around).min(axis=1)
    high = np.where(np.isnan(around), -np.inf, around).max(axis=1)
    nothing = np.isinf(low)
    low, high = np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)
    wider = WIDENED * (high - low)
    return low - wider, high + wider


def _lasting(shows: NDArray[np.bool_], lasting: int) -> NDArray[np.bool_]:
    """Where so many windows in a row begin; shape [time]."""
    padded = np.pad(shows, (0, lasting))
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, lasting).all(axis=1))[: shows.size]


def _first(shows: NDArray[np.bool_]) -> int | None:
    return int(np.argmax(shows)) if shows.any() else None


def _events(config: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (config.get("scenario") or {}).get("events") or []


def _span(written: Mapping[str, Any], default_s: float) -> tuple[float, float]:
    begins_s = to_clock_s(written["at"])
    return begins_s, begins_s + (default_s if written.get("for") is None else to_duration_s(written["for"]))


def _config(ds: xr.Dataset) -> Mapping[str, Any]:
    config = ds.attrs.get("config")
    return config if isinstance(config, Mapping) else {}
