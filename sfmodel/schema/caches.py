"""Caches, and the memory they live in."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Bytes, Count, Duration, Share

MOST_DAYS = 48
"""Longest run with caches: an entry has 32 bits for the milliseconds of its expiry, and what they cannot hold is never."""

MOST_TICKS = 2**22 - 2
"""Ticks of the access clock between two accesses, at most: an entry has 22 bits for them."""


class Cache(Word):
    """Entries by key, each with an expiry and a version."""

    key: Literal["user", "item", "cluster", "topic"]
    """What an entry belongs to."""
    ttl: Duration = Field(gt=0)
    """Time to live."""
    ttl_jitter: Share = 0.0
    """Each entry lives ttl × (1 − jitter·U)."""
    sliding: bool = False
    """A hit renews the expiry."""
    early: Duration = 0.0
    """Who asks takes an entry for expired by an exponential time of this mean before it is: δ·β of XFetch (Vattani,
    Chierichetti and Lowenstein, Optimal Probabilistic Cache Stampede Prevention, VLDB 2015)."""
    similar: Share = 0.0
    """Where the own entry is not current, the nearest one serves that is, of so large a share of all tastes or topics around
    the own: nearest-neighbour caching (Pandey et al., WWW 2009), by a threshold of similarity."""
    stale_for: Duration = 0.0
    """An expired entry may still be served so long."""
    of: str | None = None
    """Service whose memory it uses; none: unbounded."""
    entry_size: Bytes = 1000.0
    """Bytes of one entry with its key and overhead."""
    read: str | None = None
    """service.endpoint called by a lookup; none: costs nothing."""
    write: str | None = None
    """service.endpoint called by a store."""
    invalidate: str | None = None
    """service.endpoint called on every replica by an invalidation."""
    timeout: Duration | None = None
    """Of these calls."""
    coalesce: bool = False
    """One miss fetches, others of the same key wait for it."""
    warm: Share = 0.0
    """Share of keys present at the first moment."""

    @model_validator(mode="after")
    def _neighbours(self) -> Cache:
        if self.similar > 0 and self.key not in ("cluster", "topic"):
            raise ValueError(
                f"similar: a {self.key} has none that are similar; leave it out, or choose key: cluster or topic"
            )
        return self


class Memory(Word):
    """Memory of a store, with Redis's eviction."""

    limit: Bytes
    """Bytes for entries (`maxmemory`)."""
    reserved: Bytes = 0.0
    """Bytes taken by someone else."""
    eviction: Literal["lru", "fifo", "random"] = "lru"
    """Which entry goes first."""
    samples: Count = Field(5, ge=1, le=64)
    """Entries looked at for one eviction (`maxmemory-samples`, default 5)."""
    clock: Duration = Field(1.0, gt=0)
    """Resolution of the access clock (Redis: 1 s)."""

    @model_validator(mode="after")
    def _room(self) -> Memory:
        if self.limit <= 0:
            raise ValueError("expected a limit above 0")
        return self
