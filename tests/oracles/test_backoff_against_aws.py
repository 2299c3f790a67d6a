"""Backoff and jitter against the simulation of an article that everybody cites.

M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 4 March 2015: N clients start at once and update one
row under optimistic concurrency control. Each reads the row's version, then writes; the write fails if another came in
between, and the client waits before it reads again. The network takes 10 ms on average, with a variance of 4 ms². Base
5 ms, cap 2 s. What the article finds: exponential backoff without jitter is the
clear loser in work and in time; of the jitters, equal does slightly more work than full and takes much longer;
decorrelated takes about the time of full, for some more work.

The setting is simulated here with the article's formulas and with the model's own kernel.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

sys.path.insert(0, str(Path(__file__).parents[1] / "kernels"))

from alone import of

from sfkernels import names, records
from sfkernels.retries import delay

NETWORK_MS, NETWORK_SD_MS = 10.0, 2.0
BASE_MS, CAP_MS = 5.0, 2000.0
POLICIES = ("constant", "exponential", "full", "equal", "decorrelated")
CLIENTS = (20, 60, 100)
SEEDS = range(30)
FAMILY = 0.99

Backoff = Callable[[int, int, float], float]
"""(client, retry, previous delay) → delay, ms."""


def by_the_article(policy: str, seed: int) -> Backoff:
    chance = np.random.default_rng([seed, 1])

    def next_delay(client: int, retry: int, previous: float) -> float:
        grown = min(CAP_MS, BASE_MS * 2 ** (retry - 1))
        if policy == "full":
            return chance.uniform(0, grown)
        if policy == "equal":
            return grown / 2 + chance.uniform(0, grown / 2)
        if policy == "decorrelated":
            return min(CAP_MS, chance.uniform(BASE_MS, 3 * previous))
        return grown if policy == "exponential" else BASE_MS

    return next_delay


def by_the_kernel(policy: str, seed: int) -> Backoff:
    jitters = {"full": names.JITTER_FULL, "equal": names.JITTER_EQUAL, "decorrelated": names.JITTER_DECORRELATED}
    site = of(
        records.SITE, backoff_base=BASE_MS, cap=CAP_MS, factor=2, salt=9, jitter=jitters.get(policy, names.JITTER_NONE),
        backoff=names.BACKOFF_CONSTANT if policy == "constant" else names.BACKOFF_EXPONENTIAL,
    )  # fmt: skip

    def next_delay(client: int, retry: int, previous: float) -> float:
        return float(delay(site[0], retry, previous, np.uint64(1000 * seed + client)))

    return next_delay


def contend(clients: int, seed: int, next_delay: Backoff) -> tuple[int, float]:
    """Writes in all, and when the last client has succeeded, ms."""
    chance = np.random.default_rng([seed, 2])

    def network() -> float:
        return abs(float(chance.normal(NETWORK_MS, NETWORK_SD_MS)))

    version = writes = 0
    end = 0.0
    retries, previous = [0] * clients, [BASE_MS] * clients
    queue = [(network(), client, "read", 0) for client in range(clients)]
    heapq.heapify(queue)
    while queue:
        now, client, what, seen = heapq.heappop(queue)
        if what == "read":
            heapq.heappush(queue, (now + network() + network(), client, "write", version))
            continue
        writes += 1
        heard = now + network()
        if seen == version:
            version += 1
            end = max(end, heard)
        else:
            retries[client] += 1
            previous[client] = next_delay(client, retries[client], previous[client])
            heapq.heappush(queue, (heard + previous[client] + network(), client, "read", 0))
    return writes, end


@cache
def replications(source: Callable[[str, int], Backoff], policy: str, clients: int) -> np.ndarray:
    """Writes and completion times, [seed, which]; seeds of the two sources are apart, so that they are independent."""
    first = 1000 if source is by_the_kernel else 0
    return np.array([contend(clients, first + seed, source(policy, first + seed)) for seed in SEEDS], float)


def half_width(a: np.ndarray, b: np.ndarray, level: float) -> float:
    """Of Welch's interval for the difference of two means."""
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    freedom = sum(parts) ** 2 / sum(part**2 / (len(a) - 1) for part in parts)
    return float(t.ppf((1 + level) / 2, freedom) * np.sqrt(sum(parts)))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("clients", CLIENTS)
def test_the_kernel_does_as_the_article(policy: str, clients: int) -> None:
    level = FAMILY ** (1 / (2 * len(POLICIES) * len(CLIENTS)))
    ours, theirs = (replications(source, policy, clients) for source in (by_the_kernel, by_the_article))
    for which, what in enumerate(("writes", "completion time")):
        difference = abs(ours[:, which].mean() - theirs[:, which].mean())
        assert difference <= half_width(ours[:, which], theirs[:, which], level), what


def test_the_ranking_is_the_articles() -> None:
    writes, times = ({p: replications(by_the_kernel, p, 100)[:, which] for p in POLICIES} for which in (0, 1))
    for more, less in (("constant", "full"), ("exponential", "equal"), ("equal", "full"), ("decorrelated", "full")):
        assert writes[more].mean() - writes[less].mean() > half_width(writes[more], writes[less], FAMILY), (more, less)
    for longer, shorter in (("exponential", "equal"), ("equal", "full"), ("equal", "decorrelated")):
        assert times[longer].mean() - times[shorter].mean() > half_width(times[longer], times[shorter], FAMILY)
