"""The graph of the services: load, saturation, failures and cascades, playing along the run."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfmodel.clock import clock
from sfmodel.diagnosis import Cascade
from sfmodel.diagnosis.cascade_table import HOW
from sfmodel.diagnosis.edges import USERS
from sfmodel.diagnosis.scene import service_of
from sfmodel.errors import NotInRunError
from sfmodel.report.graph import drawn
from sfmodel.report.parts import Missing, Note, Part, Playing, Sheet, short
from sfmodel.report.subject import RunSubject, lacks
from sfmodel.report.words import joined
from sfmodel.results import measures
from sfmodel.results.summary import format_value

if TYPE_CHECKING:
    import xarray as xr

Series = NDArray[np.float64]
Pair = tuple[str, str]

_NOT_ITS_OWN = "cancelled"
"""Outcome of a task that its caller gave up: the caller's failure."""


def section(run: RunSubject) -> list[Part | Note]:
    """The graph, and what it lacks."""
    run.needs("endpoint_arrivals", "endpoint_outcomes")
    services = Services(run)
    notes: list[Part | Note] = []
    try:
        run.needs("endpoint_causes", "endpoint_cause_time", "call_outcomes", "call_time", "endpoint_time")
        found = run.cascades
        if not found:
            notes.append(Note("No cascade is drawn, since there is none in this run."))
    except (Missing, NotInRunError) as error:
        found = []
        notes.append(Note(f"Cascades are not drawn. {error}"))
    if not services.pairs:
        notes.append(Note("There are no edges: no service of this run calls another."))
    for name, what in (("station_busy", "How busy services are"), ("station_queue", "What waits")):
        if name not in run.ds:
            notes.append(Note(f"{what} is not shown. {lacks(name)}"))
    dragged = list(dict.fromkeys(edge.key for one in found for edge in one.edges))
    has_users = "users_requests" in run.ds or any(USERS in edge[:2] for edge in dragged)
    svg, numbers = drawn(services.names, list(services.pairs), services.entries if has_users else [], dragged)
    frames = services.frames() | {"cascades": [_spread(one) for one in found], "drawn": numbers}
    title = "Services and their calls, along the run"
    return [Playing(title, services.says(), services.sheet(), svg, frames, [services.edges_sheet()]), *notes]


def _spread(one: Cascade) -> dict[str, Any]:
    """A cascade as the page plays it."""
    edges = [{**asdict(edge), "says": HOW[edge.how]} for edge in one.edges]
    return {**asdict(one), "edges": edges}


