"""Whether a run had settled when it began to be measured, and how long it took where it had not.

What is sought is the start-up transient: empty queues, cold caches, sessions that have not begun. An evening is not
stationary, so it is sought where demand is flat, in the first stretch of the run in which the curve of the demand stays
within its own breathing (or 1 %) of where it began and no event or spike falls; where one falls into the warm-up, or
arrivals are recorded, nothing is judged. What the breathing explains is taken out
of each series: its slope against demand, from the second half of the stretch.

Requests answered, response time, tasks at stations and the hit rate of each cache are tested; a transient of less than
2 % of the value is left where it is. A run that had settled is said to have a transient with probability 0.1 % at most:
this holds for series that are autoregressions once demand is taken out. A series that hangs together over more than a
30th of the second half of the stretch is only said to begin elsewhere where a random walk would not. Where demand's
breathing does, nothing is judged; nor is a series whose response to demand is no line, as near to saturation.

Of several replications the mean of each series over them is tested, once, so that the probability of a false alarm is the
same for any number of them, and a transient is seen the better the more there are (Welch, The statistical analysis of
simulation results, in Lavenberg, Computer Performance Modeling Handbook, 1983). What is found holds for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.live import span
from sfmodel.plan.demand import curve
from sfmodel.results import measures
from sfmodel.results.recorder import annotate
from sfmodel.results.replications import replications
from sfmodel.results.transient import LEAST_INDEPENDENT, SHORTEST, begins_elsewhere, transient
from sfmodel.schema.run import Run

if TYPE_CHECKING:
    import xarray as xr

FALSE_ALARMS = 0.001
"""Share of settled runs that may be said to have a transient; each series gets its part."""

SMALLEST = 0.02
"""Transient that matters: difference of means, relative to what follows."""

FLAT = 0.01
"""Demand without breathing counts as flat within this share."""

CONSTANT = 1e-9
"""What differs by less of its mean is constant: it is rounding."""

CURVED = 0.05
"""Share of the rest of a series that the square of demand explains, from which on its response to demand is no line."""

OFTEN = 20
"""Arrivals at fixed intervals belong to the steady state if at least so many fall into the run."""

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Settling:
    """What was found at the beginning of a run."""

    transient_s: float
    """Length of the transient, s; 0: none."""
    seen_in: tuple[str, ...] = ()
    """Series that have it."""
    unsettled: tuple[str, ...] = ()
    """Series that had not settled within the first half of the stretch."""

    @classmethod
    def of(cls, ds: xr.Dataset) -> Settling:
        """What was noted in a dataset."""
        names = (tuple(ds.attrs.get(key, ())) for key in ("transient_in", "unsettled"))
        return cls(measures.transient_s(ds), *names)

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the dataset."""
        return {"transient_s": self.transient_s, "transient_in": list(self.seen_in), "unsettled": list(self.unsettled)}

    def warnings(self, run: Run) -> Iterator[str]:
        """Say what the user should know and do."""
        if self.transient_s:
            enough_s = 60 * math.ceil((run.warmup + self.transient_s) / 60)
            yield (
                f"the run begins with a transient of {span(self.transient_s)}, seen in {', '.join(self.seen_in)}; it is left "
                f"out of the figures. With warmup={enough_s // 60} min it would be over before measuring begins"
            )
        if self.unsettled:
            more = " even then" if self.transient_s else ""
            yield (
                f"the run has not settled{more}, seen in {', '.join(self.unsettled)}: something is overloaded, or the warm-up, "
                f"{span(run.warmup)}, is far too short. Nothing is left out for it; give a longer warmup and a later until"
            )


def settle(run: Run, ds: xr.Dataset) -> Settling:
    """Seek the start-up transient of a finished run, or of its replications together."""
    stretch = ds.isel(time=slice(flat_windows(run, ds["time"].values + ds["width"].values)))
    if stretch.sizes["time"] < SHORTEST or not _shows_what_demand_does(run, stretch):
        return Settling(0.0)
    found = _mean_series(stretch)
    lengths = {name: _length(values, FALSE_ALARMS / len(found)) for name, values in found.items()}
    seen = {name: length for name, length in lengths.items() if length}
    unsettled = tuple(name for name, length in lengths.items() if length is None)
    longest = max(seen.values(), default=0)
    return Settling(float(stretch["width"].values[:longest].sum()), tuple(seen), unsettled)


def note_settling(run: Run, ds: xr.Dataset, store: Path | None) -> xr.Dataset:
    """Note in the dataset of a run or of its replications, and in its store if it has one, whether it had settled."""
    attributes = settle(run, ds).attributes
    return ds.assign_attrs(attributes) if store is None else annotate(store, ds, attributes)


def _mean_series(ds: xr.Dataset) -> dict[str, Series]:
    """Key series free of demand, each the mean over the replications; those that one of them lacks are left out."""
    every = [_straight_series(one) for one in replications(ds).values()]
    common = [name for name in every[0] if all(name in one for one in every)]
    return {name: np.mean([one[name] for one in every], axis=0) for name in common}


def _straight_series(ds: xr.Dataset) -> dict[str, Series]:
    """Key series of one replication whose response to demand is a line, free of what demand explains."""
    demand = ds["demand"].values
    straight = {name: values for name, values in series_of(ds).items() if not is_curved(values, demand)}
    return {name: freed_of(values, demand) for name, values in straight.items()}


