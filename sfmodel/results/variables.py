"""Every variable of a result, declared once: name, dimensions, type, unit, how windows add up, one sentence.

The recorder, the attributes of the dataset, the measures and the documentation come from this table. A new variable is
one line here and a value in the engine. `time` is the first dimension of every variable and is not written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sfmodel.errors import ConfigError

Kind = Literal["sum", "last", "max"]

OUTCOMES = ("ok", "timeout", "rejected", "throttled", "open", "unavailable", "error", "expired", "cancelled")
"""Outcomes of a task, in the order of their codes (docs/model.md, section 2)."""

FAILURES = OUTCOMES[1:]
"""Every outcome but `ok`."""

LATENCY_BINS = 388
LATENCY_RATIO = 1.04
LATENCY_FLOOR_S = 1e-4

LATENCY_EDGES: NDArray[np.float64] = np.multiply(LATENCY_FLOOR_S, LATENCY_RATIO ** np.arange(LATENCY_BINS + 1.0))
"""Edges of the latency bins, s, shape [LATENCY_BINS + 1]; the first bin also holds all below, the last all above."""

LATENCY_CENTRES: NDArray[np.float64] = np.sqrt(LATENCY_EDGES[:-1] * LATENCY_EDGES[1:])
"""Geometric centres of the latency bins, s: at most 2 % from anything in the bin."""

LABELLED = ("service", "endpoint", "station", "call", "cache", "limiter", "queue", "request", "cause")
"""Dimensions whose labels a platform gives, in the order of the dataset."""

LABEL_SENTENCES = {
    "service": "Service",
    "endpoint": "Endpoint, as service.endpoint",
    "station": "Station, as service.station, with #replica where a service has several",
    "call": "Call site, as service.endpoint>service.endpoint",
    "cache": "Cache, as service.cache",
    "limiter": "Limiter, as service.limiter",
    "queue": "Queue with consumers, as service.queue",
    "request": "Class of users' requests, as session type.class",
    "cause": "What a task is kept by or fails from: a service, a station, a limiter, a queue, the network, or who asked",
    "outcome": "Outcome of a task",
    "latency": "Geometric centre of a latency bin",
}


@dataclass(frozen=True)
class Variable:
    """One result variable."""

    name: str
    """Name in the dataset; begins with what it describes."""
    dims: tuple[str, ...]
    """Dimensions behind `time`."""
    dtype: str
    """NumPy type."""
    unit: str
    """Unit of a value; `1` for counts."""
    kind: Kind
    """`sum` over windows, `last` (state at the window's end) or `max`."""
    long_name: str
    """One sentence."""
    needs: str | None = None
    """Labelled dimension without which a variable of time alone makes no sense."""

    def shape(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Shape of one window's values, given the sizes of the dimensions."""
        return tuple(sizes[dim] for dim in self.dims)

    def attributes(self) -> dict[str, str]:
        """Attributes of the variable in the dataset."""
        return {"units": self.unit, "long_name": self.long_name, "kind": self.kind}


def _count(name: str, dims: str, long_name: str, needs: str | None = None) -> Variable:
    return Variable(name, tuple(dims.split()), "int64", "1", "sum", long_name, needs)


def _histogram(name: str, dims: str, long_name: str) -> Variable:
    return Variable(name, (*dims.split(), "latency"), "uint32", "1", "sum", long_name)


def _total(name: str, dims: str, unit: str, long_name: str) -> Variable:
    return Variable(name, tuple(dims.split()), "float64", unit, "sum", long_name)


def _state(name: str, dims: str, unit: str, long_name: str, dtype: str = "int64", needs: str | None = None) -> Variable:
    return Variable(name, tuple(dims.split()), dtype, unit, "last", long_name, needs)


def _highest(name: str, dims: str, long_name: str) -> Variable:
    return Variable(name, tuple(dims.split()), "int64", "1", "max", long_name)


_ENDPOINTS = (
    _count("endpoint_arrivals", "endpoint", "Tasks that began at the endpoint"),
    _count("endpoint_outcomes", "endpoint outcome", "Tasks that ended, by outcome"),
    _state("endpoint_in_flight", "endpoint", "1", "Tasks in flight at the end of the window"),
    _total("endpoint_time", "endpoint", "s", "Sum of the durations of the tasks that ended"),
    _total("endpoint_time_ok", "endpoint", "s", "Sum of the durations of the tasks that ended ok"),
    _histogram("endpoint_latency", "endpoint", "Tasks that ended, by duration"),
    _histogram("endpoint_latency_ok", "endpoint", "Tasks that ended ok, by duration"),
    _count("endpoint_causes", "endpoint cause", "Tasks that failed, by what it came from in the end"),
    _total(
        "endpoint_cause_time", "endpoint cause", "s", "Sum of the durations of the tasks, by what kept each longest"
    ),
    _count("endpoint_wasted", "endpoint", "Tasks that ended as zombies or cancelled: nobody waited for their answer"),
)

_STATIONS = (
    _state("station_servers", "station", "1", "Servers at the end of the window", "float64"),
    _total("station_busy", "station", "s", "Server time in use, the share burnt by waiters included"),
    _total("station_queue", "station", "s", "Integral of the number of waiting tasks over time"),
    _highest("station_queue_max", "station", "Most tasks that waited at once"),
    _state("station_waiting", "station", "1", "Tasks waiting at the end of the window"),
    _state("station_in_service", "station", "1", "Tasks in service at the end of the window"),
    _count("station_arrivals", "station", "Tasks that asked for a server"),
    _count("station_starts", "station", "Tasks whose service began"),
    _count("station_ends", "station", "Tasks whose service ended"),
    _total("station_wait", "station", "s", "Sum of the waits of the tasks whose service began"),
    _count("station_rejected", "station", "Tasks turned away by a full queue"),
    _count("station_expired", "station", "Tasks that left the queue because patience or deadline had passed"),
    _count("station_left", "station", "Tasks that left the queue because they were cancelled or killed"),
    _total("station_wasted", "station", "s", "Server time spent on tasks nobody waited for"),
    _total("station_burnt", "station", "s", "Server time burnt by tasks that wait while they hold a station"),
)

_CALLS = (
    _count("call_attempts", "call", "Attempts, retries and hedges included"),
    _count("call_outcomes", "call outcome", "Attempts that ended, by outcome as the caller saw it"),
    _total("call_time", "call", "s", "Sum of the durations of the attempts that ended, as the caller saw them"),
    _histogram("call_latency", "call", "Attempts that ended, by duration as the caller saw it"),
    _count("call_timeouts", "call", "Attempts without a reply in time"),
    _count("call_retries", "call", "Attempts after the first"),
    _count("call_hedges", "call", "Second attempts sent side by side with a slow first"),
    _count("call_open", "call", "Attempts refused by the circuit breaker"),
    _state("breaker_state", "call", "1", "Circuit breaker: 0 closed, 1 open, 2 half open, -1 none", "int8"),
    _count("breaker_openings", "call", "Times the circuit breaker opened"),
)

_CACHES = (
    _count("cache_hits", "cache", "Lookups that found a current entry"),
    _count("cache_similar", "cache", "Of these, lookups that found the entry of a similar taste or topic"),
    _count("cache_misses", "cache", "Lookups that found none that may be served"),
    _count("cache_stale", "cache", "Lookups that found an entry past its time and served it"),
    _count("cache_expired", "cache", "Lookups that found an entry too old"),
    _count("cache_invalidated", "cache", "Lookups that found an entry invalidated"),
    _count("cache_coalesced", "cache", "Lookups that waited for another task's store and then went on as hits"),
    _count("cache_stores", "cache", "Entries written"),
    _count("cache_evictions", "cache", "Entries removed for lack of memory"),
    _state("cache_entries", "cache", "1", "Entries present at the end of the window"),
    _state("cache_bytes", "cache", "B", "Memory of the entries present at the end of the window"),
)

_LIMITERS = (
    _count("limiter_passed", "limiter", "Tasks the limiter let through"),
    _count("limiter_refused", "limiter", "Tasks the limiter refused"),
    _total("limiter_wait", "limiter", "s", "Sum of the waits the limiter imposed"),
)

_QUEUES = (
    _count("queue_published", "queue", "Messages appended"),
    _count("queue_delivered", "queue", "Messages whose handler ended ok"),
    _count("queue_failed", "queue", "Messages whose handler failed"),
    _count("queue_dropped", "queue", "Oldest messages dropped to make room"),
    _count("queue_rejected", "queue", "Messages turned away by a full queue"),
    _total("queue_length", "queue", "s", "Integral of the number of waiting messages over time"),
    _highest("queue_length_max", "queue", "Most messages that waited at once"),
    _state("queue_waiting", "queue", "1", "Messages waiting at the end of the window"),
    _total("queue_delay", "queue", "s", "Sum over delivered messages of the time from publishing to delivery"),
    _count("queue_batches", "queue", "Batches handed to the handler"),
)

_SERVICES = (
    _state("service_healthy", "service", "1", "Replicas the balancer takes for healthy at the end of the window"),
    _state("service_up", "service", "1", "Replicas that are up at the end of the window"),
)

_USERS = (
    _count("users_requests", "request", "Requests made by users, retries included"),
    _count("users_retries", "request", "Requests made again after a failure"),
    _count("users_outcomes", "request outcome", "Requests ended, by outcome"),
    _histogram("users_latency", "request", "Requests ended, by response time"),
    _total("users_time", "request", "s", "Sum of the response times of the requests answered"),
    _count("users_abandoned", "request", "Requests whose answer came after the user had left"),
    _count("users_given_up", "request", "Failed requests that were not tried again"),
    _count("views", "request", "Views that good answers led to"),
    _count("views_lost", "request", "Views that would have happened, had the answer been good and in time"),
    _count("sessions_started", "", "Sessions started", "request"),
    _count("sessions_ended", "", "Sessions ended", "request"),
    _state("users_retrying", "", "1", "Users about to try again at the end of the window", needs="request"),
    _state("users_thinking", "", "1", "Users thinking between requests at the end of the window", needs="request"),
)

_PLATFORM = (_state("demand", "", "1", "Demand relative to normal at the end of the window", "float64"),)

VARIABLES: dict[str, Variable] = {
    variable.name: variable
    for group in (_ENDPOINTS, _STATIONS, _CALLS, _CACHES, _LIMITERS, _QUEUES, _SERVICES, _USERS, _PLATFORM)
    for variable in group
}
"""Every variable but the platform's own counters, by name."""


def counter_variable(name: str, unit: str, title: str) -> Variable:
    """Declare the variable of one of the platform's counters: what was added to it in each window."""
    return Variable(name, (), "float64", unit or "1", "sum", title or f"Counter {name}")


def declare(labels: Mapping[str, Sequence[str]], counters: Mapping[str, tuple[str, str]]) -> dict[str, Variable]:
    """Choose the variables of a platform: those whose dimensions have labels, and one per counter.

    Parameters
    ----------
    labels
        Labels of each dimension in `LABELLED`; a missing one is empty.
    counters
        Unit and title of each counter, by name.

    Raises
    ------
    ConfigError
        A counter has the name of a variable or of a dimension.
    """
    present = {dim for dim in LABELLED if len(labels.get(dim, ()))} | {"outcome", "latency"}
    declared = {
        variable.name: variable
        for variable in VARIABLES.values()
        if present.issuperset(variable.dims) and (variable.needs is None or variable.needs in present)
    }
    for name, (unit, title) in counters.items():
        if name in VARIABLES or name in LABEL_SENTENCES or name in ("time", "width"):
            raise ConfigError(f"platform.counters.{name}: this name is taken by a result variable; choose another")
        declared[name] = counter_variable(name, unit, title)
    return declared


def coordinates(labels: Mapping[str, Sequence[str]]) -> dict[str, NDArray[np.generic]]:
    """Values of every dimension but time: the labels given, the outcomes, the latency bins (s)."""
    named = {dim: np.array(list(labels[dim]), dtype=str) for dim in LABELLED if len(labels.get(dim, ()))}
    return {**named, "outcome": np.array(OUTCOMES), "latency": LATENCY_CENTRES}


def latency_bin(duration_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index of the latency bin of each duration (s), any shape."""
    steps = np.floor(np.log(np.maximum(duration_s, LATENCY_FLOOR_S) / LATENCY_FLOOR_S) / np.log(LATENCY_RATIO))
    return np.clip(steps, 0, LATENCY_BINS - 1).astype(np.int64)
