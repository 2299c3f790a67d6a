"""Everything that is there, and the run through it."""

from __future__ import annotations

from collections import defaultdict
from functools import reduce
from typing import Any

from sfmodel.schema import Platform, Run

from . import scenario
from .balancers import Service
from .calls import Site
from .chance import Chance
from .clock import Clock
from .demand import Demand, Poisson
from .people import People
from .record import Recorder, Reference
from .sites import all_sites
from .sources import Source
from .tasks import Place
from .users import Users


def simulate(run: Run) -> Reference:
    """Simulate a run, slowly."""
    world = World(run)
    world.begin()
    world.clock.run_before(run.until)
    return world.result()


class World:
    """The platform in motion."""

    def __init__(self, run: Run) -> None:
        self.base = run
        begin = run.start - run.warmup
        self.run = scenario.run_at(run, begin)
        self.clock = Clock(begin)
        self.record = Recorder(self.clock, run.start, run.until, run.window)
        self.chance = Chance(run.seed)
        self.counters = {name: counter.start for name, counter in self.platform.counters.items()}
        self.in_flight: dict[str, int] = defaultdict(int)
        self.in_flight_at_start: dict[str, int] = {}
        self.poissons: list[Poisson] = []
        self.people = People(self)
        self.demand = Demand(self)
        self.services: dict[str, Service] = {}
        for index, name in enumerate(self.platform.services):
            self.services[name] = Service(self, name, index)
        self.sites = all_sites(self)

    @property
    def platform(self) -> Platform:
        """As it is now."""
        return self.run.platform

    def find(self, place: Place) -> Any:
        """A step, a list of steps or an endpoint as it is now."""
        endpoint = self.platform.services[place.service].endpoints[place.endpoint]
        return reduce(lambda at, key: at[key] if isinstance(key, int) else getattr(at, key), place.path, endpoint)

    def begin(self) -> None:
        """Warm caches, then schedule scenario, housekeeping, sources and users."""
        for service in self.services.values():
            for cache in service.caches.values():
                cache.warm_up()
        self.record.sums.clear()
        self.clock.at(self.base.start, (-1,), self.note_start)
        scenario.schedule(self)
        for service in self.services.values():
            service.start_housekeeping()
        for index, name in enumerate(self.platform.sources):
            Source(self, name, index)
        if self.platform.users is not None:
            Users(self)

    def note_start(self) -> None:
        """What is in flight when the measurement starts."""
        self.in_flight_at_start = dict(self.in_flight)

    def change(self) -> None:
        """Parameters change: settle what depends on the old ones, then act on the new ones."""
        self.account()
        for poisson in self.poissons:
            poisson.settle()
        before, self.run = self.run, scenario.run_at(self.base, self.clock.now)
        for name, service in self.services.items():
            old = before.platform.services[name]
            for replica in service.replicas:
                replica.set_down(replica.index in service.config.down)
                for station_name, station in replica.stations.items():
                    if service.config.stations[station_name].servers != old.stations[station_name].servers:
                        station.servers = station.configured_servers()
                    station.serve()
        for service in self.services.values():
            for queue in service.queues.values():
                queue.dispatch()
        for poisson in self.poissons:
            poisson.schedule()

    def breaker_state(self, place: Place, site: Site) -> int:
        """0 closed, 1 open, 2 half open, -1 none."""
        if place.path[-1] in ("read", "write", "invalidate") or getattr(self.find(place), "breaker", None) is None:
            return -1
        return ("closed", "open", "half_open").index(site.breaker.state)

    def account(self) -> None:
        """Bring all integrals up to now."""
        for service in self.services.values():
            for replica in service.replicas:
                for station in replica.stations.values():
                    station.account()

    def result(self) -> Reference:
        """Sums by window and states at the end."""
        self.account()
        caches = [cache for service in self.services.values() for cache in service.caches.values()]
        return self.record.result({
            "endpoint_in_flight": dict(self.in_flight),
            "endpoint_in_flight_start": self.in_flight_at_start,
            "breaker_state": {site.key: self.breaker_state(place, site) for place, site in self.sites.items()},
            "cache_entries": {cache.key: len(cache.entries) for cache in caches},
        })  # fmt: skip
