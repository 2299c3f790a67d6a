"""Circuit breakers, as in resilience4j 2 (section 4)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sfmodel.schema.calls import Breaker as Config

from .clock import Clock, number_of

UNRECORDED = ("expired", "cancelled")


@dataclass(frozen=True)
class Permission:
    """Leave to send, given in the breaker's n-th state."""

    state_number: int


class Breaker:
    """One per call site; without a configuration it lets everything through."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.state = "closed"
        self.state_number = 0
        self.open_until = 0.0
        self.window: deque[tuple[int, bool]] = deque()
        self.let_through = 0
        self.probes: list[bool] = []

    def enter(self, state: str) -> None:
        """Begin a state."""
        self.state = state
        self.state_number += 1
        self.window.clear()
        self.let_through = 0
        self.probes = []

    def ask(self, config: Config | None) -> Permission | None:
        """Leave to send, or none."""
        if config is None:
            return Permission(-1)
        if self.state == "half_open" and len(self.probes) >= config.half_open_calls:
            self.judge(config)
        if self.state == "open":
            if self.clock.now < self.open_until:
                return None
            self.enter("half_open")
        if self.state == "half_open":
            if self.let_through >= config.half_open_calls:
                return None
            self.let_through += 1
        return Permission(self.state_number)

    def record(self, config: Config | None, permission: Permission, outcome: str, took: float) -> None:
        """An attempt has ended, so long after it began."""
        if config is None or permission.state_number != self.state_number:
            return
        if outcome in UNRECORDED:
            self.give_back(permission)
            return
        slow = outcome == "ok" and config.slow is not None and took > config.slow
        if self.state == "half_open":
            self.record_probe(config, slow or outcome in config.on)
        else:
            self.record_closed(config, slow or outcome in config.on)

    def give_back(self, permission: Permission) -> None:
        """An attempt let through in half open has ended unrecorded."""
        if permission.state_number == self.state_number and self.state == "half_open":
            self.let_through -= 1

    def record_probe(self, config: Config, failed: bool) -> None:
        """Judge when all probes have ended."""
        self.probes.append(failed)
        if len(self.probes) >= config.half_open_calls:
            self.judge(config)

    def judge(self, config: Config) -> None:
        """All probes have ended: open again, or closed."""
        if sum(self.probes) / len(self.probes) >= config.failure_rate:
            self.open(config)
        else:
            self.enter("closed")

    def record_closed(self, config: Config, failed: bool) -> None:
        """Judge the window."""
        bucket = 0 if config.window.time is None else number_of(self.clock.now, config.window.time / 10)
        self.window.append((bucket, failed))
        if config.window.calls is not None:
            while len(self.window) > config.window.calls:
                self.window.popleft()
        else:
            while self.window[0][0] <= bucket - 10:
                self.window.popleft()
        failures = sum(failed for _, failed in self.window)
        if len(self.window) >= config.minimum_calls and failures / len(self.window) >= config.failure_rate:
            self.open(config)

    def open(self, config: Config) -> None:
        """Refuse for a while."""
        self.enter("open")
        self.open_until = self.clock.now + config.open_for
