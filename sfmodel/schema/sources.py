"""Sources that start tasks at an endpoint, by themselves."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Clock, Count, Duration, Factor, Priority, Rate


class Spike(Word):
    """A burst of arrivals."""

    at: Clock
    """Start."""
    count: Factor
    """Expected number of arrivals."""
    for_: Duration = Field(60.0, alias="for", gt=0)
    """Spread over so long."""


class Recording(Word):
    """Recorded arrival times."""

    file: str
    """CSV or Parquet."""
    time: str = "time"
    """Column of times: seconds, or timestamps (the first is `start`)."""
    start: Clock | None = None
    """Time of day of the first arrival, for timestamps; none: as recorded, seconds since midnight."""


class Source(Word):
    """Arrivals of background work, or of an open demand."""

    call: str
    """service.endpoint"""
    rate: Rate = 0.0
    """Poisson."""
    follow_demand: bool = False
    """Multiply the rate by the demand curve."""
    every: Duration | None = None
    """At fixed intervals."""
    at: list[Clock] = []
    """At these times."""
    spikes: list[Spike] = []
    """Bursts, on top of the rate."""
    file: Recording | None = None
    """Recorded times."""
    user: Literal["none", "random"] = "none"
    """Whether each arrival is a user's."""
    item: Literal["none", "random"] = "none"
    """Whether each arrival is about an item."""
    priority: Priority = 0
    """0 first, 3 last."""
    batch: Count = Field(1, ge=1)
    """Tasks per arrival."""

    @property
    def kind(self) -> str:
        """What makes the arrivals: `every`, `at`, `file`, or `rate` (with spikes, or silent)."""
        given = {"every": self.every is not None, "at": bool(self.at), "file": self.file is not None}
        return next((kind for kind, is_given in given.items() if is_given), "rate")

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        poisson = self.rate > 0 or bool(self.spikes)
        kinds = [poisson, self.every is not None, bool(self.at), self.file is not None]
        if sum(kinds) > 1:
            raise ValueError("expected one of rate with spikes, every, at, file; make several sources of it")
        if self.every is not None and self.every <= 0:
            raise ValueError("expected every above 0")
        return self
