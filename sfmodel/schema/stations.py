"""Stations: pools of identical servers with a queue."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.durations import Time
from sfmodel.schema.quantities import Count, Duration, Factor, Share


class Contention(Word):
    """Universal Scalability Law: f = 1 + serial·(n−1) + crosstalk·n·(n−1) (Gunther 2007)."""

    serial: Factor = 0.0
    """Share of the work that is serial (σ)."""
    crosstalk: Factor = 0.0
    """Cost of keeping n servers coherent (κ)."""


class Scaling(Word):
    """Autoscaling of the servers, after the Kubernetes Horizontal Pod Autoscaler."""

    min: Count
    """Fewest servers."""
    max: Count
    """Most servers."""
    target: Share = 0.7
    """Utilisation aimed for."""
    every: Duration = 15.0
    """Time between checks (HPA default 15 s)."""
    start_delay: Duration = 60.0
    """Time until a new server serves."""
    scale_down_after: Duration = 300.0
    """Servers go only after so long without need (HPA default 5 min)."""

    @model_validator(mode="after")
    def _ordered(self) -> Scaling:
        if not 1 <= self.min <= self.max:
            raise ValueError(f"expected 1 ≤ min ≤ max, found min {self.min} and max {self.max}")
        if self.target <= 0 or self.every <= 0:
            raise ValueError("expected target and every above 0")
        return self


class Adaptive(Word):
    """Servers as permits whose number follows the time they are held: Gradient2 of Netflix's concurrency-limits.

    Defaults are its own, with the windows of its WindowedLimit.
    """

    min: Count = Field(20, ge=1)
    """Lowest limit."""
    max: Count = 200
    """Highest limit."""
    queue: Factor = 4.0
    """By how much the limit may grow while times are low."""
    tolerance: Factor = Field(1.5, ge=1)
    """Times may grow by this factor before the limit falls."""
    smoothing: Share = 0.2
    """Weight of the new limit."""
    long_window: Count = Field(600, ge=1)
    """Periods of the long average."""
    every: Duration = Field(1.0, gt=0)
    """Period."""
    samples: Count = Field(10, ge=1)
    """A period with fewer ends says nothing."""

    @model_validator(mode="after")
    def _ordered(self) -> Adaptive:
        if self.min > self.max:
            raise ValueError(f"expected min ≤ max, found min {self.min} and max {self.max}")
        return self


class Shedding(Word):
    """Turns away by priority while there is overload: DAGOR (Zhou et al., SoCC 2018), with its numbers."""

    queuing: Duration = 0.02
    """Mean wait from which on it is overload."""
    every: Duration = Field(1.0, gt=0)
    """Period."""
    decrease: Share = 0.05
    """In overload, so many fewer are admitted."""
    increase: Share = 0.01
    """Without, so many more."""


class CoDel(Word):
    """Turns away who has waited long while nobody waits shortly: folly's CoDel for requests, with its numbers.

    After Nichols and Jacobson, Controlling Queue Delay, ACM Queue 10 (5), 2012; Maurer, Fail at Scale, ACM Queue 13 (8), 2015.
    """

    target: Duration = Field(0.005, gt=0)
    """Overload is when the shortest wait of an interval is longer; who has then waited twice as long goes."""
    interval: Duration = Field(0.1, gt=0)
    """Over which the shortest wait is sought."""


class Station(Word):
    """c identical servers and one queue; each replica of the service has its own."""

    servers: Factor | Literal["unlimited"]
    """Number of servers; `unlimited` for a pure delay with a meter."""
    speed: Factor = Field(1.0, gt=0)
    """Service times are divided by this."""
    queue: Count | None = None
    """Most tasks that may wait; none: no limit."""
    order: Literal["fifo", "lifo", "priority"] = "fifo"
    """Who is served next."""
    contention: Contention = Contention()
    """Slowdown by the number in service."""
    waiting_cost: Share = 0.0
    """Share of a server burnt by each task of the replica that holds a station while it waits for a call."""
    patience: Time | None = None
    """A task that waited so long leaves as `expired`."""
    drop_expired: bool = False
    """Drop tasks whose deadline has passed when their turn comes."""
    codel: CoDel | None = None
    """Turn away who has waited too long when his turn comes; none: however long, he is served."""
    scaling: Scaling | None = None
    """Autoscaling; none: fixed."""
    adaptive: Adaptive | None = None
    """Adaptive limit; none: fixed."""
    shedding: Shedding | None = None
    """Shedding by priority; none: only a full queue turns away."""

    @property
    def law(self) -> Scaling | Adaptive | Shedding | None:
        """What is checked every so often."""
        return self.scaling or self.adaptive or self.shedding

    @model_validator(mode="after")
    def _countable(self) -> Station:
        if self.servers == "unlimited" and (self.scaling or self.adaptive):
            what = "scaling" if self.scaling else "an adaptive limit"
            raise ValueError(f"expected a number of servers where there is {what}, found unlimited")
        if self.adaptive is not None and (self.scaling is not None or self.waiting_cost > 0):
            raise ValueError("an adaptive limit needs a station without scaling and without waiting_cost")
        if self.shedding is not None and (self.scaling or self.adaptive):
            raise ValueError("expected one of scaling, adaptive and shedding at a station")
        return self
