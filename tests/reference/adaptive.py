"""Adaptive limits of a station's servers (section 3)."""

from __future__ import annotations

import math

from .clock import Order
from .stations import Station


class AdaptiveLimit:
    """Netflix's Gradient2 over periods of one station."""

    def __init__(self, station: Station, order: Order) -> None:
        self.station, self.order = station, order
        self.limit = float(station.servers)
        self.times: list[float] = []
        self.long_s = 0.0
        self.before = self.now()
        self.station.world.clock.after(station.config.adaptive.every, order, self.check)

    def now(self) -> tuple[float, int, float]:
        """Server time, ends, and what grows where somebody waits or is turned away."""
        counted = self.station.counted
        return self.station.busy_area, counted["ends"], counted["rejected"] + self.station.queue_area

    def check(self) -> None:
        """A period has passed."""
        station, adaptive = self.station, self.station.config.adaptive
        station.account()
        if station.servers != math.floor(self.limit):
            self.limit = float(station.servers)
        held, ends, pressed = (now - before for now, before in zip(self.now(), self.before, strict=True))
        self.before = self.now()
        if ends >= adaptive.samples and held > 0:
            self.learn(held / ends, self.limit if pressed > 0 else held / adaptive.every)
            station.set_servers(math.floor(self.limit))
        station.world.clock.after(adaptive.every, self.order, self.check)

    def learn(self, time: float, in_flight: float) -> None:
        """Long average, gradient, limit."""
        adaptive = self.station.config.adaptive
        self.times.append(time)
        if len(self.times) <= 10:
            self.long_s = sum(self.times) / len(self.times)
        else:
            self.long_s += (time - self.long_s) * 2 / (adaptive.long_window + 1)
        long_s = self.long_s
        if long_s / time > 2:
            self.long_s *= 0.95
        if in_flight < self.limit / 2:
            return
        gradient = max(0.5, min(1, adaptive.tolerance * long_s / time))
        limit = (1 - adaptive.smoothing) * self.limit + adaptive.smoothing * (self.limit * gradient + adaptive.queue)
        self.limit = max(adaptive.min, min(adaptive.max, limit))
