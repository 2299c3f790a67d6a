"""A client's throttle against the formula of its chapter, counted from a list of all that has happened."""

from __future__ import annotations

import math

import numpy as np
import pytest
from alone import Bench, fewer, of

from sfkernels import names
from sfkernels.random import uniform
from sfkernels.records import BREAKER
from sfkernels.throttles import THROTTLE, count, refuses

pytestmark = pytest.mark.interpreted

REFUSALS = 1 << names.REJECTED | 1 << names.THROTTLED
WINDOW_S = 120.0


def throttle(k: float = 2.0) -> Bench:
    window = np.zeros((1, 1024), np.int64)
    window[0, 0:30:3] = -1
    return Bench(breakers=of(BREAKER, k=k, window_s=WINDOW_S, on=REFUSALS), window=window)


@pytest.mark.parametrize("k", [1.0, 1.1, 2.0, 3.0])
def test_refused_with_the_published_probability(k: float) -> None:
    """max(0, (requests - K accepts) / (requests + 1)), of the current tenth of the window and the nine before it."""
    bench, chance, now = throttle(k), np.random.default_rng(1), 0.0
    requests: list[int] = []
    accepts: list[int] = []
    refused = 0
    for number in range(fewer(4000, 400)):
        now += float(chance.exponential(1.0 if number % 500 else 200.0))
        bucket = math.floor(now / (WINDOW_S / 10))
        asked, accepted = (sum(then > bucket - 10 for then in times) for times in (requests, accepts))
        probability = max(0.0, (asked - k * accepted) / (asked + 1))
        key = np.uint64(number)
        found = bench.call(refuses, b=0, key=key, now=now)
        assert found == (uniform(key, THROTTLE) < probability)
        refused += found
        if not found:  # it ends a while later, perhaps in another bucket
            now += float(chance.exponential(2.0))
            bucket = math.floor(now / (WINDOW_S / 10))
            good = chance.random() < 0.3
            bench.call(count, b=0, outcome=names.OK if good else names.REJECTED, now=now)
            accepts += [bucket] * good
        requests.append(bucket)
    assert 0 < refused < len(requests)


def test_an_error_is_an_accept_and_a_refusal_is_none() -> None:
    bench = throttle()
    outcomes = ((names.ERROR, 1), (names.REJECTED, 1), (names.THROTTLED, 1), (names.TIMEOUT, 1), (names.OK, 2))
    for number, (outcome, accepted) in enumerate(outcomes):
        bench.call(count, b=0, outcome=outcome, now=5.0)
        assert (bench.window[0, 1], bench.window[0, 2]) == (number + 1, accepted)


@pytest.mark.parametrize("k", [1.0, 2.0])
def test_nothing_is_refused_while_all_is_accepted_however_late(k: float) -> None:
    """100/s from nothing, replies after a second: what is under way was not refused."""
    bench = throttle(k)
    for number in range(fewer(1000, 300)):
        assert not bench.call(refuses, b=0, key=np.uint64(number), now=number / 100)
        if number >= 100:
            bench.call(count, b=0, outcome=names.OK, now=number / 100)
