"""Where the time of requests goes: along the critical path of each that was traced, which service took it, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.scripts import scripts_of
from sfmodel.diagnosis.shares import Shares, shares_of
from sfmodel.diagnosis.timelines import Traces
from sfmodel.diagnosis.waits import Waits

if TYPE_CHECKING:
    import polars as pl
    import xarray as xr

Kind = Literal["work", "queue", "network", "backoff", "other"]

SLOWEST = 0.05
"""Share of the requests that are the slowest."""


class Part(NamedTuple):
    """Who a request is kept by, and how."""

    service: str
    kind: Kind
    """In service; waiting for a server; on the way to the service and back; between two of its attempts to call another; or
    otherwise within it: asleep, at a limiter, waiting for another's fetch, or working in a branch."""
    of: str = ""
    """Station that is waited for; target of the call that is tried again."""


@dataclass(frozen=True)
class CriticalPath:
    """Where the time of the requests to one endpoint goes."""

    endpoint: str
    every: Shares[Part]
    slowest: Shares[Part]
    """The slowest twentieth, one at least."""


def critical_paths(ds: xr.Dataset, spans: pl.DataFrame, windows: NDArray[np.bool_] | None = None) -> list[CriticalPath]:
    """Divide the time of traced requests by endpoint where they enter, those with most time in all first.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication.
    spans
        Its spans, as `sfmodel.paths.requests.read_spans` reads them.
    windows
        Windows of a period, shape [time]: requests that begin in it; none: all.

    Raises
    ------
    NotInRunError
        The dataset does not hold a configuration that this version understands.
    """
    scripts = scripts_of(ds)
    return paths_of(Traces(spans, scripts), Waits(ds, scripts), ds, windows)


def paths_of(
    traces: Traces, waits: Waits, ds: xr.Dataset, windows: NDArray[np.bool_] | None = None
) -> list[CriticalPath]:
    """As `critical_paths`, of traces that were laid out before."""
    by_endpoint: dict[str, list[int]] = {}
    begins = begin_within(ds, traces.begun_s[traces.roots], windows)
    for k, is_in in zip(traces.roots, begins.tolist(), strict=True):
        if is_in:
            by_endpoint.setdefault(traces.endpoint[k], []).append(k)
    found = [_path(traces, waits, endpoint, roots) for endpoint, roots in by_endpoint.items()]
    return sorted(found, key=lambda one: (-one.every.total_ns, one.endpoint))


def divide(traces: Traces, waits: Waits, root: int) -> Counter[Part]:
    """Divide the time of one request, ns."""
    parts: Counter[Part] = Counter()
    _along(traces, waits, root, traces.ended[root], parts)
    return parts


def begin_within(ds: xr.Dataset, time_s: NDArray[np.float64], windows: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Which of some times lie in windows of a period, shape of `time_s`."""
    if windows is None or not ds.sizes["time"]:
        return np.ones(len(time_s), bool)
    place = np.searchsorted(ds["time"].values, time_s, side="right") - 1
    inside = (place >= 0) & (time_s < (ds["time"].values + ds["width"].values)[place])
    return np.asarray(inside & windows[place])


def _path(traces: Traces, waits: Waits, endpoint: str, roots: Sequence[int]) -> CriticalPath:
    divided = {k: divide(traces, waits, k) for k in roots}
    slowest = sorted(roots, key=lambda k: -traces.ended[k])[: max(1, round(SLOWEST * len(roots)))]
    return CriticalPath(endpoint, shares_of(divided.values()), shares_of(divided[k] for k in slowest))


def _along(traces: Traces, waits: Waits, k: int, until: int, parts: Counter[Part]) -> None:
    """Add what a call, from its start until its caller no longer waits, is made of."""
    service, arrived, ended = traces.service[k], traces.arrived[k], traces.ended[k]
    on_its_way = max(0, min(arrived, until) - traces.start[k]) + max(0, until - max(ended, traces.start[k]))
    if on_its_way:
        parts[Part(service, "network")] += on_its_way
    if until <= arrived:
        return
    timeline = traces.timeline(k, until)
    for kind, of, time in own_parts(traces, waits, k, timeline.own):
        parts[Part(service, kind, of)] += time
    for later, time in timeline.backoff.items():
        parts[Part(service, "backoff", traces.endpoint[later])] += time
    for call in timeline.calls:
        _along(traces, waits, call.call, call.ends, parts)


def own_parts(traces: Traces, waits: Waits, k: int, own: int) -> list[tuple[Kind, str, int]]:
    """What a task's own time is made of: (kind, station that was waited for, ns).

    Of a call that was given up the time until then is that in which it waited first, as far as it waited.
    """
    queued = min(traces.queued[k], own)
    served = min(traces.served[k], own - queued)
    found: list[tuple[Kind, str, int]] = [
        ("queue", station, time) for station, time in waits.divided(traces, k, queued)
    ]
    return [one for one in (*found, ("work", "", served), ("other", "", own - queued - served)) if one[2]]
