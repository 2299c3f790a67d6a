"""What the meters of a world say about a window: a value for every variable of the registry."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sfmodel.plan import Plan
from sfmodel.plan.stretch import Stretch
from sfmodel.results.variables import LATENCY_BINS, OUTCOMES, VARIABLES
from sfmodel.world import World

_STATION_TOTALS = (
    "busy", "queue", "arrivals", "starts", "ends", "wait", "rejected", "expired", "left", "wasted", "burnt",
)  # fmt: skip
_CACHE_TOTALS = ("hits", "misses", "stale", "expired", "invalidated", "coalesced", "stores", "evictions", "similar")
_QUEUE_TOTALS = ("published", "delivered", "failed", "dropped", "rejected", "length", "delay", "batches")

_TOTALS: dict[str, tuple[str, str]] = {
    **{f"endpoint_{f}": ("endpoint_meters", f) for f in ("arrivals", "time", "time_ok", "wasted")},
    **{f"station_{f}": ("stations", f) for f in _STATION_TOTALS},
    **{f"call_{f}": ("call_meters", f) for f in ("attempts", "time", "timeouts", "retries", "hedges", "open")},
    **{f"cache_{f}": ("caches", f) for f in _CACHE_TOTALS},
    **{f"limiter_{f}": ("limiters", f) for f in ("passed", "refused", "wait")},
    **{f"queue_{f}": ("queues", f) for f in _QUEUE_TOTALS},
    **{f"users_{f}": ("request_meters", f) for f in ("requests", "retries", "time", "abandoned", "given_up")},
    "views": ("request_meters", "views"),
    "views_lost": ("request_meters", "views_lost"),
    "sessions_started": ("clock", "sessions_started"),
    "sessions_ended": ("clock", "sessions_ended"),
}
"""Variables that are differences of running totals: array and field."""

_STATES: dict[str, tuple[str, str]] = {
    "endpoint_in_flight": ("endpoint_meters", "in_flight"),
    "station_servers": ("stations", "servers"),
    "station_waiting": ("stations", "waiting"),
    "station_in_service": ("stations", "in_service"),
    "cache_entries": ("caches", "entries"),
    "queue_waiting": ("queues", "waiting"),
    "users_retrying": ("clock", "retrying"),
    "users_thinking": ("clock", "thinking"),
}
"""Variables that are states at the window's end: array and field."""

_WINDOWED: dict[str, str] = {
    "endpoint_outcomes": "endpoint_outcomes",
    "endpoint_latency": "endpoint_latency",
    "endpoint_latency_ok": "endpoint_latency_ok",
    "call_outcomes": "call_outcomes",
    "call_latency": "call_latency",
    "users_outcomes": "request_outcomes",
    "users_latency": "request_latency",
}
"""Variables whose array counts one window and is emptied: array."""

_DIMS: dict[str, str] = {
    "endpoint_meters": "endpoint", "endpoint_outcomes": "endpoint", "endpoint_latency": "endpoint",
    "endpoint_latency_ok": "endpoint", "stations": "station", "call_meters": "call", "call_outcomes": "call",
    "call_latency": "call", "caches": "cache", "limiters": "limiter", "queues": "queue", "request_meters": "request",
    "request_outcomes": "request", "request_latency": "request",
}  # fmt: skip
"""Dimension of an array of things; of others there is one."""


