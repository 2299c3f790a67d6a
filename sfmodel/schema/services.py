"""A service: stations, caches, limiters, queues and the scripts of its endpoints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sfmodel.schema.base import Word
from sfmodel.schema.caches import Cache, Memory
from sfmodel.schema.limiters import Limiter
from sfmodel.schema.quantities import Count, Duration, Factor
from sfmodel.schema.queues import Queue
from sfmodel.schema.stations import Station
from sfmodel.schema.steps import Steps


class HealthCheck(Word):
    """How the balancer learns that a replica is down."""

    every: Duration = Field(10.0, gt=0)
    """Time between probes."""
    unhealthy_after: Count = Field(3, ge=1)
    """Failed probes in a row that take a replica out."""
    healthy_after: Count = Field(2, ge=1)
    """Good probes in a row that bring it back."""


class Endpoint(Word):
    """A script."""

    title: str = ""
    """What it is, in words."""
    hold: str | None = None
    """Station held from admission to reply."""
    steps: Steps = []
    """What is done, in order."""


class Service(Word):
    """One service of the platform."""

    title: str = ""
    """Name in figures."""
    replicas: Count = Field(1, ge=1, le=10_000)
    """Copies, each with stations of its own."""
    balancer: Literal["round_robin", "random", "least_requests", "two_choices", "key"] = "round_robin"
    """How a replica is chosen."""
    health_check: HealthCheck | None = None
    """None: the balancer knows nothing of dead replicas."""
    start_delay: Duration = 0.0
    """Time until a replica that was down accepts again."""
    down: list[int] = []
    """Replicas that are down, from 0."""
    replica_speed: dict[int, Annotated[Factor, Field(gt=0)]] = {}
    """Speed of single replicas, 1 unless named."""
    memory: Memory | None = None
    """Makes the service a store for caches."""
    stations: dict[str, Station] = {}
    """Pools of servers."""
    caches: dict[str, Cache] = {}
    """Caches."""
    limiters: dict[str, Limiter] = {}
    """Limiters."""
    queues: dict[str, Queue] = {}
    """Queues with consumers."""
    endpoints: dict[str, Endpoint] = {}
    """What can be called."""
