"""Edges of a cascade: who acts on whom, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

How = Literal["waits", "fails", "misses", "retries", "traffic"]

USERS = "the users"
"""Who asks again, as the source of an edge; no service can be called so."""


@dataclass(frozen=True)
class Edge:
    """Who acts on whom, and how."""

    source: str
    """A service, or `USERS`."""
    target: str
    how: How
    """The target waits for the source, or fails with it; the source's misses, retries or calls are the target's load."""
    share: float
    """Of the target's trouble, what comes from the cascade's cause; of its further calls, what comes this way; of lookups, those
    that miss beyond the usual; of requests, those asked again."""
    begins_s: float
    """When it begins, s since midnight of day 1."""

    @property
    def key(self) -> tuple[str, str, How]:
        """Which edge it is, in whatever cascade."""
        return self.source, self.target, self.how

    @property
    def is_push(self) -> bool:
        """Whether it is load that the source makes."""
        return self.how not in ("waits", "fails")
