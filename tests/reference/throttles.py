"""Clients' own throttles (section 4)."""

from __future__ import annotations

from sfmodel.schema.calls import Throttle as Config

from .chance import Chance
from .clock import Clock, number_of


class Throttle:
    """One per call site; without a configuration it refuses nothing."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self.clock, self.chance = clock, chance
        self.requests: list[int] = []
        self.accepts: list[int] = []

    def bucket(self, config: Config) -> int:
        """Number of the bucket of this moment."""
        return number_of(self.clock.now, config.window / 10)

    def refuses(self, config: Config | None) -> bool:
        """Whether an attempt is not to be sent; it is a request in any case."""
        if config is None:
            return False
        now = self.bucket(config)
        requests, accepts = (sum(bucket > now - 10 for bucket in of) for of in (self.requests, self.accepts))
        self.requests.append(now)
        probability = max(0, (requests - config.k * accepts) / (requests + 1))
        return probability > 0 and self.chance.happens(probability)

    def record(self, config: Config | None, outcome: str) -> None:
        """A reply has come."""
        if config is not None and outcome not in config.on:
            self.accepts.append(self.bucket(config))

    def forget(self) -> None:
        """Counting begins anew."""
        self.requests, self.accepts = [], []
