"""Caches against a dictionary: expiry, versions, scopes, gradual invalidation; eviction keeps within the limit."""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from alone import INTERPRETED, Bench, fewer, of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sfkernels import names, records
from sfkernels.caches import HIT, MISS, STALE, expire_some, invalidate, look_up, looks_ahead, put
from sfkernels.random import mix, uniform

pytestmark = pytest.mark.interpreted

TOPICS, TTL = 5, 2.0
SPREAD = np.uint64(0x7370)


class Twin:
    """Keys are topics: entry k is about topic k."""

    def __init__(self, salt: int, stale_for: float, sliding: bool, near: int = 0) -> None:
        self.salt, self.stale_for, self.sliding, self.near = salt, stale_for, sliding, near
        self.entries: dict[int, tuple[float, int]] = {}
        """Key → (expiry, number of its topic's invalidations when it was written)."""
        self.invalidations: dict[int, list[tuple[float, float, bool]]] = defaultdict(list)
        """Topic → (time, over, soft) of each invalidation."""
        with np.errstate(over="ignore"):
            here = np.uint64(mix(np.uint64(salt), SPREAD))  # compiled, it returns an int
            self.spread = [float(uniform(here, np.uint64(k))) for k in range(TOPICS)]

    def nearest(self, key: int, now: float) -> int:
        """Written out: 0, 1 to the right, 1 to the left, 2 to the right …, so many as there are."""
        for aside in (0, 1, -1, 2, -2)[: self.near]:
            there = (key + aside) % TOPICS
            if there in self.entries and now < min(self.entries[there][0], self.reached(there)[0]):
                return there
        return key

    def reached(self, key: int) -> tuple[float, bool]:
        """When an invalidation reaches the entry, and whether it is soft."""
        later = self.invalidations[key][self.entries[key][1] :]
        if not later:
            return math.inf, False
        # only the last may still be gradual, or soft
        begun, over, soft = later[-1] if len(later) == 1 else (-math.inf, 0.0, False)
        return begun + self.spread[key] * over, soft

    def look_up(self, key: int, now: float) -> str:
        if key not in self.entries:
            return "miss"
        expiry, version = self.entries[key]
        reached, soft = self.reached(key)
        if now >= reached and soft and now < min(expiry, reached) + self.stale_for:
            return "stale"
        if now >= reached:
            del self.entries[key]
            return "invalidated"
        if now < expiry:
            if self.sliding:
                self.entries[key] = now + TTL, version
            return "hit"
        if now < expiry + self.stale_for:
            return "stale"
        del self.entries[key]
        return "expired"

    def put(self, key: int, now: float) -> None:
        self.entries[key] = now + TTL, len(self.invalidations[key])

    def invalidate(self, scope: int, share: float, over: float, soft: bool, key: int, now: float) -> None:
        if scope == names.SCOPE_KEY and soft and key in self.entries:
            expiry, version = self.entries[key]
            self.entries[key] = min(expiry, now), version
        elif scope == names.SCOPE_KEY:
            self.entries.pop(key, None)
        if scope == names.SCOPE_KEY:
            return
        near = TOPICS if scope == names.SCOPE_ALL else math.ceil(share * TOPICS)
        first = 0 if scope == names.SCOPE_ALL else key - (near - 1) // 2
        for n in range(near):
            self.invalidations[(first + n) % TOPICS].append((now, over, soft))


def bench_of(stale_for: float, sliding: bool, **cache: object) -> Bench:
    return Bench(
        size=1, pool=of(records.POOLED, names.POOL), listed=np.zeros(4096, np.uint64),
        caches=of(records.CACHE, ttl=TTL, key=names.KEY_TOPIC, stale_for=stale_for, sliding=sliding, salt=99, entry_size=1000,
                  **{"store": -1, **cache}),
        stores=of(records.STORE, limit=1e9, clock=0.001, samples=5, capacity=4096, salt=5),
        versions=of(records.VERSION, TOPICS), user_rows=np.zeros((1, 1), np.uint64), item_rows=np.zeros((1, 1), np.uint64),
        cluster_rows=np.zeros((TOPICS + 1, 1), np.uint64), population=of(records.POPULATION, count=1, items=1, clusters=TOPICS),
    )  # fmt: skip


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "put", "put", "invalidate"]), st.integers(0, TOPICS - 1),
        st.sampled_from([0, 0.125, 0.5, 1.5]), st.integers(0, 2), st.sampled_from([0.2, 0.4, 0.5, 1]),
        st.sampled_from([0, 0, 2]), st.booleans(),
    ),
    max_size=25 if INTERPRETED else 120,
)  # fmt: skip


