"""The platform: services, users, content, sources, counters."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sfmodel.schema.base import Unit, Word
from sfmodel.schema.demand import Content
from sfmodel.schema.quantities import Amount, Duration
from sfmodel.schema.services import Service
from sfmodel.schema.sources import Source
from sfmodel.schema.users import Users


class Counter(Word):
    """A number that scripts add to."""

    unit: Unit = "1"
    """Unit of the total."""
    title: str = ""
    """What it counts."""
    start: Amount = 0.0
    """Running total at the first moment, for `slowed_by`."""


class Platform(Word):
    """Everything that is there; what happens on an evening is the demand and the scenario."""

    name: str
    """Name in results."""
    title: str = ""
    """Name in figures."""
    constants: dict[str, Any] = {}
    """Values that stand in several places, or in a list of steps, as ${platform.constants.NAME}."""
    network: Duration = 0.0
    """One-way latency of a call unless the call says otherwise."""
    content: Content = Content()
    """Items."""
    users: Users | None = None
    """Users as agents; none: sources only."""
    services: dict[str, Service] = Field(min_length=1)
    """Services by name."""
    sources: dict[str, Source] = {}
    """Background work and open demand."""
    counters: dict[str, Counter] = {}
    """Counters that scripts add to."""

    @property
    def declared_counters(self) -> dict[str, tuple[str, str]]:
        """Unit and title of each counter, by name."""
        return {name: (counter.unit, counter.title) for name, counter in self.counters.items()}
