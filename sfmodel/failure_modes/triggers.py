"""Triggers: what goes wrong, how large, for how long, and what it costs.

The size of a change is counted in doublings: half of a station's servers, or twice the demand, are 1. A fault costs its size
times its minutes, so that a quota that is a tenth lower for a minute, 0.15, is cheaper than half of the machines gone for ten
minutes, 10. A trigger is one fault or two that begin together; it costs their sum.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

How = Literal[
    "slower", "fewer servers", "fewer consumers", "lower limit", "down", "shorter ttl", "less memory", "invalidated",
    "slower network", "shorter timeout", "called more", "more demand", "burst", "more retries",
]  # fmt: skip

SHORTEST_S = 10.0
"""Duration of a fault, at least; durations are whole seconds."""

GONE = 10.0
"""Size of what is gone altogether: as much as if a thousandth of it were left."""

SOURCE = "failure_mode"
"""Name of the source that a fault adds."""

DIGITS = 3
"""Digits of a number: as many as one writes into a file."""
DIGITS_APART = 2
"""Digits of how far a factor is from 1, so that a small one is not written as none."""


@dataclass(frozen=True)
class FaultPlace(ABC):
    """Something of a platform, and a way in which it goes wrong."""

    thing: str
    """A station, a limiter, a cache, a service, a link of two services, an endpoint that is called by itself."""
    how: How
    most: float
    """Largest size, in doublings."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.thing}, {self.how}"

    @abstractmethod
    def snapped(self, size: float) -> float:
        """The nearest size that there is, in doublings."""

    @abstractmethod
    def event(self, size: float) -> Mapping[str, Any]:
        """What an event of a scenario sets and scales; nothing: it is a source that does it."""

    @abstractmethod
    def said(self, size: float) -> str:
        """The size in words."""

    def source(self, size: float, at: str) -> Mapping[str, Any] | None:
        """The source that makes the fault at a time of day; none: an event does."""
        return None

    def lasts_s(self, seconds: float) -> float:
        """The nearest duration that there is, s."""
        return max(SHORTEST_S, float(round(seconds)))


@dataclass(frozen=True)
class Scaled(FaultPlace):
    """Numbers that become larger or smaller."""

    keys: tuple[str, ...]
    grows: bool
    """Whether the fault makes them larger."""

    def factor(self, size: float) -> float:
        """Factor on the numbers."""
        doublings = min(size, self.most)
        factor = 2.0 ** (doublings if self.grows else -doublings)
        return _rounded(factor, min(_step(factor, DIGITS), _step(abs(factor - 1), DIGITS_APART)))

    def snapped(self, size: float) -> float:
        """Size of the factor that is written."""
        return abs(math.log2(self.factor(size)))

    def event(self, size: float) -> Mapping[str, Any]:
        """Scale the numbers."""
        return {"scale": dict.fromkeys(self.keys, self.factor(size))}

    def said(self, size: float) -> str:
        """Say what is scaled, and by what factor."""
        return f"{self.how}, {self.keys[0].rpartition('.')[2]} × {self.factor(size):g}"


@dataclass(frozen=True)
class Latency(FaultPlace):
    """The way from one service to another takes longer."""

    keys: tuple[str, ...]
    usual_s: float
    """Latency of a doubling more; where there is hardly any, a millisecond."""

    def seconds(self, size: float) -> float:
        """Latency of one way, s."""
        latency_s = self.usual_s * 2.0 ** min(size, self.most)
        return _rounded(latency_s, _step(latency_s, DIGITS))

    def snapped(self, size: float) -> float:
        """Size of the latency that is written."""
        return max(0.0, math.log2(self.seconds(size) / self.usual_s))

    def event(self, size: float) -> Mapping[str, Any]:
        """Set the latency of each call."""
        return {"set": dict.fromkeys(self.keys, f"{self.seconds(size):g} s")}

    def said(self, size: float) -> str:
        """Say the latency."""
        return f"{self.how}, {self.seconds(size):g} s one way"


