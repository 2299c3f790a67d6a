"""Services: replicas, their choice, health checks (section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmodel.schema.services import Service as Config

from .adaptive import AdaptiveLimit
from .caches import Cache
from .clock import HOUSEKEEPING
from .limiters import Limiter
from .memory import Memory
from .queues import Queue
from .scaling import Autoscaler
from .stations import Station

if TYPE_CHECKING:
    from .tasks import Task
    from .world import World


class Replica:
    """One copy of a service with stations of its own."""

    def __init__(self, service: Service, index: int) -> None:
        self.service, self.index, self.world = service, index, service.world
        self.tasks: list[Task] = []
        self.waiters = 0
        self.is_down = index in service.config.down
        self.accepts_from = self.world.clock.now
        self.in_choice = True
        self.bad_probes = self.good_probes = 0
        self.stations = {name: Station(self, name) for name in service.config.stations}

    def speed(self) -> float:
        """Of this replica."""
        return self.service.config.replica_speed.get(self.index, 1.0)

    def accepts(self) -> bool:
        """Whether it is up and has started."""
        return not self.is_down and self.world.clock.now >= self.accepts_from

    def set_down(self, down: bool) -> None:
        """Going down ends every task, oldest first; coming back takes the start delay."""
        if down and not self.is_down:
            self.is_down = True
            for task in list(self.tasks):
                task.stop("unavailable")
        elif self.is_down and not down:
            self.is_down = False
            self.accepts_from = self.world.clock.now + self.service.config.start_delay

    def add_waiters(self, number: int) -> None:
        """A task that holds a station begins (1) or ceases (-1) to wait for a call or a fork."""
        for station in self.stations.values():
            station.account()
        self.waiters += number
        for station in self.stations.values():
            station.serve()

    def probe(self) -> None:
        """One health check."""
        check = self.service.config.health_check
        good = self.accepts()
        self.good_probes = self.good_probes + 1 if good else 0
        self.bad_probes = 0 if good else self.bad_probes + 1
        if self.bad_probes >= check.unhealthy_after:
            self.in_choice = False
        if self.good_probes >= check.healthy_after:
            self.in_choice = True


class Service:
    """A service: its replicas, caches, limiters, queues."""

    def __init__(self, world: World, name: str, index: int) -> None:
        self.world, self.name, self.index = world, name, index
        self.turn = 0
        self.replicas = [Replica(self, i) for i in range(self.config.replicas)]
        self.memory = Memory(self) if self.config.memory is not None else None
        self.caches = {cache: Cache(self, cache) for cache in self.config.caches}
        self.limiters = {limiter: Limiter(self, limiter) for limiter in self.config.limiters}
        self.queues = {queue: Queue(self, queue) for queue in self.config.queues}

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.world.platform.services[self.name]

    def start_housekeeping(self) -> None:
        """Health checks and autoscalers."""
        if self.config.health_check is not None:
            self.world.clock.after(self.config.health_check.every, (HOUSEKEEPING, 0, self.index), self.probe)
        for rank, (name, station) in enumerate(self.config.stations.items()):
            for replica in self.replicas:
                order = (HOUSEKEEPING, 1, self.index, rank, replica.index)
                if station.scaling is not None:
                    Autoscaler(replica.stations[name], order)
                if station.adaptive is not None:
                    AdaptiveLimit(replica.stations[name], order)
                if station.shedding is not None:
                    replica.stations[name].shedding.begin(order)

    def probe(self) -> None:
        """Probe each replica."""
        for replica in self.replicas:
            replica.probe()
        self.world.clock.after(self.config.health_check.every, (HOUSEKEEPING, 0, self.index), self.probe)

    def choose(self, key: int | None) -> Replica | None:
        """A replica for a call; none if none is left."""
        choice = [replica for replica in self.replicas if replica.in_choice]
        if not choice:
            return None
        chance = self.world.chance
        balancer = self.config.balancer
        if balancer == "round_robin":
            self.turn += 1
            return choice[(self.turn - 1) % len(choice)]
        if balancer == "random":
            return choice[int(chance.uniform() * len(choice))]
        if balancer == "least_requests":
            return min(choice, key=lambda replica: len(replica.tasks))
        if balancer == "two_choices":
            return min(chance.sample(choice, 2), key=lambda replica: len(replica.tasks))
        return choice[int(chance.hashed("replica", key) * len(choice))]