def _shows_what_demand_does(run: Run, stretch: xr.Dataset) -> bool:
    """Whether the second half of a stretch holds so many breaths that what follows demand can be told from it."""
    breath_s = run.demand.breathing.correlation if run.demand.breathing.cv else 0.0
    return float(stretch["width"].sum()) / 2 >= LEAST_INDEPENDENT * breath_s


def flat_windows(run: Run, ends_s: NDArray[np.float64]) -> int:
    """Number of windows, which end at these times, until the demand's curve leaves where it was, or something is scheduled."""
    if not ends_s.size:
        return 0
    times = np.concatenate([[run.start], ends_s])
    demand = curve(run.demand, times)
    flat = np.abs(demand - demand[0]) <= max(run.demand.breathing.cv, FLAT) * demand[0]
    calm = ends_s <= _undisturbed_until_s(run)
    steady = flat[1:] & calm & (demand[0] > 0)
    return int(steady.size if steady.all() else np.argmin(steady))


def _undisturbed_until_s(run: Run) -> float:
    """Until when, s since midnight, nothing is scheduled; the start, where the warm-up itself is disturbed.

    What a scenario leads to is no start-up transient, and of recorded arrivals nobody knows how they change.
    """
    if any(source.file is not None for source in run.platform.sources.values()):
        return run.start
    since_s = run.start - run.warmup
    first_s = min((time_s for time_s in _scheduled_s(run) if time_s >= since_s), default=math.inf)
    return max(first_s, run.start)


def _scheduled_s(run: Run) -> Iterator[float]:
    """Times, s since midnight, at which an event, a spike or a rare arrival begins or ends."""
    spans = [(event.at, event.for_) for event in run.scenario.events]
    for source in run.platform.sources.values():
        spans += [(spike.at, spike.for_) for spike in source.spikes]
        spans += [(at, None) for at in source.at]
        if source.every is not None and source.every * OFTEN > run.until - run.start:
            spans += [(run.start, None)]  # so rare that each is an event
    for begins_s, length_s in spans:
        yield from (begins_s, begins_s + (length_s or 0.0))


def series_of(ds: xr.Dataset) -> Mapping[str, Series]:
    """Key series of a run, a value for each window; those that lack values, or never change, are left out."""
    every = dict(_key_series(ds))
    return {name: values for name, values in every.items() if np.isfinite(values).all() and np.ptp(values) > 0}


def _key_series(ds: xr.Dataset) -> Iterator[tuple[str, Series]]:
    width_s = ds["width"].values
    of = "users" if "users_outcomes" in ds else "endpoint"
    if f"{of}_outcomes" in ds:
        inside = ds if of == "users" else ds.sel(endpoint=measures.roots(ds))
        answered = _over_time(inside[f"{of}_outcomes"])
        yield "requests answered", answered / width_s
        yield "response time", _quotient(_over_time(inside[f"{of}_time"]), answered)
    if "station_busy" in ds:
        yield "tasks at stations", (_over_time(ds["station_busy"]) + _over_time(ds["station_queue"])) / width_s
    if "cache_hits" in ds:
        for cache, rates in zip(
            ds["cache"].values, measures.hit_rate(ds).transpose("cache", "time").values, strict=True
        ):
            yield f"hit rate of {cache}", rates


def _over_time(array: xr.DataArray) -> Series:
    return np.asarray(array.sum([dim for dim in array.dims if dim != "time"]).values, float)


def _quotient(above: Series, below: Series) -> Series:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def freed_of(values: Series, demand: Series) -> Series:
    """Take out of a series what demand explains: its slope against demand in the second half; both [t]."""
    late = slice(len(values) // 2, None)
    spread = _spread(demand[late])
    if not spread.any():
        return values
    slope = float((spread * values[late]).sum() / (spread**2).sum())
    return values - slope * (demand - demand[late].mean())


def _spread(demand: Series) -> Series:
    """Demand less its mean; 0 of a constant one, also where rounding has made its values differ."""
    spread = demand - demand.mean()
    return spread if spread.std() > CONSTANT * abs(float(demand.mean())) else np.zeros_like(spread)


def is_curved(values: Series, demand: Series) -> bool:
    """Whether the square of demand explains much of what its slope and a drift leave of the second half; both [t]."""
    late = slice(len(values) // 2, None)
    spread = _spread(demand[late])
    if not spread.any():
        return False
    spread /= spread.std()
    terms = np.column_stack([np.vander(spread, 3), np.linspace(-1, 1, len(spread))])
    left = [_left(values[late], terms[:, columns]) for columns in (slice(1, None), slice(None))]
    return left[1] < (1 - CURVED) * left[0]


def _left(values: Series, terms: Series) -> float:
    """Sum of squares that a least-squares fit of terms[t, k] leaves of values[t]."""
    rest = values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0]
    return float(rest @ rest)


def _length(values: Series, level: float) -> int | None:
    """Windows of the transient of a series, 0: it has none that matters; None: it has not settled."""
    if not begins_elsewhere(values, level):
        return 0
    length = transient(values)
    edge = len(values) // 2 if length is None else length
    after = float(values[edge:].mean())
    matters = edge > 0 and abs(float(values[:edge].mean()) - after) > SMALLEST * abs(after)
    return length if matters else 0
