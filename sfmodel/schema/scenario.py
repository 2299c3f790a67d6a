"""Scenarios: what goes wrong, when, for how long."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Clock, Duration, Factor


class Event(Word):
    """Parameters changed at a time, for a while."""

    at: Clock
    """When."""
    for_: Duration | None = Field(None, alias="for")
    """How long; none: until the end."""
    set: dict[str, Any] = {}
    """Key → new value, e.g. services.engine.stations.cpu.servers: 12."""
    scale: dict[str, Factor] = {}
    """Key → factor on the value."""

    @model_validator(mode="after")
    def _changes_something(self) -> Event:
        if not (self.set or self.scale):
            raise ValueError("expected set or scale, with a key and its value; this event changes nothing")
        return self


class Scenario(Word):
    """A named disturbance of the platform."""

    title: str = ""
    """What happens, in words."""
    events: list[Event] = []
    """Changes of parameters."""
