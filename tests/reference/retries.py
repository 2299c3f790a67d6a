"""Delays between attempts and the budget of retries (section 4)."""

from __future__ import annotations

from sfmodel.schema.calls import Budget as BudgetConfig
from sfmodel.schema.calls import Retries

from .chance import Chance
from .clock import Clock


def delay(retries: Retries, number: int, previous: float, chance: Chance) -> float:
    """The delay before retry `number` (1, 2, …); `previous` is that before the last one."""
    if retries.jitter == "decorrelated":
        return min(retries.cap, retries.base + chance.uniform() * (3 * previous - retries.base))
    b = retries.base
    if retries.backoff == "exponential":
        b = min(retries.cap, retries.base * retries.factor ** (number - 1))
    if retries.jitter == "full":
        return chance.uniform() * b
    if retries.jitter == "equal":
        return b / 2 + chance.uniform() * b / 2
    return b


class Budget:
    """A balance per call site (Finagle's RetryBudget)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.balance: float | None = None
        self.since = clock.now

    def grow(self, config: BudgetConfig) -> None:
        """By the reserve, up to the cap; it starts at the cap."""
        if self.balance is None:
            self.balance = config.cap
        self.balance = min(config.cap, self.balance + config.reserve * (self.clock.now - self.since))
        self.since = self.clock.now

    def first_attempt(self, config: BudgetConfig | None) -> None:
        """Raises the balance."""
        if config is not None:
            self.grow(config)
            self.balance = min(config.cap, self.balance + config.ratio)

    def allows_retry(self, config: BudgetConfig | None) -> bool:
        """Take 1, if there is 1."""
        if config is None:
            return True
        self.grow(config)
        if self.balance < 1:
            return False
        self.balance -= 1
        return True
