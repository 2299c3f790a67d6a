"""Caches: lookup, store, invalidation, coalescing (section 5)."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

from sfmodel.schema.caches import Cache as Config
from sfmodel.schema.caches import Memory as MemoryConfig
from sfmodel.schema.steps import Call, Invalidate

from . import calls
from .clock import Script

if TYPE_CHECKING:
    from .balancers import Service
    from .tasks import Place, Task

Key = int | None


@dataclass
class Entry:
    """What the cache knows of a key."""

    expiry: float
    version: int
    idle_since: float


class Flight:
    """A leader that fetches a key, and those who wait for it."""

    def __init__(self, leader: Task) -> None:
        self.leader = leader
        self.waiting: deque[tuple[Task, simpy.Event]] = deque()


def find(task: Task, name: str) -> Cache:
    """The cache of `service.cache`, or of the task's own service."""
    service, _, cache = name.rpartition(".")
    return task.world.services[service or task.replica.service.name].caches[cache]


class Cache:
    """Entries by key."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name
        self.world = service.world
        self.key = f"{service.name}.{name}"
        self.entries: dict[Key, Entry] = {}
        self.versions = [0] * self.world.platform.content.clusters
        self.invalidations: dict[int, tuple[float, float, bool]] = {}
        """Topic → when the last began, over how long it is spread, whether it is soft."""
        self.flights: dict[Key, Flight] = {}

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.service.config.caches[self.name]

    def count(self, what: str) -> None:
        """Count something of this cache."""
        self.world.record.add(f"cache_{what}", self.key)

    # --- keys and topics

    def key_of(self, task: Task) -> Key:
        """The key of the task's entry."""
        if self.config.key == "cluster":
            return self.world.people.taste(task.user)
        return getattr(task, self.config.key)

    def topic_of(self, key: Key) -> int:
        """The topic of an entry, by which it is invalidated."""
        if key is None:
            return 0
        if self.config.key == "user":
            return self.world.people.taste(key) or 0
        if self.config.key == "item":
            return self.world.people.topic(key) or 0
        return key

    def all_keys(self) -> range:
        """Every key there could be."""
        content = self.world.platform.content
        if self.config.key == "user":
            return range(self.world.people.population())
        return range(self.world.people.items() if self.config.key == "item" else content.clusters)

    # --- state of entries

    def reached_at(self, key: Key) -> float:
        """When an invalidation reaches the entry; −∞: more than one has been."""
        entry, topic = self.entries[key], self.topic_of(key)
        if entry.version == self.versions[topic]:
            return math.inf
        if (entry.version + 1) % 256 != self.versions[topic]:
            return -math.inf
        since, over, _ = self.invalidations[topic]
        return since + self.world.chance.hashed("gradual", key) * over if over > 0 else since

    def is_current(self, key: Key) -> bool:
        """Whether no invalidation has reached the entry."""
        return self.world.clock.now < self.reached_at(key)

    def is_fresh(self, key: Key) -> bool:
        """Neither expired nor reached by an invalidation."""
        return self.is_current(key) and self.world.clock.now < self.entries[key].expiry

    def is_dead(self, key: Key) -> bool:
        """Not even served as a stale one any more."""
        now, ended = self.world.clock.now, self.entries[key].expiry
        if not self.is_current(key):
            reached = self.reached_at(key)
            if reached == -math.inf or not self.invalidations[self.topic_of(key)][2]:
                return True
            ended = min(ended, reached)
        return now >= ended + self.config.stale_for

    def state(self, key: Key, own: Key) -> str:
        """hit, stale or miss; what is found dead is counted and removed."""
        now = self.world.clock.now
        if key not in self.entries:
            return "miss"
        if not self.is_dead(key):
            if not self.is_fresh(key):
                return "stale"
            left = self.entries[key].expiry - now
            return "miss" if self.config.early > 0 and left <= self.looks_ahead(own) else "hit"
        self.count("expired" if self.is_current(key) else "invalidated")
        del self.entries[key]
        return "miss"

    def looks_ahead(self, key: Key) -> float:
        """How long before its expiry the entry is fetched already, by whom nobody else does it for."""
        return 0.0 if key in self.flights else self.world.chance.exponential(self.config.early)

    # --- lookup

    def nearest(self, own: Key) -> Key:
        """Of the similar keys the nearest one that is fresh, else the own."""
        ring = self.world.platform.content.clusters
        number = math.ceil(self.config.similar * ring)
        if own is None or number == 0:
            return own
        aside = range(-((number - 1) // 2), number // 2 + 1)
        fresh = [k for k in aside if (own + k) % ring in self.entries and self.is_fresh((own + k) % ring)]
        return (own + min(fresh, key=lambda k: (abs(k), k < 0))) % ring if fresh else own

    def look(self, task: Task, place: Place) -> Script:
        """Read; return hit, stale or miss."""
        readable = True
        if self.config.read is not None:
            readable = (yield from self.call(task, place.below("read"), self.config.read)) == "ok"
        own = self.key_of(task)
        key = self.nearest(own) if readable else own
        state = self.state(key, own) if readable else "miss"
        if state == "miss" and self.config.coalesce:
            state = yield from self.coalesce(task, own)
        if state == "hit":
            self.hit(key)
            if key != own:
                self.count("similar")
        if state in ("hit", "stale"):
            self.count("hits" if state == "hit" else "stale")
        elif state == "miss" and not self.config.coalesce:
            self.count("misses")
        return "hit" if state == "coalesced" else state

    def hit(self, key: Key) -> None:
        """Set the access clock; renew a sliding expiry."""
        entry = self.entries[key]
        store = self.store_config()
        if store is None or store.eviction == "lru":
            entry.idle_since = self.access_clock()
        if self.config.sliding:
            entry.expiry = self.expiry_after(self.config.ttl)

    def call(self, task: Task, place: Place, target: str) -> Script:
        """The call that a cache step makes."""
        step = Call.model_construct(call=target, timeout=self.config.timeout)
        return (yield from calls.call(task, place, lambda: step, self.key_of(task)))

    # --- store

    def store(self, task: Task, place: Place) -> Script:
        """Write the task's entry, unless the write call fails."""
        if self.config.write is not None:
            outcome = yield from self.call(task, place.below("write"), self.config.write)
            if outcome != "ok":
                return
        key = self.key_of(task)
        if self.put(key, self.new_expiry()):
            self.count("stores")
            self.leader_stores(task, key)

    def put(self, key: Key, expiry: float) -> bool:
        """Write an entry if there is room, or room can be made."""
        if self.config.of is not None and not self.world.services[self.config.of].memory.make_room(self, key):
            return False
        self.entries[key] = Entry(expiry, self.versions[self.topic_of(key)], self.access_clock())
        return True

    def new_expiry(self) -> float:
        """When an entry written now expires."""
        lives = self.config.ttl
        if self.config.ttl_jitter > 0:
            lives *= 1 - self.config.ttl_jitter * self.world.chance.uniform()
        return self.expiry_after(lives)

    def expiry_after(self, lives: float) -> float:
        """So long from now, in milliseconds rounded up."""
        return math.ceil((self.world.clock.now + lives) * 1000) / 1000

    def store_config(self) -> MemoryConfig | None:
        """The memory it lives in, if any."""
        return None if self.config.of is None else self.world.platform.services[self.config.of].memory

    def access_clock(self) -> float:
        """Now, in the resolution of the store's clock."""
        store = self.store_config()
        resolution = 1.0 if store is None else store.clock
        return math.floor(self.world.clock.now / resolution)

    def warm_up(self) -> None:
        """Each key present with a probability."""
        chance = self.world.chance
        for key in self.all_keys():
            if chance.happens(self.config.warm):
                remaining = (1 - chance.uniform()) * self.config.ttl
                self.put(key, self.expiry_after(remaining))

    # --- invalidation

    def invalidate(self, task: Task, step: Invalidate, place: Place) -> Script:
        """Tell every replica, then make entries invalid."""
        if self.config.invalidate is not None:
            yield from self.tell_all(task, place.below("invalidate"))
        key = self.key_of(task)
        if step.scope == "key":
            if not step.soft:
                self.entries.pop(key, None)
            elif key in self.entries:
                self.entries[key].expiry = min(self.entries[key].expiry, math.floor(self.world.clock.now * 1000) / 1000)
            self.leader_gives_up(task, key)
        else:
            for topic in self.topics(task, step):
                self.invalidate_topic(topic, step)

    def tell_all(self, task: Task, place: Place) -> Script:
        """Call every replica at once and wait for all; failures are ignored."""
        target = self.world.services[self.config.invalidate.split(".")[0]]
        step = Call.model_construct(call=self.config.invalidate, timeout=self.config.timeout)
        yield from calls.call_each(task, place, step, self.key_of(task), target.replicas)

    def topics(self, task: Task, step: Invalidate) -> set[int]:
        """All topics, or those around the task's own on the ring."""
        ring = len(self.versions)
        if step.scope == "all":
            return set(range(ring))
        number = math.ceil(step.share * ring)
        first = (task.topic or 0) - (number - 1) // 2
        return {(first + i) % ring for i in range(number)}

    def invalidate_topic(self, topic: int, step: Invalidate) -> None:
        """A new version; a gradual one reaches each entry at a time of its own."""
        self.versions[topic] = (self.versions[topic] + 1) % 256
        self.invalidations[topic] = self.world.clock.now, step.over, step.soft

    # --- coalescing

    def coalesce(self, task: Task, key: Key) -> Script:
        """Lead (miss), or wait for the leader: coalesced after its store, miss when leading in its place."""
        flight = self.flights.get(key)
        if flight is None:
            self.flights[key] = Flight(task)
            task.leads.append((self, key))
        if flight is None or flight.leader is task:
            self.count("misses")
            return "miss"
        waiter = (task, self.world.clock.event())
        flight.waiting.append(waiter)
        try:
            return (yield waiter[1])
        finally:
            if waiter in flight.waiting:
                flight.waiting.remove(waiter)

    def leader_stores(self, task: Task, key: Key) -> None:
        """Those who wait go on as hits."""
        flight = self.flights.get(key)
        if flight is not None and flight.leader is task:
            del self.flights[key]
            task.leads.remove((self, key))
            while flight.waiting:
                self.count("coalesced")
                flight.waiting.popleft()[1].succeed("coalesced")

    def leader_gives_up(self, task: Task, key: Key) -> None:
        """The first of those who wait leads."""
        flight = self.flights.get(key)
        if flight is None or flight.leader is not task:
            return
        task.leads.remove((self, key))
        if not flight.waiting:
            del self.flights[key]
            return
        flight.leader, event = flight.waiting.popleft()
        flight.leader.leads.append((self, key))
        self.count("misses")
        event.succeed("miss")