@settings(max_examples=15 if INTERPRETED else 300, deadline=None, derandomize=True)
@given(STEPS, st.sampled_from([0, 0.75]), st.booleans(), st.booleans(), st.sampled_from([0, 0, 1, 2, 3, TOPICS]))
def test_a_cache_does_as_a_dictionary(steps: list, stale_for: float, sliding: bool, stored: bool, near: int) -> None:
    bench = bench_of(stale_for, sliding, store=0 if stored else -1, near=near)
    twin = Twin(99, stale_for, sliding, near)
    seen = defaultdict(int)
    for verb, key, wait, scope, share, over, soft in steps:
        bench.now += wait
        if verb == "look":
            served = twin.nearest(key, bench.now)
            found, expected = (
                bench.call(look_up, c=0, row=key, now=bench.now, ahead=0.0),
                twin.look_up(served, bench.now),
            )
            seen["similar"] += served != key
            assert found == {"hit": HIT, "stale": STALE}.get(expected, MISS)
            seen[expected] += 1
        elif verb == "put":
            bench.call(put, c=0, row=key, key=np.uint64(1), salt=np.uint64(2))
            twin.put(key, bench.now)
        else:
            bench.call(
                invalidate, c=0, scope=scope, share=share, over=over, soft=int(soft), row=key, topic=key, now=bench.now
            )
            twin.invalidate(scope, share, over, soft, key, bench.now)
        cache = bench.caches[0]
        assert (cache["hits"], cache["stale"], cache["similar"]) == (seen["hit"], seen["stale"], seen["similar"])
        assert (cache["expired"], cache["invalidated"]) == (seen["expired"], seen["invalidated"])
        assert cache["misses"] == seen["miss"] + seen["expired"] + seen["invalidated"]
        assert cache["entries"] == len(twin.entries)
        assert bench.stores["used"][0] == (1000 * len(twin.entries) if stored else 0)


def test_the_expiry_is_a_whole_millisecond_rounded_up() -> None:
    # stored at 0.1 ms for 2 s: lasts to 2.001 s
    bench = bench_of(0, False)
    bench.now = 0.0001
    bench.call(put, c=0, row=0, key=np.uint64(1), salt=np.uint64(2))
    assert bench.call(look_up, c=0, row=0, now=2.0009, ahead=0.0) == HIT
    assert bench.call(look_up, c=0, row=0, now=2.001, ahead=0.0) == MISS


@pytest.mark.parametrize("ttl", [2**32 / 1000 - 1, 2**32 / 1000, 10 * 365 * 86400.0, 1e300])
def test_an_expiry_that_32_bits_cannot_hold_never_comes(ttl: float) -> None:
    bench = bench_of(0, True)
    bench.caches["ttl"] = ttl
    bench.now = 5.0
    bench.call(put, c=0, row=0, key=np.uint64(1), salt=np.uint64(2))
    for now in (5.0, 7.0, 48 * 86400.0):
        bench.now = now
        assert bench.call(look_up, c=0, row=0, now=now, ahead=0.0) == HIT


def test_the_latest_expiry_that_32_bits_hold_comes() -> None:
    # 2³² − 2 ms, the last before never
    bench = bench_of(0, False)
    bench.caches["ttl"] = 4294967.294
    bench.call(put, c=0, row=0, key=np.uint64(1), salt=np.uint64(2))
    assert bench.call(look_up, c=0, row=0, now=4294967.293, ahead=0.0) == HIT
    assert bench.call(look_up, c=0, row=0, now=4294967.294, ahead=0.0) == MISS


def test_an_entry_that_is_256_versions_old_may_look_new_and_255_does_not() -> None:
    bench = bench_of(0, False)
    bench.call(put, c=0, row=0, key=np.uint64(1), salt=np.uint64(2))
    for _ in range(255):
        bench.call(invalidate, c=0, scope=names.SCOPE_ALL, share=1.0, over=0.0, soft=0, row=0, topic=0, now=0.0)
    assert bench.call(look_up, c=0, row=0, now=1.0, ahead=0.0) == MISS


# Early refresh


def test_who_looks_ahead_beyond_the_expiry_misses_and_leaves_the_entry() -> None:
    bench = bench_of(0, False)
    bench.call(put, c=0, row=0, key=np.uint64(1), salt=np.uint64(2))
    assert bench.call(look_up, c=0, row=0, now=1.5, ahead=0.499) == HIT
    assert bench.call(look_up, c=0, row=0, now=1.5, ahead=0.5) == MISS
    assert bench.call(look_up, c=0, row=0, now=1.5, ahead=0.0) == HIT
    cache = bench.caches[0]
    assert (cache["hits"], cache["misses"], cache["expired"], cache["entries"]) == (2, 1, 0, 1)


