"""What the meters of a world say about a window: a value for every variable of the registry."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sfmodel.plan import Plan
from sfmodel.world import World

_STATION_TOTALS = (
    "busy", "queue", "arrivals", "starts", "ends", "wait", "rejected", "expired", "left", "wasted", "burnt",
)  # fmt: skip
_CACHE_TOTALS = ("hits", "misses", "stale", "expired", "invalidated", "coalesced", "stores", "evictions")
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

_CLOCK = frozenset({"clock"})


class Readings:
    """Reads the meters of a world, window by window."""

    def __init__(self, plan: Plan, world: World) -> None:
        """Begin with the totals as they are."""
        self._plan, self._world = plan, world
        counts = plan.arrays["services"]["replicas"]
        self._service_of = np.repeat(np.arange(len(counts)), counts)
        self._before: dict[str, NDArray] = {}
        self._counters = list(plan.demand.segments[0][1].platform.counters)

    def reset(self) -> None:
        """Forget everything up to now."""
        a = self._world.arrays
        self._before = {name: np.array(a[array][field]) for name, (array, field) in _TOTALS.items()}
        self._before["counters"] = a["totals"].copy()
        self._before["openings"] = a["breakers"]["openings"].copy()
        for array in _WINDOWED.values():
            a[array][...] = 0
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
            now = np.array(a[array][field])
            values[name] = now - self._before[name]
            self._before[name] = now
        for name, (array, field) in _STATES.items():
            values[name] = np.array(a[array][field])
        for name, array in _WINDOWED.items():
            values[name] = a[array].copy()
            a[array][...] = 0
        values["station_queue_max"] = a["stations"]["queue_max"].copy()
        values["queue_length_max"] = a["queues"]["length_max"].copy()
        self._reset_highest()
        values["cache_bytes"] = a["caches"]["entries"] * a["caches"]["entry_size"]
        self._breakers(values)
        replicas = a["replicas"]
        services = len(a["services"])
        values["service_healthy"] = np.bincount(self._service_of, replicas["healthy"], services).astype(np.int64)
        values["service_up"] = np.bincount(self._service_of, replicas["up"] == 1, services).astype(np.int64)
        values["demand"] = self._plan.demand.over(np.array([end_s]))[0]
        totals = a["totals"].copy()
        for name, added in zip(self._counters, totals - self._before["counters"], strict=False):
            values[name] = added
        self._before["counters"] = totals
        for name in ("sessions_started", "sessions_ended", "users_retrying", "users_thinking"):
            values[name] = values[name][0]
        return values

    def _breakers(self, values: dict[str, NDArray]) -> None:
        a = self._world.arrays
        number = a["sites"]["breaker"]
        has = number >= 0
        state = np.full(len(number), -1, np.int8)
        state[has] = a["breakers"]["state"][number[has]]
        openings = np.zeros(len(number), np.int64)
        openings[has] = (a["breakers"]["openings"] - self._before["openings"])[number[has]]
        self._before["openings"] = a["breakers"]["openings"].copy()
        values["breaker_state"], values["breaker_openings"] = state, openings
