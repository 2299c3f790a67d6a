"""What workers that are held wait on: of the time that a station is held, what its holders do meanwhile, by traced requests.

The meters know how long a station was held, and not by whom meanwhile what was done. Traces do: every traced task of an
endpoint whose whole script holds the station counts, also one that nobody waits for any more. Its time from admission on is
its service, its queueing at other stations, its calls (of calls side by side the one that decides), backoffs, and the rest.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.critical_path import begin_within, own_parts
from sfmodel.diagnosis.scripts import scripts_of
from sfmodel.diagnosis.shares import NS, Shares, shares_of
from sfmodel.diagnosis.timelines import Traces
from sfmodel.diagnosis.waits import Waits
from sfmodel.results import measures

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

Doing = Literal["work", "queue", "call", "backoff", "other"]


class HeldFor(NamedTuple):
    """What a holder does."""

    doing: Doing
    """In service; waits for a server; for a call; between attempts of one; or else (asleep, at a limiter, …)."""
    of: str = ""
    """Station, or call site."""


@dataclass(frozen=True)
class HeldTime:
    """The time that one station is held."""

    station: str
    held_s: float
    """Server time in all, by the meters, s."""
    mean_held: float
    """Servers that are held, in the mean."""
    shares: Shares[HeldFor]
    """What the traced tasks that held it did meanwhile."""
    partly: bool
    """Whether some scripts hold it for some of their steps only: of these, traces do not show when; they are left out."""


def held_times(ds: xr.Dataset, spans: pl.DataFrame, windows: NDArray[np.bool_] | None = None) -> list[HeldTime]:
    """Divide the time of each station that is held by what its holders do, the most held first.

    Parameters and errors are those of `critical_paths`; a task counts in the period in which it arrives.
    """
    scripts = scripts_of(ds)
    return held_of(Traces(spans, scripts), Waits(ds, scripts), ds, windows)


def held_of(traces: Traces, waits: Waits, ds: xr.Dataset, windows: NDArray[np.bool_] | None = None) -> list[HeldTime]:
    """As `held_times`, of traces that were laid out before."""
    scripts = traces.scripts
    partly = {station for script in scripts.of.values() for station in script.partly}
    held = {script.held for script in scripts.of.values() if script.held is not None} | partly
    tasks: dict[str, list[Counter[HeldFor]]] = {station: [] for station in sorted(held)}
    arrived_s = traces.begun_s + np.array(traces.arrived, float) / NS
    for k, is_in in enumerate(begin_within(ds, arrived_s, windows).tolist()):
        script = scripts.of.get(traces.endpoint[k])
        if is_in and script is not None and script.held is not None:
            tasks[script.held].append(_done(traces, waits, k, script.held))
    busy_s = _busy_s(ds, windows)
    width_s = float(ds["width"].values[slice(None) if windows is None else windows].sum())
    found = []
    for station, done in tasks.items():
        held_s = busy_s.get(station, math.nan)
        mean = held_s / width_s if width_s else math.nan
        found.append(HeldTime(station, held_s, mean, shares_of(done), station in partly))
    return sorted(found, key=lambda one: (-one.held_s, one.station))


def _done(traces: Traces, waits: Waits, k: int, held: str) -> Counter[HeldFor]:
    """What one task did while it held the station, ns; its wait for the station itself is left out."""
    timeline = traces.timeline(k)
    parts: Counter[HeldFor] = Counter()
    for kind, of, time in own_parts(traces, waits, k, timeline.own):
        if kind != "queue" or of != held:
            parts[HeldFor(kind, of)] += time  # type: ignore[arg-type]
    for later, time in timeline.backoff.items():
        parts[HeldFor("backoff", traces.label[later] or "")] += time
    for call in timeline.calls:
        parts[HeldFor("call", traces.label[call.call] or "")] += call.ends - call.begins
    return parts


def _busy_s(ds: xr.Dataset, windows: NDArray[np.bool_] | None) -> dict[str, float]:
    """Server time of each station over a period, all its replicas together, s."""
    if "station_busy" not in ds:
        return {}
    folded = measures.fold(ds, windows, ("station_busy",))["station_busy"]
    found: Counter[str] = Counter()
    for label, seconds in zip(folded["station"].values, folded.values.tolist(), strict=True):
        found[str(label).partition("#")[0]] += seconds
    return dict(found)
