"""Backoff with every jitter, and the budget, against docs/model.md, section 4."""

from __future__ import annotations

import numpy as np
import pytest
from alone import INTERPRETED, Bench, fewer, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels import names
from sfkernels.records import SITE
from sfkernels.retries import delay, earn, spend

pytestmark = pytest.mark.interpreted

BASE, FACTOR, CAP = 0.1, 2.0, 0.5
PLAIN = {
    names.BACKOFF_CONSTANT: [0.1, 0.1, 0.1, 0.1, 0.1],
    names.BACKOFF_EXPONENTIAL: [0.1, 0.2, 0.4, 0.5, 0.5],
}
"""Delays before retries 1 to 5 without jitter: constant; 0.1·2^(k−1), at most 0.5."""


def delays(backoff: int, jitter: int, retry: int, previous: float) -> np.ndarray:
    site = of(SITE, backoff_base=BASE, factor=FACTOR, cap=CAP, backoff=backoff, jitter=jitter)[0]
    with np.errstate(over="ignore"):
        return np.array([delay(site, retry, previous, np.uint64(key)) for key in range(fewer(2000, 200))])


@pytest.mark.parametrize("backoff", PLAIN)
@pytest.mark.parametrize("retry", [1, 2, 3, 4, 5])
def test_delays_are_within_their_definition_and_fill_it(backoff: int, retry: int) -> None:
    # none: b; full: (0, b); equal: (b/2, b)
    b = PLAIN[backoff][retry - 1]
    np.testing.assert_allclose(delays(backoff, names.JITTER_NONE, retry, BASE), b, rtol=1e-12)
    for jitter, low in ((names.JITTER_FULL, 0.0), (names.JITTER_EQUAL, b / 2)):
        d = delays(backoff, jitter, retry, BASE)
        assert low < d.min() < low + 0.05 * (b - low)
        assert b - 0.05 * (b - low) < d.max() < b
        # the mean of a uniform draw: within 5 standard errors
        assert abs(d.mean() - (low + b) / 2) < 5 * (b - low) / np.sqrt(12 * len(d))


@pytest.mark.parametrize("previous", [BASE, 0.12, 0.3, CAP])
def test_decorrelated_jitter(previous: float) -> None:
    # min(cap, base + U·(3·previous − base))
    d = delays(names.BACKOFF_EXPONENTIAL, names.JITTER_DECORRELATED, 2, previous)
    high = 3 * previous
    assert d.min() >= BASE
    assert d.max() <= min(CAP, high)
    share = min(1.0, (CAP - BASE) / (high - BASE))
    assert abs((d < CAP).mean() - share) < 5 * np.sqrt(0.25 / len(d)) + 1e-9


def test_each_retry_has_a_draw_of_its_own() -> None:
    first, second = (delays(names.BACKOFF_CONSTANT, names.JITTER_FULL, retry, BASE) for retry in (1, 2))
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(len(first))


@settings(max_examples=15 if INTERPRETED else 200, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from([0, 0, 0.125, 0.5, 3]), st.booleans()), max_size=80),
    st.sampled_from([0, 0.25, 1]), st.sampled_from([0, 0.5, 2]), st.sampled_from([1, 3, 10]),
)  # fmt: skip
def test_a_budget_does_as_its_twin(steps: list, ratio: float, reserve: float, cap: float) -> None:
    bench = Bench(size=1, sites=of(SITE, budget_ratio=ratio, budget_reserve=reserve, budget_cap=cap, balance=cap))
    now, balance = 0.0, cap
    for gap, first_attempt in steps:
        now += gap
        balance = min(cap, balance + gap * reserve)
        if first_attempt:
            bench.call(earn, k=0, now=now)
            balance = min(cap, balance + ratio)
        else:
            granted = balance >= 1
            assert bool(bench.call(spend, k=0, now=now)) == granted
            balance -= granted
        assert bench.sites["balance"][0] == pytest.approx(balance)