def test_how_far_one_looks_ahead_is_exponential() -> None:
    bench = bench_of(0, False, early=0.3)
    drawn = [bench.call(looks_ahead, c=0, key=np.uint64(k), salt=np.uint64(5)) for k in range(fewer(4000, 400))]
    assert stats.kstest(drawn, "expon", args=(0, 0.3)).pvalue > 0.001


# Memory


def memory(eviction: int, limit: int, keys: int, **store: object) -> Bench:
    bench = bench_of(0, False, store=0)
    bench.caches["key"] = names.KEY_ITEM
    bench.stores["eviction"], bench.stores["limit"] = eviction, limit * 1000
    for name, value in store.items():
        bench.stores[name] = value
    bench.population["items"] = keys
    bench.arrays["item_rows"] = np.zeros((keys + 1, 1), np.uint64)
    return bench


def present(bench: Bench) -> set[int]:
    return set(np.flatnonzero(bench.item_rows[:, 0] & np.uint64(1)).tolist())


def write(bench: Bench, key: int) -> None:
    bench.call(put, c=0, row=key, key=np.uint64(1), salt=np.uint64(2))


@pytest.mark.parametrize("eviction", [names.EVICT_LRU, names.EVICT_FIFO, names.EVICT_RANDOM])
def test_eviction_keeps_within_the_limit_and_spares_what_is_written(eviction: int) -> None:
    bench = memory(eviction, 7, 40)
    fresh = 0
    for n in range(200):
        bench.now += 0.01
        key = (7 * n + n // 40) % 40
        fresh += key not in present(bench)
        write(bench, key)
        assert key in present(bench)
        assert len(present(bench)) == bench.caches["entries"][0] <= 7
        assert bench.stores["used"][0] == 1000 * bench.caches["entries"][0]
    # whatever was not there took the place of another, but for the first seven
    assert bench.caches["evictions"][0] == fresh - 7 > 100


def test_the_longest_idle_goes_with_many_samples() -> None:
    # 1 … 8 written in order and 1 read again; with all seen, 2 goes for 9; by `fifo` it is 1
    for eviction, gone in ((names.EVICT_LRU, 1), (names.EVICT_FIFO, 0)):
        bench = memory(eviction, 8, 9, samples=64)
        for key in range(8):
            bench.now += 0.01
            write(bench, key)
        bench.now += 0.01
        assert bench.call(look_up, c=0, row=0, now=bench.now, ahead=0.0) == HIT
        bench.now += 0.01
        write(bench, 8)
        assert present(bench) == set(range(9)) - {gone}


def test_an_entry_that_is_evicted_while_it_is_refreshed_comes_back_once() -> None:
    # key 0 is being fetched anew when others push it out: its store makes room for itself, and is listed once
    bench = memory(names.EVICT_FIFO, 3, 9, samples=64)
    for key in (0, 1, 2, 3):
        bench.now += 0.01
        write(bench, key)
    assert present(bench) == {1, 2, 3}
    bench.now += 0.01
    write(bench, 0)
    assert present(bench) == {0, 2, 3}
    names_listed = [int(ref) for ref in bench.listed[: bench.stores["listed"][0]]]
    assert len(names_listed) == len(set(names_listed))
    # a refresh of what is there takes no room and evicts nobody
    before = int(bench.caches["evictions"][0])
    write(bench, 0)
    assert present(bench) == {0, 2, 3}
    assert bench.caches["evictions"][0] == before


def test_what_cannot_fit_is_not_stored() -> None:
    bench = memory(names.EVICT_LRU, 3, 9, reserved=2500)
    write(bench, 0)
    assert present(bench) == set()
    assert bench.caches["stores"][0] == 0


def test_active_expiry_spares_what_never_expires() -> None:
    bench = memory(names.EVICT_LRU, 100, 100)
    bench.caches["ttl"] = 2**32 / 1000
    for key in range(60):
        write(bench, key)
    bench.now = 48 * 86400.0
    bench.call(expire_some, m=0, now=bench.now)
    assert present(bench) == set(range(60))


def test_active_expiry_removes_what_is_dead() -> None:
    # 60 entries live 2 s, 20 are written later: after 2 s nearly all of the 60 go, none of the 20
    bench = memory(names.EVICT_LRU, 100, 100)
    for key in range(60):
        write(bench, key)
    bench.now = 1.0
    for key in range(60, 80):
        write(bench, key)
    bench.now = 2.5
    for _ in range(20):
        bench.call(expire_some, m=0, now=bench.now)
    assert set(range(60, 80)) <= present(bench)
    assert len(present(bench)) < 30
    assert bench.stores["used"][0] == 1000 * len(present(bench))