class Services:
    """What each service and each pair of them does in each window."""

    def __init__(self, run: RunSubject) -> None:
        """Read what is shown, in the windows of charts."""
        self._run, evening = run, run.one_evening
        self._ds = evening.coarse("endpoint_arrivals", "endpoint_outcomes", "call_attempts", "call_outcomes")
        self.starts_s = evening.windows["time"].values.astype(float)
        self.width_s = evening.windows["width"].values.astype(float)
        self._owner = [service_of(str(label)) for label in self._ds["endpoint"].values]
        listed = [str(name) for name in run.ds["service"].values] if "service" in run.ds.coords else []
        self.names = list(dict.fromkeys([*listed, *self._owner]))
        self.roots = measures.roots(run.ds)
        called = {
            service_of(name) for name in _calls_of((run.ds.attrs.get("config") or {}).get("platform", {}).get("users"))
        }
        self.entries = [name for name in self.names if name in called] or list(
            dict.fromkeys(map(service_of, self.roots))
        )
        self.pairs = self._pairs()
        self.arrivals = self._of_endpoints(self._ds["endpoint_arrivals"])
        ended = self._ds["endpoint_outcomes"]
        self.ended = self._of_endpoints(_own(ended))
        self.failed = self._of_endpoints(_own(ended) - ended.sel(outcome="ok", drop=True))
        self.busy, self.waiting = self._of_stations()

    def _of_endpoints(self, array: xr.DataArray) -> dict[str, Series]:
        values = array.transpose("time", "endpoint").values.astype(float)
        return {name: values[:, [own == name for own in self._owner]].sum(axis=1) for name in self.names}

    def _pairs(self) -> dict[Pair, list[int]]:
        """Call sites of each pair of services where one calls the other."""
        found: dict[Pair, list[int]] = {}
        if "call_attempts" in self._ds:
            for k, label in enumerate(self._ds["call"].values):
                caller, _, callee = str(label).partition(">")
                pair = service_of(caller), service_of(callee)
                if pair[0] != pair[1] and float(self._ds["call_attempts"][:, k].sum()):
                    found.setdefault(pair, []).append(k)
        return found

    def _of_stations(self) -> tuple[dict[str, Series], dict[str, Series]]:
        """Share in use of the busiest station of each service, replicas together, and what waits at all of them."""
        wanted = [name for name in ("station_busy", "station_servers", "station_queue") if name in self._run.ds]
        if "station" not in self._run.ds.coords or not wanted:
            return {}, {}
        ds = self._run.one_evening.coarse(*wanted)
        labels = [str(label).partition("#")[0] for label in ds["station"].values]
        busy: dict[str, Series] = {}
        waiting: dict[str, Series] = {}
        for name in dict.fromkeys(labels):
            own = ds.isel(station=[k for k, label in enumerate(labels) if label == name]).sum("station")
            service = service_of(name)
            if "station_busy" in ds and "station_servers" in ds:
                capacity = own["station_capacity"].values
                finite = np.isfinite(capacity) & (capacity > 0)
                share = np.divide(own["station_busy"].values, capacity, out=np.zeros(len(capacity)), where=finite)
                if "station_queue" in ds:
                    share[(capacity == 0) & (own["station_queue"].values > 0)] = 1.0  # some wait, and no server is left
                busy[service] = np.maximum(busy.get(service, 0.0), share)
            if "station_queue" in ds:
                waiting[service] = waiting.get(service, 0.0) + own["station_queue"].values / self.width_s
        return busy, waiting

    @property
    def _at_roots(self) -> tuple[Series, Series]:
        """What ended where requests enter, and what failed of it, shape [time] each."""
        outcomes = self._ds["endpoint_outcomes"].sel(endpoint=self.roots).sum("endpoint")
        every = _own(outcomes).values.astype(float)
        return every, every - outcomes.sel(outcome="ok").values

    def frames(self) -> dict[str, Any]:
        """What the graph shows in each window; shares in thousandths."""
        every, failed = self._at_roots
        calls, lost = self._of_calls()
        return {
            "time_s": self.starts_s.tolist(), "width_s": [short(one) for one in self.width_s],
            "failing": _thousandths(failed, every),
            "first": int(np.argmax(np.where(every > 0, failed / np.maximum(every, 1), 0)) if failed.any() else np.argmax(every)),
            "services": {
                name: {
                    "load": [short(float(v)) for v in self.arrivals[name] / self.width_s],
                    "failing": _thousandths(self.failed[name], self.ended[name]),
                    "busy": _thousandths(self.busy[name], np.ones(len(self.starts_s))) if name in self.busy else None,
                    "waiting": [short(float(v)) for v in self.waiting[name]] if name in self.waiting else None,
                }
                for name in self.names
            },
            "calls": [
                {"from": caller, "to": callee, "rate": [short(float(v)) for v in calls[caller, callee] / self.width_s],
                 "failing": _thousandths(*lost[caller, callee])}
                for caller, callee in self.pairs
            ],
        }  # fmt: skip

    def _of_calls(self) -> tuple[dict[Pair, Series], dict[Pair, tuple[Series, Series]]]:
        """Attempts of each pair; what failed, and what ended."""
        if not self.pairs:
            return {}, {}
        attempts = self._ds["call_attempts"].transpose("time", "call").values.astype(float)
        calls = {pair: attempts[:, sites].sum(axis=1) for pair, sites in self.pairs.items()}
        if "call_outcomes" not in self._ds:
            return calls, {pair: (np.zeros(len(attempts)),) * 2 for pair in calls}
        outcomes = self._ds["call_outcomes"]
        every = _own(outcomes).transpose("time", "call").values.astype(float)
        failed = every - outcomes.sel(outcome="ok").transpose("time", "call").values
        return calls, {
            pair: (failed[:, sites].sum(axis=1), every[:, sites].sum(axis=1)) for pair, sites in self.pairs.items()
        }

    def says(self) -> str:
        """The worst window, and what was busiest in it."""
        every, failed = self._at_roots
        if not every.any():
            return "No request ended in this run."
        share = np.divide(failed, every, out=np.zeros(len(every)), where=every > 0)
        worst = int(np.argmax(share)) if failed.any() else int(np.argmax(every))
        at = clock(float(self.starts_s[worst]), True)
        busiest = sorted(self.busy, key=lambda name: -self.busy[name][worst])[:3]
        busy = joined([f"{name} ({format_value(float(self.busy[name][worst]), 'share')})" for name in busiest])
        then = f"; busiest then are {busy}" if busy else ""
        if not failed.any():
            return f"No request fails; most requests end from {at}, {every[worst] / self.width_s[worst]:,.4g} in a second{then}."
        several = np.mean(share >= 0.01)
        return (
            f"Worst is {at}, when {format_value(share[worst], 'share')} of the requests fail{then}; 1 % or more fail in "
            f"{format_value(float(several), 'share')} of the run."
        )

    def sheet(self) -> Sheet:
        """Counts of each service."""
        columns: dict[str, Any] = self._clock()
        for name in self.names:
            columns[f"{name}: arrivals"] = self.arrivals[name].astype(int)
            columns[f"{name}: ended"] = self.ended[name].astype(int)
            columns[f"{name}: failed"] = self.failed[name].astype(int)
            if name in self.busy:
                columns[f"{name}: busy (share)"] = self.busy[name]
            if name in self.waiting:
                columns[f"{name}: waiting (mean)"] = self.waiting[name]
        return Sheet("services", columns)

    def edges_sheet(self) -> Sheet:
        """Counts of each pair."""
        columns: dict[str, Any] = self._clock()
        calls, lost = self._of_calls()
        for pair, attempts in calls.items():
            columns[f"{' > '.join(pair)}: attempts"] = attempts.astype(int)
            columns[f"{' > '.join(pair)}: failed"] = lost[pair][0].astype(int)
        return Sheet("calls", columns)

    def _clock(self) -> dict[str, Any]:
        return {
            "window": [clock(one, True) for one in self.starts_s],
            "begins (s since midnight)": self.starts_s.tolist(),
            "width (s)": self.width_s.tolist(),
        }


def _calls_of(written: Any) -> list[str]:
    """Endpoints that users call, wherever their habits name one."""
    if isinstance(written, dict):
        own = [written["call"]] if isinstance(written.get("call"), str) else []
        return own + [name for below in written.values() for name in _calls_of(below)]
    return [name for below in written for name in _calls_of(below)] if isinstance(written, list) else []


def _own(outcomes: xr.DataArray) -> xr.DataArray:
    """What ended and was not given up by who asked."""
    return outcomes.sum("outcome") - outcomes.sel(outcome=_NOT_ITS_OWN, drop=True)


def _thousandths(part: Series, whole: Series) -> list[int]:
    shares = np.divide(part, whole, out=np.zeros(len(np.atleast_1d(whole))), where=np.asarray(whole) > 0)
    return [round(1000 * float(value)) for value in shares]
