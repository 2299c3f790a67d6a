"""One time of an alert, whatever makes it fire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Alarm:
    """One time of an alert."""

    promise: str
    """The objective that is at stake: its name."""
    kind: str
    """Which alert, as a table names it: `14.4 × in 1 h`, `a cascade`."""
    alert: str
    """The same, with who is meant, if that is more: `engine drags down gateway`."""
    fires_s: float
    """When it fires, s since midnight of day 1."""
    ends_s: float
    """When it stops; the end of the run, if it goes on."""
    lasts: bool
    """Whether it goes on at the end of the run."""
    highest: str
    """How bad it was meanwhile, with what it is counted in: `burn rate 50`, `2.1 × its limit`."""
    data: Mapping[str, Any]
    """What JSON says of it besides."""
