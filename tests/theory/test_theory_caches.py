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
    cache: dict[str, Any], store: dict[str, Any], items: int, rate: float, times: tuple[float, float], seed: int
) -> float:
    """Hit ratio of a look-aside cache by item under Poisson requests, Zipf 0.9, after a warm-up."""
    warmup, length = times
    lookup = {"lookup": "near", "on_miss": [{"store": "near"}]}
    service = {"caches": {"near": {"key": "item", **cache}}, "endpoints": {"get": {"steps": [lookup]}}, **store}
    result = totals({
        "platform": {
            "name": "cache", "services": {"s": service}, "content": {"items": items, "popularity": 0.9},
            "sources": {"in": {"call": "s.get", "rate": f"{rate}/s", "item": "random"}},
        },
        "start": f"{warmup} s", "until": f"{warmup + length} s", "warmup": f"{warmup} s", "window": f"{length} s",
        "seed": seed,
    })  # fmt: skip
    hits, misses = result["cache_hits"]["s.near"], result["cache_misses"]["s.near"]
    return hits / (hits + misses)


@pytest.mark.parametrize("reset", [False, True])
def test_hits_until_the_ttl_ends(reset: bool) -> None:
    # 100 000 items, 1000 requests/s, 60 s; ten TTLs of warm-up where hits renew
    found = replicate(
        lambda seed: hit_ratio({"ttl": "60 s", "sliding": reset}, {}, 100_000, 1000, (600 if reset else 120, 300), seed)
    )
    name = "TTL, reset by a hit" if reset else "TTL, not reset by a hit"
    agree(name, found, formulas.ttl_hit_ratio(formulas.zipf(100_000, 0.9), 1000, 60, reset))


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
