"""Autoscaling of a station's servers (section 3)."""

from __future__ import annotations

import math

from .clock import HOUSEKEEPING, Order
from .stations import Station


class Autoscaler:
    """Checks one station every so often."""

    def __init__(self, station: Station, order: Order) -> None:
        self.station, self.order = station, order
        self.clock = station.world.clock
        self.checks: list[tuple[float, float, bool]] = []
        self.ordered = False
        self.busy_area = self.server_area = 0.0
        self.clock.after(station.config.scaling.every, order, self.check)

    def check(self) -> None:
        """Compare the utilisation of the period with the target."""
        station, scaling = self.station, self.station.config.scaling
        station.account()
        busy, servers = station.busy_area - self.busy_area, station.server_area - self.server_area
        self.busy_area, self.server_area = station.busy_area, station.server_area
        utilisation = busy / servers if servers > 0 else 0.0
        desired = self.desired(utilisation)
        self.checks.append((self.clock.now, desired, desired < station.servers))
        if desired > station.servers:
            self.order_more(desired)
        elif desired < station.servers:
            self.maybe_fewer()
        self.clock.after(scaling.every, self.order, self.check)

    def desired(self, utilisation: float) -> float:
        """Kubernetes' formula with its tolerance, within min and max."""
        scaling, servers = self.station.config.scaling, self.station.servers
        if abs(utilisation / scaling.target - 1) <= 0.1:
            desired = servers
        else:
            desired = math.ceil(servers * utilisation / scaling.target - 1e-9)
        return min(scaling.max, max(scaling.min, desired))

    def order_more(self, desired: float) -> None:
        """They serve after `start_delay`; one order at a time."""
        if self.ordered:
            return
        self.ordered = True
        self.clock.after(self.station.config.scaling.start_delay, (HOUSEKEEPING, 3), lambda: self.arrive(desired))

    def arrive(self, desired: float) -> None:
        """The ordered servers serve."""
        self.ordered = False
        self.station.set_servers(desired)

    def maybe_fewer(self) -> None:
        """Fewer, when all checks of the last `scale_down_after` wanted fewer."""
        since = self.clock.now - self.station.config.scaling.scale_down_after
        recent = [check for check in self.checks if check[0] >= since]
        low_since = self.clock.now
        for time, _, low in reversed(self.checks):
            if not low:
                break
            low_since = time
        if low_since <= since and all(low for _, _, low in recent):
            self.station.set_servers(max(desired for _, desired, _ in recent))
