"""Numbers of named things, in listed order: the labels of the results.

The index of a platform that has changed during a run goes on from the one before: what there was keeps its number, what is
new comes behind. The replicas and stations of a service lie side by side, so one that gains some gets a new place for all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from sfmodel.schema.caches import Cache
from sfmodel.schema.platform import Platform
from sfmodel.schema.services import Service

Named = TypeVar("Named")
StationKey = tuple[str, int, str]
"""Service, replica, station."""

ALWAYS = ("who asked", "network")
"""Causes that every platform has, in the order of their numbers: that who asked had given up, and the network."""

SESSIONS = ""
"""Name of the source that starts users' sessions; no named one is called so."""


@dataclass(frozen=True)
class Place:
    """Where the replicas of a service and their stations are."""

    replica: int
    """Number of its first replica."""
    replicas: int
    station: int
    """Number of the first replica's first station."""
    stations: tuple[str, ...]
    """Names, in the order in which they lie in each replica."""

    def station_of(self, replica: int, name: str) -> int:
        """Number of a station of a replica."""
        return self.station + replica * len(self.stations) + self.stations.index(name)

    def each(self) -> Iterable[tuple[int, str]]:
        """(replica, station) in the order of the numbers."""
        return ((replica, name) for replica in range(self.replicas) for name in self.stations)


def limiter_cause(label: str) -> str:
    """How a limiter is called among the causes."""
    return f"{label} (limiter)"


def queue_cause(label: str) -> str:
    """How a queue with consumers is called among the causes."""
    return f"{label} (queue)"


@dataclass
class Index:
    """Names → numbers of a platform."""

    platform: Platform
    before: Index | None = None
    """Index of the platform as it was; none: the run begins with this one."""
    services: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    caches: list[str] = field(default_factory=list)
    limiters: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    scalers: list[StationKey] = field(default_factory=list)
    """Stations with autoscaling, in the order in which they are asked at one moment."""
    breakers: list[str] = field(default_factory=list)
    """What counts in windows: stations that shed; call sites with a breaker or a throttle, known when programs are compiled."""
    columns: dict[tuple[str, str], int] = field(default_factory=dict)
    """Column of each ("cache" or "limiter", label) in the rows of its kind of key."""
    widths: dict[str, int] = field(default_factory=lambda: {"user": 0, "item": 0, "cluster": 0})
    """Columns of the rows of each user, item and cluster."""
    causes: list[str] = field(default_factory=lambda: list(ALWAYS))
    """What a request may be kept by, or fail from: services, stations, limiters, queues, and what every platform has."""
    places: dict[str, Place] = field(default_factory=dict)
    replica_count: int = 0
    """Numbers of replicas in use, places that were left included."""
    station_count: int = 0

    def __post_init__(self) -> None:
        """List everything."""
        if self.before is not None:
            for name in _LISTS:
                setattr(self, name, list(getattr(self.before, name)))
            self.places = dict(self.before.places)
            self.columns, self.widths = dict(self.before.columns), dict(self.before.widths)
            self.replica_count, self.station_count = self.before.replica_count, self.before.station_count
        for name, service in self.platform.services.items():
            _add(self.services, [name])
            _add(self.endpoints, [f"{name}.{e}" for e in service.endpoints])
            _add(self.caches, [f"{name}.{c}" for c in service.caches])
            _add(self.limiters, [f"{name}.{c}" for c in service.limiters])
            for key, cache in service.caches.items():
                self._give_column("cache", f"{name}.{key}", cache.key if cache.key in ("user", "item") else "cluster")
            for key, limiter in service.limiters.items():
                if limiter.key is not None:
                    self._give_column("limiter", f"{name}.{key}", "item" if limiter.key == "item" else "user")
            _add(self.queues, [f"{name}.{q}" for q in service.queues])
            _add(self.stores, [name] if service.memory is not None else [])
            self._place(name, service)
            _add(self.causes, [name, *(f"{name}.{s}" for s in service.stations)])
            _add(self.causes, [limiter_cause(f"{name}.{key}") for key in service.limiters])
            _add(self.causes, [queue_cause(f"{name}.{key}") for key in service.queues])
            scaled = [key for key, station in service.stations.items() if station.law is not None]
            _add(self.scalers, [(name, replica, key) for key in scaled for replica in range(service.replicas)])
        _add(self.counters, self.platform.counters)
        _add(self.sources, self.platform.sources)
        users = self.platform.users
        if users is not None:
            _add(self.sources, [SESSIONS] if users.arrivals == "sessions" else [])
            for kind, session in users.sessions.types.items():
                _add(self.requests, [f"{kind}.{r}" for r in session.mix])

    def _give_column(self, what: str, label: str, kind: str) -> None:
        if (what, label) not in self.columns:
            self.columns[what, label] = self.widths[kind]
            self.widths[kind] += 1

    def _place(self, name: str, service: Service) -> None:
        old = self.places.get(name)
        stations = list(old.stations if old else ())
        _add(stations, service.stations)
        replicas = max(service.replicas, old.replicas if old else 0)
        if old is not None and (len(stations), replicas) == (len(old.stations), old.replicas):
            return
        self.places[name] = Place(self.replica_count, replicas, self.station_count, tuple(stations))
        self.replica_count += replicas
        self.station_count += replicas * len(stations)

    @cached_property
    def station_numbers(self) -> dict[StationKey, int]:
        """Number of each station of each replica, in the order of the labels."""
        return {
            (service, replica, name): place.station_of(replica, name)
            for service, place in self.places.items()
            for replica, name in place.each()
        }

    @property
    def stations(self) -> list[str]:
        """Labels, in the order of `station_numbers`."""
        return [
            f"{service}.{name}" + (f"#{replica}" if self.places[service].replicas > 1 else "")
            for service, replica, name in self.station_numbers
        ]

    @cached_property
    def replica_services(self) -> list[tuple[int, int]]:
        """(number of a replica, number of its service) of each replica."""
        return [
            (place.replica + replica, self.services.index(service))
            for service, place in self.places.items()
            for replica in range(place.replicas)
        ]

    def moved(self) -> tuple[dict[int, int], dict[int, int]]:
        """Replicas and stations that have another number than before: old → new."""
        replicas: dict[int, int] = {}
        stations: dict[int, int] = {}
        for service, old in (self.before.places if self.before else {}).items():
            new = self.places[service]
            if new is not old:
                replicas |= {old.replica + replica: new.replica + replica for replica in range(old.replicas)}
                stations |= {old.station_of(*key): new.station_of(*key) for key in old.each()}
        return replicas, stations

    def local_station(self, service: str, name: str) -> int:
        """Number of a station within a replica of its service."""
        return self.places[service].stations.index(name)

    def cache(self, service: str, name: str) -> tuple[int, Cache]:
        """Number and definition of a cache named in a script of `service`."""
        full = name if "." in name else f"{service}.{name}"
        owner, own = full.split(".", 1)
        return self.caches.index(full), self.platform.services[owner].caches[own]


_LISTS = (
    "services", "endpoints", "caches", "limiters", "queues", "stores", "counters", "sources", "requests", "scalers",
    "breakers", "causes",
)  # fmt: skip


def _add(names: list[Named], more: Iterable[Named]) -> None:
    names += [name for name in more if name not in names]
