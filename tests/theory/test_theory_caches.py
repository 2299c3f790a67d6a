"""Caches against TTL theory and Che's approximation; Zipf's law itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from support import totals

from . import formulas
from .draws import items
from .registry import agree, likely, replicate

pytestmark = pytest.mark.theory


def hit_ratio(
    cache: dict[str, Any], store: dict[str, Any], items: int, rate: float, times: tuple[float, float], seed: int,
    clusters: int = 1,
) -> float:  # fmt: skip
    """Hit ratio of a look-aside cache under Poisson requests, Zipf 0.9, after a warm-up."""
    result = look_aside(cache, store, {"items": items, "popularity": 0.9, "clusters": clusters}, rate, times, seed)
    hits, misses = result["cache_hits"]["s.near"], result["cache_misses"]["s.near"]
    return hits / (hits + misses)


def look_aside(
    cache: dict[str, Any], store: dict[str, Any], content: dict[str, Any], rate: float, times: tuple[float, float], seed: int
) -> dict[str, Any]:  # fmt: skip
    """What a cache does, by item if nothing else is said, in front of what costs nothing."""
    warmup, length = times
    lookup = {"lookup": "near", "on_miss": [{"store": "near"}]}
    service = {"caches": {"near": {"key": "item", **cache}}, "endpoints": {"get": {"steps": [lookup]}}, **store}
    return totals({
        "platform": {
            "name": "cache", "services": {"s": service}, "content": content,
            "sources": {"in": {"call": "s.get", "rate": f"{rate}/s", "item": "random"}},
        },
        "start": f"{warmup} s", "until": f"{warmup + length} s", "warmup": f"{warmup} s", "window": f"{length} s",
        "seed": seed,
    })  # fmt: skip


@pytest.mark.parametrize("reset", [False, True])
def test_hits_until_the_ttl_ends(reset: bool) -> None:
    # 100 000 items, 1000 requests/s, 60 s; ten TTLs of warm-up where hits renew
    found = replicate(
        lambda seed: hit_ratio({"ttl": "60 s", "sliding": reset}, {}, 100_000, 1000, (600 if reset else 120, 300), seed)
    )
    name = "TTL, reset by a hit" if reset else "TTL, not reset by a hit"
    agree(name, found, formulas.ttl_hit_ratio(formulas.zipf(100_000, 0.9), 1000, 60, reset))


def test_one_entry_serves_where_all_topics_are_similar() -> None:
    # 50 topics, 2 requests/s in all, 1 s: as one topic would be asked for
    cache = {"key": "topic", "ttl": "1 s", "similar": 1}
    found = replicate(lambda seed: hit_ratio(cache, {}, 10_000, 2, (10, 10_000), seed, clusters=50))
    agree("TTL, all topics similar", found, formulas.ttl_hit_ratio(np.ones(1), 2, 1, False))


def test_entries_keep_their_neighbours_out_as_in_random_sequential_adsorption() -> None:
    # 1000 topics, one as likely as another, each asked for 20 times on average, and an entry serves both its neighbours
    def entries(seed: int) -> float:
        cache = {"key": "topic", "ttl": "10 h", "similar": 0.003}
        result = look_aside(cache, {}, {"items": 1_000_000, "popularity": 0, "clusters": 1000}, 100, (0, 200), seed)
        return result["cache_entries"]["s.near"] / 1000

    agree("similar topics, jammed", replicate(entries), formulas.jammed_density())


@pytest.mark.parametrize("eviction", ["lru", "fifo", "random"])
def test_hits_in_a_full_memory(eviction: str) -> None:
    # room for 5000 of 100 000 items of 1 kB; with a fine clock and many samples the sampled LRU is nearly exact, and so
    # is Che's approximation at this size (Fricker, Robert and Roberts 2012): the interval is wider than both errors
    memory = {"limit": "5 MB", "eviction": eviction, "samples": 64, "clock": "1 ms"}
    cache = {"ttl": "10 h", "of": "s", "entry_size": "1 kB"}
    found = replicate(lambda seed: hit_ratio(cache, {"memory": memory}, 100_000, 1000, (100, 200), seed))
    name = {"lru": "LRU", "fifo": "FIFO", "random": "random eviction"}[eviction]
    agree(name, found, formulas.che_hit_ratio(formulas.zipf(100_000, 0.9), 5000, fifo=eviction != "lru"))


@pytest.mark.parametrize(
    ("name", "exponent"),
    [("Zipf 0.9, frequencies", 0.9), ("Zipf 1, frequencies", 1.0), ("Zipf 1.3, frequencies", 1.3)],
)
def test_items_follow_zipfs_law(name: str, exponent: float) -> None:
    # the first 20 ranks one by one, then ranks by doubling bins
    n, count = 10_000, 500_000
    drawn = items(n, exponent, count)
    assert drawn.min() >= 0
    assert drawn.max() < n
    edges = np.append(np.arange(21), 20 * 2 ** np.arange(1, 9) + 0)
    edges = np.append(edges[edges < n], n)
    upto = np.append(0, np.cumsum(formulas.zipf(n, exponent)))
    expected = np.diff(upto[edges]) * count
    likely(name, stats.chisquare(np.histogram(drawn, edges)[0], expected).pvalue)
