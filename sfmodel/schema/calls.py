"""Options of a call: retries, budget, breaker, hedge."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Count, Duration, Factor, Share, to_count, to_duration_s

OUTCOMES = ("ok", "timeout", "rejected", "throttled", "open", "unavailable", "error", "expired", "cancelled")

Outcome = Literal["ok", "timeout", "rejected", "throttled", "open", "unavailable", "error", "expired", "cancelled"]
Failure = Literal["timeout", "rejected", "throttled", "open", "unavailable", "error", "expired", "cancelled"]
RETRYABLE: tuple[Failure, ...] = ("timeout", "rejected", "unavailable", "error", "throttled")


class Budget(Word):
    """Retry budget per call site (Finagle's RetryBudget; its defaults: 20 %, 10/s over 10 s)."""

    ratio: Factor = 0.2
    """Balance gained by each first attempt."""
    reserve: Factor = 10.0
    """Balance gained per second, regardless of traffic."""
    cap: Factor = 100.0
    """Highest balance, and the balance at the start."""


class Retries(Word):
    """What to do after a failed attempt."""

    attempts: Count = Field(2, ge=1, le=255)
    """Attempts in all, the first included."""
    backoff: Literal["constant", "exponential"] = "constant"
    """How the delay grows."""
    base: Duration = 0.0
    """First delay."""
    factor: Factor = 2.0
    """Growth of an exponential delay per retry."""
    cap: Duration = 60.0
    """Longest delay."""
    jitter: Literal["none", "full", "equal", "decorrelated"] = "none"
    """How the delay is spread (AWS Architecture Blog 2015)."""
    on: tuple[Failure, ...] = RETRYABLE
    """Outcomes after which to try again."""
    budget: Budget | None = None
    """Bound on the share of retries; none: unbounded."""


def _window(value: Any) -> Any:
    """'100 calls' is a count window, '10 s' a time window."""
    if isinstance(value, dict):
        return value
    text = str(value).strip()
    if text.endswith(("calls", "call")):
        return {"calls": to_count(text.rsplit(" ", 1)[0])}
    if text.isdigit():
        return {"calls": int(text)}
    try:
        return {"time": to_duration_s(text)}
    except ValueError:
        raise ValueError(f"expected a window such as '100 calls' or '10 s', found '{text}'") from None


class BreakerWindow(Word):
    """The last n attempts, or the attempts of the last so many seconds."""

    calls: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Number of attempts."""
    time: Annotated[float, Field(gt=0)] | None = None
    """Length in seconds."""


class Breaker(Word):
    """Circuit breaker per call site; defaults are resilience4j's."""

    window: Annotated[BreakerWindow, BeforeValidator(_window, json_schema_input_type=str | int)] = BreakerWindow(
        calls=100
    )
    """'100 calls' or '10 s'."""
    failure_rate: Share = 0.5
    """Opens at this share of failures."""
    minimum_calls: Count = Field(100, ge=1)
    """No judgement on fewer attempts."""
    open_for: Duration = 60.0
    """Time it stays open."""
    half_open_calls: Count = Field(10, ge=1)
    """Probes let through when half open."""
    on: tuple[Failure, ...] = RETRYABLE
    """Outcomes that count as failures."""
    slow: Duration | None = None
    """A good reply that took longer counts as a failure, in the same share; none: no reply is slow."""

    @model_validator(mode="after")
    def _reachable(self) -> Breaker:
        if self.window.calls is not None and self.minimum_calls > self.window.calls:
            raise ValueError(
                f"expected minimum_calls of at most the window of {self.window.calls} calls, found {self.minimum_calls}: "
                "the breaker could never open"
            )
        if self.failure_rate <= 0:
            raise ValueError("expected a failure_rate above 0")
        return self


class Throttle(Word):
    """A client's own throttle (Site Reliability Engineering, 2016, chapter 21; its K and its window)."""

    k: Factor = Field(2.0, ge=1)
    """The backend gets so many times what it accepts."""
    window: Duration = Field(120.0, gt=0)
    """Requests and accepts are those of so long."""
    on: tuple[Failure, ...] = ("rejected", "throttled", "unavailable", "expired")
    """Replies that are refusals; no reply is no accept either."""


class Hedge(Word):
    """A second attempt beside a slow first (Dean and Barroso 2013)."""

    after: Duration
    """Send the second after so long without a reply."""
