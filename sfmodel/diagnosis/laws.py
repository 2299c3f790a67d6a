"""The operational laws as cross-checks of a run's meters: what two of them say of the same thing must agree.

| law | counted as it happens | counted when it is over |
|---|---|---|
| flow balance | tasks there before, and that came | tasks that left, and that are there |
| L = X·W, queue of a station | integral of the number waiting | waits of those whose service began |
| L = X·W, a station held by whole scripts | integral of its queue and of its servers in use | durations of the tasks |
| U = X·S, such a station | servers in use | durations of the tasks, less their waits |
| R = ΣV·R, a service in which nothing else takes time | its queues, its servers in use, its calls | durations of its tasks |
| X = V·X₀, an endpoint that only others call | calls sent | tasks that arrived |

With traces also U = X·S at the stations that a service uses: X of the meters, S of the traced tasks. Each may differ by what
tasks that straddle an edge explain (`straddling.py`), with traces by chance, and by no more. A task in flight may be as old as
any that has ended; where older ones are needed to explain it, that is said: they never end. Source: Denning and Buzen,
Computing Surveys 10(3), 1978.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sfmodel.diagnosis.scene import places, service_of
from sfmodel.diagnosis.scripts import Scripts, run_of, scripts_of
from sfmodel.diagnosis.shares import NS
from sfmodel.diagnosis.straddling import Difference, Series, compare, since_admitted, since_empty
from sfmodel.diagnosis.timelines import Traces
from sfmodel.errors import NotInRunError
from sfmodel.results import measures
from sfmodel.results.variables import LATENCY_EDGES

if TYPE_CHECKING:
    import xarray as xr

SIGMAS = 5.0
"""By so many standard errors may what traces say differ,"""
FEWEST = 100
"""of at least so many requests;"""
TELLING = 0.25
"""and it is not said where they may differ by so much of the whole."""
_NEEDED = (
    "endpoint_arrivals", "endpoint_outcomes", "endpoint_in_flight", "endpoint_time", "endpoint_latency",
)  # fmt: skip


@dataclass(frozen=True)
class LawCheck:
    """One law at one place, over the whole run."""

    law: str
    of: str
    """Station, service or endpoint."""
    difference: Difference
    sampled: bool = False
    """Whether it is of traced requests, so that chance is in the difference."""

    @property
    def holds(self) -> bool:
        """Whether straddling tasks, also such as never end, and chance where there is some, explain every difference."""
        return bool(self.difference.worst == 0.0)


def operational_laws(ds: xr.Dataset, traces: Traces | None = None) -> list[LawCheck]:
    """Check every law wherever the data of a run allow.

    Parameters
    ----------
    ds
        Dataset of a run, of one replication; all of its windows are looked at.
    traces
        Its traced requests; none: what needs them is left out. So is what needs scripts, where interventions changed these.

    Raises
    ------
    NotInRunError
        The run lacks a meter or its configuration: it was made by an older version.
    """
    lacking = [name for name in _NEEDED if name not in ds]
    if lacking:
        raise NotInRunError(f"this run has no {lacking[0]}: it was made by an older version; make it again")
    if not ds.sizes["time"]:
        return []
    meters = _Meters(ds, scripts_of(ds))
    found = [*_balance(meters), *_queues(meters)]
    if meters.scripts.changed:
        return found
    found += [*_held(meters), *_services(meters), *_calls(meters)]
    return [*found, *(_used(meters, traces) if traces is not None else [])]


@dataclass
class _Meters:
    """The meters of a run, by label."""

    ds: xr.Dataset
    scripts: Scripts
    _read: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def of(self, name: str, rows: Sequence[int]) -> Series:
        """A meter of some things together, shape [time]."""
        if name not in self._read:
            values = self.ds[name]
            self._read[name] = (values.sum("outcome") if name == "endpoint_outcomes" else values).values.astype(float)
        return np.asarray(self._read[name][:, list(rows)].sum(axis=1))

    def at_edges(self, name: str, rows: Sequence[int]) -> Series:
        """A state of some things together at each edge, shape [time + 1]; the first is not metered, and taken for the second."""
        state = self.of(name, rows)
        return np.concatenate([state[:1], state])

    def tasks_at_edges(self, rows: Sequence[int]) -> Series:
        """Tasks in flight at some endpoints at each edge, shape [time + 1]."""
        count = self.at_edges("endpoint_in_flight", rows)
        count[0] = self.of("endpoint_outcomes", rows)[0] + count[1] - self.of("endpoint_arrivals", rows)[0]
        return count

    @cached_property
    def edges_s(self) -> Series:
        return np.append(self.ds["time"].values, self.ds["time"].values[-1] + self.ds["width"].values[-1]).astype(float)

    @cached_property
    def stations(self) -> list[str]:
        return [str(label) for label in self.ds["station"].values] if "station" in self.ds.coords else []

    @cached_property
    def station_names(self) -> list[str]:
        return [label.partition("#")[0] for label in self.stations]

    @cached_property
    def endpoints(self) -> list[str]:
        return [str(label) for label in self.ds["endpoint"].values]

    @cached_property
    def owners(self) -> list[str]:
        return [service_of(label) for label in self.endpoints]

    @cached_property
    def calls(self) -> list[str]:
        return [str(label) for label in self.ds["call"].values] if "call" in self.ds.coords else []

    @cached_property
    def _longest_s(self) -> Series:
        """The longest that a task of each endpoint took in the run, shape [endpoint]."""
        seen = measures.fold(self.ds, None, ("endpoint_latency",))["endpoint_latency"].values > 0
        last = seen.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
        longest = np.append(LATENCY_EDGES[1:-1], np.inf)[last]
        return np.where(seen.any(axis=1), longest, 0.0)

    def oldest_s(self, rows: Sequence[int]) -> Series:
        """The age of the oldest task in flight at each edge, s: the longest that one took, or that none ended."""
        ended = self.of("endpoint_outcomes", rows) > 0
        stalled = since_empty(np.concatenate([[0.0], np.where(ended, 0.0, 1.0)]), self.edges_s)
        width = np.diff(self.edges_s).max(initial=0.0)
        return np.maximum(self._longest_s[list(rows)].max(initial=0.0), stalled + width * (stalled > 0))

    def in_flight(self, rows: Sequence[int]) -> Series:
        """The most that tasks in flight may have contributed up to each edge, s, shape [time + 1]."""
        count = self.tasks_at_edges(rows)
        return _times(count, self.oldest_s(rows))

    def compared(self, running: Series, over: Series, rows: Sequence[int]) -> Difference:
        """Compare what the tasks at some endpoints have contributed with what they have counted when they ended."""
        stay = np.minimum.accumulate(self.tasks_at_edges(rows)[:0:-1])[::-1]
        return compare(running, over, self.in_flight(rows), stay, np.diff(self.edges_s))


def _times(count: Series, age_s: Series) -> Series:
    """The most that so many tasks of at most that age may have contributed, s; nothing where there are none."""
    return np.multiply(count, age_s, out=np.zeros(len(count)), where=count > 0)


def _balance(meters: _Meters) -> Iterator[LawCheck]:
    """Flow balance: what was there, and came, has left or is there; exactly."""
    for k, label in enumerate(meters.stations):
        came, began, ended = (meters.of(f"station_{what}", [k]) for what in ("arrivals", "starts", "ends"))
        away = sum(meters.of(f"station_{what}", [k]) for what in ("rejected", "expired", "left"))
        waiting, served = (meters.of(f"station_{what}", [k]) for what in ("waiting", "in_service"))
        yield LawCheck("flow balance", f"{label}, queue", _balanced(waiting, came, began + away))
        yield LawCheck("flow balance", f"{label}, servers", _balanced(served, began, ended))
    for k, label in enumerate(meters.endpoints):
        came, left = meters.of("endpoint_arrivals", [k]), meters.of("endpoint_outcomes", [k])
        yield LawCheck("flow balance", label, _balanced(meters.of("endpoint_in_flight", [k]), came, left))


def _balanced(there: Series, came: Series, left: Series) -> Difference:
    """The first window is left out: what was there before it is not metered."""
    return compare(there[:-1] + came[1:], left[1:] + there[1:], np.zeros(len(there)), rounding=0.0)


def _queues(meters: _Meters) -> Iterator[LawCheck]:
    """L = X·W of those who wait."""
    for k, label in enumerate(meters.stations):
        service, _, name = label.partition("#")[0].partition(".")
        owner = meters.scripts.platform.services.get(service)
        station = owner.stations.get(name) if owner is not None else None
        if station is None:
            continue
        gone = meters.of("station_expired", [k]) + meters.of("station_left", [k])
        turned_away = meters.of("station_rejected", [k])
        count = meters.at_edges("station_waiting", [k])
        came, began = meters.of("station_arrivals", [k]), meters.of("station_starts", [k])
        late = station.codel is not None
        gone = gone + turned_away if late else gone
        count[0] = began[0] + count[1] + gone[0] + (0.0 if late else turned_away[0]) - came[0]
        age_s = since_empty(count, meters.edges_s)
        if station.order == "fifo" and not late:
            age_s = np.minimum(age_s, since_admitted(count, came - turned_away, gone, meters.edges_s))
        most = _times(count, age_s)
        unseen = np.concatenate([[0.0], np.cumsum(np.where(gone > 0, np.inf, 0.0))])
        waited = meters.of("station_queue", [k]), meters.of("station_wait", [k])
        yield LawCheck("L = X·W, queue", label, compare(*waited, most + unseen))


def _held(meters: _Meters) -> Iterator[LawCheck]:
    """L = X·W and U = X·S of stations that are held by whole scripts, and by nobody else."""
    others = {station for script in meters.scripts.of.values() for station in (*script.partly, *script.used)}
    for station in dict.fromkeys(script.held for script in meters.scripts.of.values()):
        holders = [name for name, script in meters.scripts.of.items() if script.held == station]
        if station is None or station in others or station not in meters.station_names:
            continue
        rows = [meters.endpoints.index(name) for name in holders]
        own = places(meters.station_names, station)
        queued, lasted = meters.of("station_queue", own), meters.of("endpoint_time", rows)
        busy = meters.of("station_busy", own) - meters.of("station_burnt", own)
        yield LawCheck("L = X·W, held", station, meters.compared(queued + busy, lasted, rows))
        if not sum(meters.of(f"station_{what}", own).sum() for what in ("expired", "left", "rejected")):
            served = lasted - meters.of("station_wait", own)
            yield LawCheck("U = X·S, held", station, meters.compared(busy, served, rows))


def _services(meters: _Meters) -> Iterator[LawCheck]:
    """R = ΣV·R of services whose time is that of their stations and calls, one after the other."""
    held = {station for script in meters.scripts.of.values() for station in (script.held, *script.partly)}
    used = {station for script in meters.scripts.of.values() for station in script.used}
    for service in dict.fromkeys(meters.owners):
        rows = places(meters.owners, service)
        scripts = [meters.scripts.of.get(meters.endpoints[k]) for k in rows]
        own = [name for name in dict.fromkeys(meters.station_names) if service_of(name) == service]
        if not all(script is not None and script.sequential for script in scripts) or held & used & set(own):
            continue
        running = np.zeros(len(meters.edges_s) - 1)
        for name in own:
            there = places(meters.station_names, name)
            running = running + meters.of("station_queue", there)
            if name not in held:
                running = running + meters.of("station_busy", there) - meters.of("station_burnt", there)
        sites = meters.scripts.sites
        awaited = [k for k, label in enumerate(meters.calls) if label in sites and sites[label].awaited]
        calls = [k for k in awaited if service_of(sites[meters.calls[k]].caller) == service]
        if calls:
            running = running + meters.of("call_time", calls)
        yield LawCheck("R = ΣV·R", service, meters.compared(running, meters.of("endpoint_time", rows), rows))


def _calls(meters: _Meters) -> Iterator[LawCheck]:
    """X = V·X₀ of endpoints that only scripts call: those on their way at an edge were sent shortly before."""
    changed = "network" in json.dumps(meters.ds.attrs["config"].get("scenario", {}))
    width_s = float(np.diff(meters.edges_s).min())
    for k, endpoint in enumerate(meters.endpoints):
        sites = [label for label in meters.calls if label in meters.scripts.sites]
        sites = [label for label in sites if meters.scripts.sites[label].target == endpoint]
        if not sites or endpoint in meters.scripts.entered:
            continue
        rows = [meters.calls.index(label) for label in sites]
        way_s = max(meters.scripts.sites[label].network_s for label in sites)
        back = max(math.ceil(way_s / width_s), int(changed))
        sent = meters.of("call_attempts", rows) - meters.of("call_open", rows)
        nowhere = meters.ds["call_outcomes"].isel(call=rows).sel(outcome="unavailable").sum("call").values
        lost = np.concatenate([[0.0], np.cumsum(nowhere)])
        yield LawCheck(
            "X = V·X₀", endpoint, compare(sent, meters.of("endpoint_arrivals", [k]), _on_their_way(sent, back) + lost)
        )


def _on_their_way(sent: Series, back: int) -> Series:
    """The most calls on their way at each edge: those sent in so many windows before; ∞ where some lie before the run."""
    if not back:
        return np.zeros(len(sent) + 1)
    lately = np.concatenate([[0.0], np.convolve(sent, np.ones(back))[: len(sent)]])
    lately[:back] = math.inf
    return lately


def _used(meters: _Meters, traces: Traces) -> Iterator[LawCheck]:
    """U = X·S of the stations that a service uses, S from its traced tasks: within the chance of the sample."""
    trace = run_of(meters.ds).trace
    if not trace.one_in or len(traces.endpoint) >= trace.limit:
        return  # what comes late in the run is missing
    for service in dict.fromkeys(meters.owners):
        names = [name for name in meters.endpoints if service_of(name) == service and name in meters.scripts.of]
        scripts = [meters.scripts.of[name] for name in names]
        stations = sorted({station for script in scripts for station in script.used})
        own = [k for k, name in enumerate(meters.station_names) if name in stations]
        if not own or any(script.joins for script in scripts):
            continue
        taken = set(names)
        spans = [k for k, name in enumerate(traces.endpoint) if name in taken]
        seen = Counter(traces.endpoint[k] for k in spans)
        rows = [meters.endpoints.index(name) for name in names]
        using = [k for k, name in zip(rows, names, strict=True) if meters.scripts.of[name].used]
        if any(seen[meters.endpoints[k]] < FEWEST and meters.of("endpoint_outcomes", [k]).any() for k in using):
            continue  # of few tasks that are large, such as batches, the sample says little
        served_s, count = _by_request(traces, spans)
        if len(count) < FEWEST:
            continue
        mean_s = served_s.sum() / count.sum()
        error_s = math.sqrt(float(((served_s - mean_s * count) ** 2).sum()) * (1 - 1 / trace.one_in)) / count.sum()
        busy_s = meters.of("station_busy", own).sum() - meters.of("station_burnt", own).sum()
        ended = meters.of("endpoint_outcomes", rows).sum()
        untraced = max(0.0, ended - count.sum()) if trace.one_in == 1 else 0.0
        straddling = (meters.tasks_at_edges(rows)[[0, -1]].sum() + untraced) * max(traces.served[k] for k in spans) / NS
        total = max(busy_s, ended * mean_s)
        apart, allowed = abs(busy_s - ended * mean_s), straddling + (SIGMAS * error_s + 1 / NS) * ended
        if allowed < TELLING * total:
            worst = apart / total if apart > allowed else 0.0
            yield LawCheck("U = X·S, traced", service, Difference(apart / total, allowed / total, worst, -1), True)


def _by_request(traces: Traces, spans: Sequence[int]) -> tuple[Series, Series]:
    """Time in service, s, and number of some spans, by request."""
    request: dict[int, int] = {}
    root = np.searchsorted(np.array(traces.roots), np.arange(len(traces.endpoint)), side="right")
    places_of = np.array([request.setdefault(int(root[k]), len(request)) for k in spans], int)
    served = np.array([traces.served[k] for k in spans], float) / NS
    return np.bincount(places_of, served).astype(float), np.bincount(places_of).astype(float)
