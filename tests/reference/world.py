"""Everything that is there, and the run through it."""

from __future__ import annotations

import math
from collections import defaultdict
from functools import reduce
from typing import Any

from sfmodel.schema import Platform, Run
from sfmodel.schema.calls import Breaker, Throttle

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


def find_in(platform: Platform, place: Place) -> Any:
    """A step, a list of steps or an endpoint."""
    endpoint = platform.services[place.service].endpoints[place.endpoint]
    return reduce(lambda at, key: at[key] if isinstance(key, int) else getattr(at, key), place.path, endpoint)


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
        return find_in(self.platform, place)

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
        for place, site in self.sites.items():
            old_breaker, breaker = self.breaker_at(before.platform, place), self.breaker_at(self.platform, place)
            if breaker is not None and breaker.window != old_breaker.window:
                site.breaker.window.clear()
            old_throttle, throttle = self.throttle_at(before.platform, place), self.throttle_at(self.platform, place)
            if throttle is not None and throttle.window != old_throttle.window:
                site.throttle.forget()
        for name, service in self.services.items():
            old = before.platform.services[name]
            for limiter_name, limiter in service.limiters.items():
                if limiter.config.window != old.limiters[limiter_name].window:
                    limiter.passed_in_window.clear()
                    limiter.last_given = -math.inf
            for replica in service.replicas:
                replica.set_down(replica.index in service.config.down)
                for station_name, station in replica.stations.items():
                    if service.config.stations[station_name].servers != old.stations[station_name].servers:
                        station.servers = station.configured_servers()
                    station.serve()
        for service in self.services.values():
            if service.memory is not None:
                service.memory.fit()
        for service in self.services.values():
            for queue in service.queues.values():
                queue.dispatch()
        for poisson in self.poissons:
            poisson.schedule()

    @staticmethod
    def breaker_at(platform: Platform, place: Place) -> Breaker | None:
        """The breaker of a call site; calls of caches have none."""
        if place.path[-1] in ("read", "write", "invalidate"):
            return None
        return getattr(find_in(platform, place), "breaker", None)

    @staticmethod
    def throttle_at(platform: Platform, place: Place) -> Throttle | None:
        """The throttle of a call site; calls of caches have none."""
        if place.path[-1] in ("read", "write", "invalidate"):
            return None
        return getattr(find_in(platform, place), "throttle", None)

    def breaker_state(self, place: Place, site: Site) -> int:
        """0 closed, 1 open, 2 half open, -1 none."""
        if self.breaker_at(self.platform, place) is None:
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
            "station_servers": {
                station.key: station.servers
                for service in self.services.values() for replica in service.replicas
                for station in replica.stations.values()
            },
            "cache_bytes": {cache.key: len(cache.entries) * cache.config.entry_size for cache in caches},
            "cache_entries": {cache.key: len(cache.entries) for cache in caches},
        })  # fmt: skip