class Readings:
    """Reads the meters of a world, window by window, each value in its place among all that there ever is in the run."""

    def __init__(self, plan: Plan, world: World) -> None:
        """Begin with the totals as they are."""
        self._plan, self._world = plan, world
        last = plan.stretches[-1]
        self._sizes = {dim: len(labels) for dim, labels in plan.labels.items()}
        self._stations = {key: place for place, key in enumerate(last.index.station_numbers)}
        self._counters = last.index.counters
        self._starts = last.arrays["totals"]
        self._before: dict[str, NDArray] = {}

    def reset(self) -> None:
        """Forget everything up to now."""
        a = self._world.arrays
        self._before = {name: self._read(array, field) for name, (array, field) in _TOTALS.items()}
        self._before["counters"] = self._totals()
        self._before["openings"] = self._openings()
        for array in _WINDOWED.values():
            a[array][...] = 0
        a["endpoint_causes"][...] = 0
        self._reset_highest()

    def _reset_highest(self) -> None:
        a = self._world.arrays
        a["stations"]["queue_max"] = a["stations"]["waiting"]
        a["queues"]["length_max"] = a["queues"]["waiting"]

    def take(self, start_s: float, end_s: float) -> dict[str, NDArray]:
        """Values of the window that ends now; the next begins.

        Parameters
        ----------
        start_s, end_s
            The window, s since midnight of day 1.
        """
        a = self._world.arrays
        values: dict[str, NDArray] = {}
        for name, (array, field) in _TOTALS.items():
            now = self._read(array, field)
            values[name] = now - self._before[name]
            self._before[name] = now
        for name, (array, field) in _STATES.items():
            values[name] = self._read(array, field)
        for name, array in _WINDOWED.items():
            values[name] = self._read(array)
            a[array][...] = 0
        self._causes(values)
        values["station_queue_max"] = self._read("stations", "queue_max")
        values["queue_length_max"] = self._read("queues", "length_max")
        self._reset_highest()
        values["cache_bytes"] = self._placed("cache", a["caches"]["entries"] * a["caches"]["entry_size"])
        self._breakers(values)
        self._replicas(values)
        values["demand"] = self._plan.demand.over(np.array([end_s]))[0]
        totals = self._totals()
        for name, added in zip(self._counters, totals - self._before["counters"], strict=False):
            values[name] = added
        self._before["counters"] = totals
        for name in ("sessions_started", "sessions_ended", "users_retrying", "users_thinking"):
            values[name] = values[name][0]
        return values

    def _read(self, array: str, field: str | None = None) -> NDArray:
        """Values of an array of things, or of a field of it, each in its place."""
        values = self._world.arrays[array] if field is None else self._world.arrays[array][field]
        return self._placed(_DIMS.get(array), values)

    def _placed(self, dim: str | None, values: NDArray, empty: float = 0) -> NDArray:
        """A copy, with what is not there yet as empty."""
        if dim is None or (dim != "station" and len(values) == self._sizes[dim]):
            return np.array(values)
        placed = np.full((self._sizes[dim], *values.shape[1:]), empty, values.dtype)
        if dim == "station":
            numbers = self._world.stretch.index.station_numbers
            placed[[self._stations[key] for key in numbers]] = values[list(numbers.values())]
        else:
            placed[: len(values)] = values
        return placed

    def as_now(self, values: Mapping[str, NDArray], stretch: Stretch) -> dict[str, NDArray]:
        """Values of a window that was recorded with the labels of a stretch, each in its place here."""
        sizes = {**self._sizes, "outcome": len(OUTCOMES), "latency": LATENCY_BINS}
        placed: dict[str, NDArray] = {name: np.array(values.get(name, 0.0)) for name in self._counters}
        for name, variable in VARIABLES.items():
            empty = np.full(variable.shape(sizes), -1 if name == "breaker_state" else 0, variable.dtype)
            if name in values and not variable.dims:
                empty = np.array(values[name])
            elif name in values and variable.dims[0] == "station":
                empty[[self._stations[key] for key in stretch.index.station_numbers]] = values[name]
            elif name in values:
                empty[tuple(map(slice, values[name].shape))] = values[name]
            placed[name] = empty
        return placed

    def _totals(self) -> NDArray:
        """Totals of all counters."""
        totals = self._world.arrays["totals"][: len(self._world.stretch.index.counters)]
        return np.concatenate([totals, self._starts[len(totals) :]])

    def _openings(self) -> NDArray:
        """How often each call site's breaker has opened."""
        a = self._world.arrays
        number = a["sites"]["breaker"]
        found = np.zeros(len(number), np.int64)
        found[number >= 0] = a["breakers"]["openings"][number[number >= 0]]
        return self._placed("call", found)

    def _causes(self, values: dict[str, NDArray]) -> None:
        causes = self._world.arrays["endpoint_causes"]
        for name, field in (("endpoint_causes", "failed"), ("endpoint_cause_time", "time")):
            values[name] = np.zeros((self._sizes["endpoint"], self._sizes["cause"]), causes.dtype[field])
            values[name][tuple(map(slice, causes.shape))] = causes[field]
        causes[...] = 0

    def _breakers(self, values: dict[str, NDArray]) -> None:
        a = self._world.arrays
        number = a["sites"]["breaker"]
        state = np.full(len(number), -1, np.int8)
        state[number >= 0] = a["breakers"]["state"][number[number >= 0]]
        openings = self._openings()
        values["breaker_state"] = self._placed("call", state, empty=-1)
        values["breaker_openings"] = openings - self._before["openings"]
        self._before["openings"] = openings

    def _replicas(self, values: dict[str, NDArray]) -> None:
        replicas, services = self._world.arrays["replicas"], self._sizes["service"]
        numbers, of = np.array(self._world.stretch.index.replica_services).T
        healthy, up = replicas["healthy"][numbers], replicas["up"][numbers] == 1
        values["service_healthy"] = np.bincount(of, healthy, services).astype(np.int64)
        values["service_up"] = np.bincount(of, up, services).astype(np.int64)
