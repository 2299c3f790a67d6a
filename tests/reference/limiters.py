"""Limiters (section 6)."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

from sfmodel.schema.limiters import Limiter as Config

from .clock import TASK, Script, number_of

if TYPE_CHECKING:
    from .balancers import Service
    from .tasks import Task

Key = int | tuple[str, int] | None


class Limiter:
    """One limiter of a service, with a state for each key."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name
        self.world = service.world
        self.theoretical_arrival: dict[Key, float] = defaultdict(lambda: -math.inf)
        self.passed_in_window: dict[tuple[Key, int], int] = defaultdict(int)
        self.last_given = -math.inf

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.service.config.limiters[self.name]

    def admit(self, task: Task) -> Script:
        """Pass, wait and pass, or be refused."""
        wait = self.wait_of(self.key_of(task))
        passes = wait is not None
        self.world.record.add("limiter_passed" if passes else "limiter_refused", f"{self.service.name}.{self.name}")
        if passes and wait > self.world.clock.now:
            self.world.record.add("limiter_wait", f"{self.service.name}.{self.name}", wait - self.world.clock.now)
            yield self.world.clock.at(wait, (TASK,))
        return "ok" if passes else "throttled"

    def key_of(self, task: Task) -> Key:
        """What the limit is counted by."""
        if self.config.key == "address":
            return self.world.people.address(task.user)
        return None if self.config.key is None else getattr(task, self.config.key)

    def wait_of(self, key: Key) -> float | None:
        """The time until which to wait (now or earlier: none), with the place taken; None: refused."""
        if self.config.kind in ("token_bucket", "gcra"):
            return self.token(key)
        if self.config.kind == "fixed_window":
            return self.fixed_window(key)
        return self.sliding_window(key)

    def may_wait(self, delay: float) -> bool:
        """Whether the limiter lets one wait so long."""
        longest = math.inf if self.config.max_wait is None else self.config.max_wait
        return self.config.when_full == "wait" and delay <= longest

    def token(self, key: Key) -> float | None:
        """The generic cell rate algorithm."""
        now, interval = self.world.clock.now, 1 / self.config.rate
        arrival = max(self.theoretical_arrival[key], now)
        early = arrival - now - (self.config.burst - 1) * interval
        if early > 1e-9 and not self.may_wait(early):
            return None
        self.theoretical_arrival[key] = arrival + interval
        return now if early <= 1e-9 else now + early

    def fixed_window(self, key: Key) -> float | None:
        """At most `limit` in each window; waiters take a place in the first one that has one."""
        now, length = self.world.clock.now, self.config.window
        current = index = number_of(now, length)
        if self.config.when_full == "wait":
            index = max(index, self.last_given)
        while self.config.when_full == "wait" and self.passed_in_window[key, index] >= self.config.limit:
            index += 1
        if self.passed_in_window[key, index] >= self.config.limit:
            return None
        if index > current and not self.may_wait(index * length - now):
            return None
        self.passed_in_window[key, index] += 1
        self.last_given = index
        return index * length if index > current else now

    def sliding_window(self, key: Key) -> float | None:
        """The previous window counts by its share still in view."""
        now, length = self.world.clock.now, self.config.window
        index = number_of(now, length)
        share = 1 - (now - index * length) / length
        if self.passed_in_window[key, index - 1] * share + self.passed_in_window[key, index] >= self.config.limit:
            return None
        self.passed_in_window[key, index] += 1
        return now
