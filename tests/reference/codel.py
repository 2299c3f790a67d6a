"""CoDel for requests (section 3)."""

from __future__ import annotations

import math

from sfmodel.schema.stations import CoDel as Config


class CoDel:
    """Of one station."""

    def __init__(self) -> None:
        self.shortest: float | None = None
        self.ends = -math.inf
        self.overload = False

    def refuses(self, config: Config, waited: float, now: float) -> bool:
        """Whether who has waited so long goes."""
        if self.shortest is None:
            self.shortest = waited
            return False
        if now > self.ends:
            self.overload = self.shortest > config.target
            self.ends = now + config.interval
            self.shortest = waited
            return False
        self.shortest = min(self.shortest, waited)
        return self.overload and waited > 2 * config.target
