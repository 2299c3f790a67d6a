"""Sources: arrivals by themselves (section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfmodel.schema.sources import Source as Config

from .calls import start_root
from .clock import ARRIVAL
from .demand import Poisson
from .files import column, is_timestamp
from .tasks import About, Place

if TYPE_CHECKING:
    from .world import World


class Source:
    """One source, by its place in the list."""

    def __init__(self, world: World, name: str, index: int) -> None:
        self.world, self.name = world, name
        self.order = (ARRIVAL, 0, index)
        config = self.config
        if config.every is not None:
            world.clock.after(config.every, self.order, self.tick)
        for time in sorted(config.at) + self.recorded():
            if time >= world.clock.now:
                world.clock.at(time, self.order, self.arrive)
        edges = tuple(edge for spike in config.spikes for edge in (spike.at, spike.at + spike.for_))
        Poisson(world, self.rate, lambda: self.order, self.arrive, edges)

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.world.platform.sources[self.name]

    def rate(self, time: float) -> float:
        """Arrivals per second at a time."""
        config = self.config
        steady = config.rate * (self.world.demand(time) if config.follow_demand else 1.0)
        return steady + sum(s.count / s.for_ for s in config.spikes if s.at <= time < s.at + s.for_)

    def recorded(self) -> list[float]:
        """Times of a file."""
        file = self.config.file
        if file is None:
            return []
        times = column(file.file, file.time)
        if is_timestamp(file.file, file.time) and file.start is not None:
            times = times - times.min() + file.start
        return sorted(times.tolist())

    def tick(self) -> None:
        """An arrival at a fixed interval."""
        self.arrive()
        self.world.clock.after(self.config.every, self.order, self.tick)

    def arrive(self) -> None:
        """Start `batch` tasks."""
        for _ in range(self.config.batch):
            self.start_one()

    def start_one(self) -> None:
        """Start one task, if a replica is there."""
        config, people = self.config, self.world.people
        user = people.random_user() if config.user == "random" else None
        item = people.random_item() if config.item == "random" else None
        service, endpoint = config.call.split(".")
        replica = self.world.services[service].choose(user)
        if replica is not None:
            about = About(user, item, people.topic(item), config.priority)
            start_root(replica, Place(service, endpoint), about)
