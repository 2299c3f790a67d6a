"""The memory of a store: eviction and active expiry, as in Redis (section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clock import HOUSEKEEPING

if TYPE_CHECKING:
    from .balancers import Service
    from .caches import Cache

Held = tuple["Cache", int | None]
POOL = 16


class Memory:
    """Entries of all caches that live in one store."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.world = service.world
        self.pool: list[tuple[float, Cache, int | None]] = []
        self.world.clock.after(0.1, (HOUSEKEEPING, 2, service.index), self.expire_actively)

    def caches(self) -> list[Cache]:
        """All caches `of` this service."""
        every = [cache for service in self.world.services.values() for cache in service.caches.values()]
        return [cache for cache in every if cache.config.of == self.service.name]

    def held(self) -> list[Held]:
        """All entries present."""
        return [(cache, key) for cache in self.caches() for key in cache.entries]

    def used(self) -> float:
        """Bytes of entries and of someone else."""
        entries = sum(len(cache.entries) * cache.config.entry_size for cache in self.caches())
        return entries + self.service.config.memory.reserved

    def make_room(self, cache: Cache, key: int | None) -> bool:
        """Evict until an entry fits; False if it cannot."""
        while True:
            more = 0.0 if key in cache.entries else cache.config.entry_size
            if self.used() + more <= self.service.config.memory.limit:
                return True
            candidates = [held for held in self.held() if held != (cache, key)]
            if not candidates:
                return False
            victim, victim_key = self.victim(candidates)
            del victim.entries[victim_key]
            self.world.record.add("cache_evictions", victim.key)

    def fit(self) -> None:
        """Evict what a lower limit, or larger entries, leave no room for."""
        while self.used() > self.service.config.memory.limit and self.held():
            victim, victim_key = self.victim(self.held())
            del victim.entries[victim_key]
            self.world.record.add("cache_evictions", victim.key)

    def victim(self, candidates: list[Held]) -> Held:
        """Who goes: a random one, or the longest idle of the pool."""
        config, chance = self.service.config.memory, self.world.chance
        if config.eviction == "random":
            return chance.draws(candidates, 1)[0]
        while True:
            for cache, key in chance.draws(candidates, config.samples):
                if all((cache, key) != (c, k) for _, c, k in self.pool):
                    self.pool.append((cache.access_clock() - cache.entries[key].idle_since, cache, key))
            self.pool = sorted(self.pool, key=lambda entry: -entry[0])[:POOL]
            while self.pool:
                _, cache, key = self.pool.pop(0)
                if (cache, key) in candidates:
                    return cache, key

    def expire_actively(self) -> None:
        """Ten times a second: 20 at random, again while more than 10 % of them were expired."""
        for _ in range(500):
            gone = 0
            for cache, key in self.world.chance.draws(self.held(), 20):
                if key in cache.entries and cache.is_dead(key):
                    del cache.entries[key]
                    gone += 1
            if gone <= 0.1 * 20:
                break
        self.world.clock.after(0.1, (HOUSEKEEPING, 2, self.service.index), self.expire_actively)
