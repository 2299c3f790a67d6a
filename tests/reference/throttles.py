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
        """Whether an attempt is not to be sent; then it is a request."""
        if config is None:
            return False
        now = self.bucket(config)
        requests, accepts = (sum(bucket > now - 10 for bucket in of) for of in (self.requests, self.accepts))
        probability = max(0, (requests - config.k * accepts) / (requests + 1))
        refused = probability > 0 and self.chance.happens(probability)
        if refused:
            self.requests.append(now)
        return refused

    def record(self, config: Config | None, outcome: str) -> None:
        """An attempt that was sent has ended: with a reply, or by its timeout."""
        if config is not None:
            self.requests.append(self.bucket(config))
            if outcome not in config.on and outcome != "timeout":
                self.accepts.append(self.bucket(config))

    def forget(self) -> None:
        """Counting begins anew."""
        self.requests, self.accepts = [], []