@dataclass(frozen=True)
class Whole(FaultPlace):
    """Of so many that there are, some are gone: servers, consumers, what a window lets through."""

    keys: tuple[str, ...]
    count: int
    """So many there are."""

    def left(self, size: float) -> int:
        """So many are left: one is gone at least, and all where that is nearer."""
        if size >= (GONE + math.log2(self.count)) / 2:
            return 0
        return min(self.count - 1, max(1, round(self.count * 2.0**-size)))

    def snapped(self, size: float) -> float:
        """Size of so many that are gone."""
        left = self.left(size)
        return math.log2(self.count / left) if left else GONE

    def event(self, size: float) -> Mapping[str, Any]:
        """Set what is left."""
        return {"set": dict.fromkeys(self.keys, self.left(size))}

    def said(self, size: float) -> str:
        """Say what is left."""
        return f"{self.how}, {self.left(size)} of {self.count} left"


@dataclass(frozen=True)
class Down(Whole):
    """Replicas of a service are down."""

    def event(self, size: float) -> Mapping[str, Any]:
        """Name those that are down."""
        return {"set": {key: list(range(self.count - self.left(size))) for key in self.keys}}


@dataclass(frozen=True)
class Invalidated(FaultPlace):
    """An endpoint that invalidates a cache is called by itself, at once so often."""

    arrivals: tuple[tuple[str, str], ...]
    """Further keys of the source."""

    def count(self, size: float) -> int:
        """So often."""
        return max(1, round(2.0 ** min(size, self.most)) - 1)

    def snapped(self, size: float) -> float:
        """Size of so many calls: one is a doubling of none."""
        return math.log2(1 + self.count(size))

    def event(self, size: float) -> Mapping[str, Any]:
        """No event: a source does it."""
        return {}

    def source(self, size: float, at: str) -> Mapping[str, Any]:
        """Call the endpoint."""
        return {"call": self.thing, "at": [at] * self.count(size), **dict(self.arrivals)}

    def lasts_s(self, seconds: float) -> float:
        """A moment; it counts as a minute."""
        return 60.0

    def said(self, size: float) -> str:
        """Say how often."""
        return f"called {self.count(size)} × at once"


@dataclass(frozen=True)
class Fault:
    """A place that goes wrong, so much, for so long."""

    place: FaultPlace
    size: float
    """In doublings."""
    seconds: float
    """How long, s."""

    @classmethod
    def of(cls, place: FaultPlace, size: float, seconds: float) -> Fault:
        """The nearest fault that can be written down."""
        return cls(place, place.snapped(size), place.lasts_s(seconds))

    @property
    def cost(self) -> float:
        """Doublings times minutes."""
        return self.size * self.seconds / 60

    def __str__(self) -> str:
        """In words."""
        lasts = "" if isinstance(self.place, Invalidated) else f" for {self.seconds:g} s"
        return f"{self.place.thing}: {self.place.said(self.size)}{lasts}"


@dataclass(frozen=True)
class Trigger:
    """Faults that begin together."""

    faults: tuple[Fault, ...]

    @property
    def cost(self) -> float:
        """The sum of those of its faults."""
        return math.fsum(fault.cost for fault in self.faults)

    @property
    def seconds(self) -> float:
        """Until the last of them has ended, s."""
        return max(fault.seconds for fault in self.faults)

    @property
    def places(self) -> frozenset[FaultPlace]:
        """Where it acts."""
        return frozenset(fault.place for fault in self.faults)

    @property
    def things(self) -> frozenset[str]:
        """On what it acts."""
        return frozenset(fault.place.thing for fault in self.faults)

    def __str__(self) -> str:
        """In words."""
        return " + ".join(map(str, self.faults))

    def events(self, at: str) -> list[dict[str, Any]]:
        """Its events, from a time of day on."""
        changes = [(fault, fault.place.event(fault.size)) for fault in self.faults]
        return [{"at": at, "for": f"{fault.seconds:g} s", **change} for fault, change in changes if change]

    def sources(self, at: str) -> dict[str, dict[str, Any]]:
        """Sources that it adds, by name."""
        made = [source for fault in self.faults if (source := fault.place.source(fault.size, at)) is not None]
        return {SOURCE if k == 0 else f"{SOURCE}_{k + 1}": dict(source) for k, source in enumerate(made)}


def _step(value: float, digits: int) -> float:
    """Between neighbouring numbers of so many digits."""
    return 10.0 ** (math.floor(math.log10(value)) + 1 - digits)


def _rounded(value: float, step: float) -> float:
    """A number in whole steps, towards zero: a share that is scaled stays a share."""
    return round(math.floor(value / step * (1 + 1e-12)) * step, 12)
