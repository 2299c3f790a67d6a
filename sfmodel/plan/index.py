"""Numbers of named things, in listed order: the labels of the results."""

from __future__ import annotations

from dataclasses import dataclass, field

from sfmodel.schema.caches import Cache
from sfmodel.schema.platform import Platform


@dataclass
class Index:
    """Names → numbers of a platform."""

    platform: Platform
    services: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    stations: list[str] = field(default_factory=list)
    caches: list[str] = field(default_factory=list)
    limiters: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    counters: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """List everything."""
        for name, service in self.platform.services.items():
            self.services.append(name)
            self.endpoints += [f"{name}.{e}" for e in service.endpoints]
            self.caches += [f"{name}.{c}" for c in service.caches]
            self.limiters += [f"{name}.{c}" for c in service.limiters]
            self.queues += [f"{name}.{q}" for q in service.queues]
            for replica in range(service.replicas):
                suffix = f"#{replica}" if service.replicas > 1 else ""
                self.stations += [f"{name}.{s}{suffix}" for s in service.stations]
            if service.memory is not None:
                self.stores.append(name)
        self.counters = list(self.platform.counters)
        if self.platform.users is not None:
            for kind, session in self.platform.users.sessions.types.items():
                self.requests += [f"{kind}.{r}" for r in session.mix]

    def local_station(self, service: str, name: str) -> int:
        """Number of a station within a replica of its service."""
        return list(self.platform.services[service].stations).index(name)

    def cache(self, service: str, name: str) -> tuple[int, Cache]:
        """Number and definition of a cache named in a script of `service`."""
        full = name if "." in name else f"{service}.{name}"
        owner, own = full.split(".", 1)
        return self.caches.index(full), self.platform.services[owner].caches[own]
