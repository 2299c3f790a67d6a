"""Shedding by priority (section 3)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import Order
    from .stations import Station
    from .tasks import Task

GROUPS, TOP = 128, 511


class Shedding:
    """Of one station."""

    def __init__(self, station: Station) -> None:
        self.station = station
        self.level = TOP
        self.arrivals: Counter[int] = Counter()
        self.waited, self.starts = 0.0, 0

    def begin(self, order: Order) -> None:
        """Check every so often."""
        self.order = order
        self.station.world.clock.after(self.station.config.shedding.every, order, self.check)

    def refuses(self, task: Task) -> bool:
        """Whether a task is above the level."""
        world, user = self.station.world, task.user
        hour = int(world.clock.now // 3600)
        group = 0 if user is None else int(world.chance.hashed(f"group {hour}", user) * GROUPS)
        level = GROUPS * task.priority + group
        self.arrivals[level] += 1
        return level > self.level

    def below(self) -> int:
        """Arrivals of the period at or below the level."""
        return sum(count for level, count in self.arrivals.items() if level <= self.level)

    def check(self) -> None:
        """A period has passed."""
        station, shedding = self.station, self.station.config.shedding
        waited, starts = station.waited - self.waited, station.counted["starts"] - self.starts
        self.waited, self.starts = station.waited, station.counted["starts"]
        admitted = self.below()
        if waited > shedding.queuing * starts or (starts == 0 and station.queue):
            while self.below() > admitted * (1 - shedding.decrease) and self.level > 0:
                self.level -= 1
        elif self.level < TOP:
            self.level += 1
            while self.below() < admitted + shedding.increase * self.arrivals.total() and self.level < TOP:
                self.level += 1
        self.arrivals.clear()
        station.world.clock.after(shedding.every, self.order, self.check)
