"""Demand over time, and Poisson processes that follow a rate (section 7)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.schema.demand import Demand as Config
from sfmodel.schema.demand import Series

from .clock import Order
from .files import column

if TYPE_CHECKING:
    from .world import World

DAY = 86400.0


class Demand:
    """Curve × level × breathing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.noise: dict[int, float] = {}

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.world.run.demand

    def __call__(self, time: float) -> float:
        """The demand at a time."""
        return self.curve(time) * self.config.level * self.breathing(time)

    def curve(self, time: float) -> float:
        """Points, a sine, a series, or 1."""
        config = self.config
        if config.points is not None:
            times = sorted(config.points)
            values = [config.points[t] for t in times]
            if config.interpolate == "step":
                return values[np.searchsorted(times, time % DAY, side="right") - 1]
            return float(np.interp(time, times, values, period=DAY))
        if config.sine is not None:
            phase = 2 * math.pi * (time - config.sine.peak_at) / config.sine.period
            return 1 + config.sine.amplitude * math.cos(phase)
        if config.series is not None:
            times, values = self.series
            return float(np.interp(time, times, values))
        return 1.0

    def steps(self) -> tuple[float, ...]:
        """Times at which the curve jumps."""
        if self.config.points is None or self.config.interpolate == "linear":
            return ()
        days = range(math.floor(self.world.clock.now / DAY), math.ceil(self.world.run.until / DAY))
        return tuple(day * DAY + time for day in days for time in self.config.points)

    @cached_property
    def series(self) -> tuple[np.ndarray, np.ndarray]:
        """Seconds since midnight of day 1, and values whose mean in the normal hours is 1."""
        return read_series(self.config.series)

    def breathing(self, time: float) -> float:
        """A lognormal AR(1) by minute, joined by lines."""
        if self.config.breathing.cv == 0:
            return 1.0
        minute, part = divmod(time, 60.0)
        return (1 - part / 60) * self.breath(int(minute)) + part / 60 * self.breath(int(minute) + 1)

    def breath(self, minute: int) -> float:
        """The factor at a whole minute, of mean 1."""
        deviation = self.config.breathing.cv
        return math.exp(deviation * self.standard_noise(minute) - deviation**2 / 2)

    def standard_noise(self, minute: int) -> float:
        """The AR(1) with standard deviation 1, minute after minute from the first one asked for."""
        if not self.noise:
            self.noise[minute] = self.world.chance.generator.normal()
        last = max(self.noise)
        keeps = math.exp(-60 / self.config.breathing.correlation)
        while last < minute:
            fresh = self.world.chance.generator.normal()
            self.noise[last + 1] = keeps * self.noise[last] + math.sqrt(1 - keeps**2) * fresh
            last += 1
        return self.noise[minute]


def read_series(config: Series) -> tuple[np.ndarray, np.ndarray]:
    """A recorded series from day 1 on; outside it the nearest value stands."""
    times, values = column(config.file, config.time), column(config.file, config.value)
    first = np.ceil(times[0] / DAY) * DAY
    if config.day is not None:
        first = np.datetime64(config.day, "s").astype(float)
    times = times - first
    in_normal = (times % DAY >= config.normal[0]) & (times % DAY < config.normal[1])
    values = values / values[in_normal].mean()
    if config.peak is not None:
        values = 1 + (values - 1) * (config.peak - 1) / (values.max() - 1)
    return times, values


class Poisson:
    """Arrivals where the integral of a rate reaches the points of a unit Poisson process."""

    def __init__(
        self, world: World, rate: Callable[[float], float], order: Callable[[], Order], action: Callable[[], None],
        edges: tuple[float, ...] = (),
    ) -> None:  # fmt: skip
        self.world, self.rate, self.order, self.action = world, rate, order, action
        self.edges = edges + world.demand.steps()
        self.since = world.clock.now
        self.number_scheduled = 0
        self.remaining = self.unit()
        world.poissons.append(self)
        self.schedule()

    def unit(self) -> float:
        """Distance to the next point of the unit process."""
        return float(self.world.chance.generator.exponential())

    def schedule(self) -> None:
        """The time at which the integral of the rate reaches what remains."""
        self.number_scheduled += 1
        number = self.number_scheduled
        need, time = self.remaining, self.since
        while time < self.world.run.until:
            end = self.next_edge(time)
            area = self.integral(time, end)
            if area >= need:
                at = time + (end - time) * need / area
                self.world.clock.at(at, self.order(), lambda: self.arrive(number))
                return
            need -= area
            time = end

    def next_edge(self, time: float) -> float:
        """The next whole quarter of a second, or edge of the rate."""
        step = (math.floor(time * 4) + 1) / 4
        return min([step] + [edge for edge in self.edges if edge > time])

    def integral(self, start: float, end: float) -> float:
        """Of the rate over one short piece, by its middle."""
        return (end - start) * self.rate((start + end) / 2)

    def settle(self) -> None:
        """Before the rate changes: what has been reached until now."""
        while self.since < self.world.clock.now:
            end = min(self.next_edge(self.since), self.world.clock.now)
            self.remaining -= self.integral(self.since, end)
            self.since = end

    def arrive(self, number: int) -> None:
        """One arrival, unless a change of the rate has moved it."""
        if number == self.number_scheduled:
            self.since = self.world.clock.now
            self.remaining = self.unit()
            self.action()
            self.schedule()
