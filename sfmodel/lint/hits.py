"""Assumed hit ratios of caches: nobody knows them before a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.platform import Platform
from sfmodel.schema.quantities import to_share

ASSUMED = 0.8
"""The case study's hit rate in normal hours."""


@dataclass(frozen=True)
class Hits:
    """One ratio for all caches, and others for some."""

    others: float = ASSUMED
    by_cache: dict[str, float] = field(default_factory=dict)
    """service.cache → ratio."""

    def of(self, service: str, cache: str) -> float:
        """Return the ratio of a cache as a step of `service` names it."""
        return self.by_cache.get(cache if "." in cache else f"{service}.{cache}", self.others)

    def __str__(self) -> str:
        """Say what is assumed."""
        named = ", ".join(f"{name} {share:.0%}" for name, share in self.by_cache.items())
        return f"every {'other ' if named else ''}cache hits {self.others:.0%}{', ' + named if named else ''}"


def hits_from(words: Sequence[str], platform: Platform) -> Hits:
    """Read '80 %' and 'content.metadata=92 %'."""
    caches = [f"{service}.{cache}" for service, found in platform.services.items() for cache in found.caches]
    others, by_cache = ASSUMED, {}
    for word in words:
        name, equals, text = word.rpartition("=")
        try:
            share = to_share(text)
        except ValueError as error:
            raise ConfigError(f"lint: --hit: {error}") from None
        if not equals:
            others = share
        elif name in caches:
            by_cache[name] = share
        else:
            raise ConfigError(f"lint: --hit: there is no cache '{name}'; {nearest(name, caches)}")
    return Hits(others, by_cache)
