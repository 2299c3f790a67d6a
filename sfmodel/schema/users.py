"""Users as agents: sessions, think times, retries, patience."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.durations import Time
from sfmodel.schema.quantities import MOST, Count, Duration, Factor, LongCount, Priority, Rate, Share

MOST_REQUESTS = 3000
"""Mean of a session's requests, at most: they are counted in 16 bits, and one session in 10^9 would be cut short."""


class Request(Word):
    """A class of requests within a session."""

    call: str
    """service.endpoint"""
    weight: Factor
    """Relative frequency."""
    priority: Priority = 0
    """0 first, 3 last."""
    views: Share = 0.0
    """Probability that a good answer leads to a view."""


class SessionType(Word):
    """A kind of session."""

    share: Share = 1.0
    """Of all sessions."""
    requests: Factor = Field(ge=1, le=MOST_REQUESTS)
    """Mean number of requests (geometric)."""
    mix: dict[str, Request] = Field(min_length=1)
    """Classes of requests, by name."""

    @model_validator(mode="after")
    def _weighted(self) -> SessionType:
        if sum(request.weight for request in self.mix.values()) <= 0:
            raise ValueError("expected at least one request with a weight above 0")
        return self


class Sessions(Word):
    """When sessions start and of what kind they are."""

    rate: Rate = 0.0
    """Session starts per second at demand 1."""
    types: dict[str, SessionType] = Field(min_length=1)
    """Kinds of sessions, by name."""

    @model_validator(mode="after")
    def _shares(self) -> Sessions:
        total = sum(kind.share for kind in self.types.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"expected shares of session types that sum to 1, found {total:g}")
        return self


class UserRetry(Word):
    """What a user does after a failure."""

    probability: Share = 0.0
    """Tries again."""
    attempts: Count = Field(default=1, le=255)
    """Most retries of one request."""
    after: Time = Field(default="2 s", validate_default=True)
    """Human delay."""


class Leave(Word):
    """When a session ends early."""

    after_failure: Share = 0.0
    """Probability, for a request that is given up."""
    slow: Duration | None = None
    """Answers slower than this annoy."""
    after_slow: Share = 0.0
    """Probability, for a slow answer."""


class SharedAddresses(Word):
    """Users behind one address: carriers, campuses."""

    share: Share = 0.0
    """Share of blocks of users that share an address."""
    size: Count = Field(default=1, ge=1)
    """Users in a block."""


class Users(Word):
    """The population and its habits."""

    population: LongCount = Field(ge=1, le=MOST)
    """Number of users, each with a state of its own."""
    arrivals: Literal["sessions", "closed"] = "sessions"
    """Sessions that start by the demand, or a closed population that never leaves."""
    skew: Factor = Field(1.0, gt=0)
    """Activity: the user of a session is ⌊N·U^skew⌋; 1: all alike."""
    sessions: Sessions
    """Sessions."""
    think: Time = Field(default="30 s", validate_default=True)
    """Time between an answer and the next request."""
    stretch: Factor = 0.0
    """Think time grows by this times the response time."""
    retry: UserRetry = UserRetry()
    """Retries by hand."""
    patience: Time | None = None
    """A user leaves when the answer takes longer; none: waits for ever."""
    leave: Leave = Leave()
    """Early ends of sessions."""
    shared_addresses: SharedAddresses = SharedAddresses()
    """Addresses for limiters keyed by address."""
